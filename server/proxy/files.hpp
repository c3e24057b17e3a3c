#pragma once
// Files: answers GET and HEAD of a file: resolve, resolve-cache, raw. Hits come from the store with
// sendfile; everything else follows a flight. One for the process; any io thread.

#include <deque>

#include "server/hub/route.hpp"
#include "server/proxy/direct.hpp"
#include "server/proxy/file_body.hpp"
#include "server/proxy/hot_files.hpp"
#include "server/proxy/part_readers.hpp"
#include "server/proxy/resolve.hpp"

namespace hubkeep {

class Files {
  public:
    Files(const Settings& settings, Resolver& resolver, Fetcher& fetcher, Direct& direct,
          Flights& flights, BlobStore& store, Index& index, IoThreads& threads, Log& log);

    Task<void> serve(Exchange& exchange, Route route, Caller caller);

    // An entry that was resolved for this caller, and where it was found.
    struct Found {
        Route route;
        Caller caller;
        Resolution resolution;
    };
    // Whether the store has room for so much when it holds nothing else; what it has none for is
    // not offered over Xet.
    bool can_keep(std::uint64_t size) const;
    // Parts of it in a form of their own, behind `head`, which lacks Content-Length.
    Task<void> serve_parts(Exchange& exchange, Found found, PartReader reader, ResponseHead head,
                           FileBody body);
    // The refusal of a part to those who got others of its file.
    static Refusal as_gone(Refusal refusal);
    // What the reader is going to ask for, in many requests: its transfer begins now. The edition
    // of its parts, or a refusal when it cannot be had, or cannot be had whole.
    Task<Outcome<std::uint8_t>> plan_parts(IoThread& thread, Found found, PartReader reader,
                                           ByteRange range);

    // What is known of the request's target without parsing it; null when it is not hot.
    std::shared_ptr<const HotTarget> hot(Exchange& exchange);
    struct HotAnswer {
        ResponseHead head;  // refers to the target
        std::shared_ptr<const std::string> content;

        std::string_view body() const { return content ? *content : std::string_view(); }
    };
    // What serve() would answer, when nothing has to be looked up or read for it.
    std::optional<HotAnswer> answer_now(Exchange& exchange, const HotTarget& target,
                                        const Caller& caller);

  private:
    // One answer under way.
    struct Answer {
        Exchange& exchange;
        const Route& route;
        const Caller& caller;
        bool doubted = false;  // the Hub was asked a second time
        ResponseHead head;
        Source source;
        std::optional<FileBody> body;
        ByteRange range;                   // that has all of the body
        bool whole = true;                 // the client wants the file from byte 0 to its end
        bool to_the_end = true;            // the client's range has no end of its own
        std::optional<PartReader> reader;  // who makes up the file from many answers
        TimePoint waits_for_room_until{};  // the reader
        ByteRange goal;                    // what is fetched for it
        Verdict verdict;
        std::string warning;
        ByteCounter counter;
    };
    Task<void> answer(Exchange& exchange, const Route& route, const Caller& caller,
                      Outcome<Resolution> resolved, bool doubted);
    Task<void> refuse_or_answer_anew(Answer& answer, const Error& error);
    void add_xet_fields(ResponseHead& head, const Exchange& exchange, const FileMetadata& file,
                        const RepoId& repo) const;
    bool choose_range(Answer& answer, std::string_view etag) const;
    Task<void> send_pointer(Answer& answer);
    Task<void> send_xet_info(Answer& answer);
    Task<void> send_body(Answer& answer);
    Task<void> send_blob(Answer& answer, const Blob& blob);
    void keep_hot(const Answer& answer, const StaysTrue& stays_true);
    Task<void> follow(Answer& answer, std::shared_ptr<Flight> flight, bool created);
    // The answer ends with bytes that make the file whole for the client.
    bool is_held(const Answer& answer, const Flight& flight);
    Task<Outcome<void>> prefetch(IoThread& thread, const Found& found, PartReader reader,
                                 ByteRange range);
    static Refusal no_room_now(const Source& source);
    Task<Result<void>> first_bytes(Answer& answer, Flight& flight);
    Task<Result<std::uint64_t>> wait_for_bytes(Answer& answer, Flight& flight,
                                               std::uint64_t position, TimePoint patience);
    Task<Result<void>> copy(Answer& answer, std::shared_ptr<Flight> flight);
    Task<Result<void>> copy_stretch(Answer& answer, std::shared_ptr<Flight> flight,
                                    const FileBody::Stretch& stretch);
    Task<Result<void>> send_directly(Answer& answer);
    void fetch(Answer& answer, const std::shared_ptr<Flight>& flight, ByteRange goal,
               Flight::Claim claim);
    static bool is_long(const Answer& answer);
    static SteadyClock::duration patience_of(const Answer& answer);
    static ByteRange next_goal(const Answer& answer, std::uint64_t position);
    HubError refusal_of(const Error& error, const Source& source) const;
    static ByteRange goal_of(const Answer& answer, const Flight& flight);
    void log_cut(const Answer& answer, const Error& error);

    const Settings& settings_;
    Resolver& resolver_;
    Fetcher& fetcher_;
    Direct& direct_;
    Flights& flights_;
    BlobStore& store_;
    Index& index_;
    Log& log_;
    std::deque<HotFiles> hot_;  // by io thread
    PartReaders part_readers_;
};

}  // namespace hubkeep
