#pragma once
// SessionImpl: one connection, and the exchange that is going on there. Lives in the frame of
// SessionHub::serve, on one io thread. session.cpp has the connection: heads in, handler, what
// happens to the connection afterwards; exchange.cpp has the answer going out.

#include <optional>

#include "server/http/answer.hpp"
#include "server/http/body.hpp"
#include "server/http/session.hpp"

namespace hubkeep {

// One request and its answer.
struct SessionTurn {
    RequestHead request;
    Framing framing;
    std::optional<BodyReader> body;
    bool expects_continue = false;  // and has not been told yet
    std::string id;
    RequestRecord record;
    TimePoint began;
    TimePoint first_byte;
    int status = 0;  // of the answer, 0 before its head
    AnswerBody answer;
    std::uint64_t sent = 0;  // of the answer's body
    bool keep_alive = false;
    bool aborted = false;  // cannot be delivered
    bool lost = false;     // the client is gone
};

class SessionImpl final : public Exchange {
  public:
    SessionImpl(SessionHub& hub, IoThread& thread, Socket socket, TlsContext tls);
    ~SessionImpl() override;

    Task<void> run();
    // The server is stopping: an idle connection ends now, the others after their answer.
    void drain();

    const RequestHead& request() const override { return turn_->request; }
    const Secret& authorization() const override { return authorization_; }
    const std::string& request_id() const override { return turn_->id; }
    bool over_tls() const override { return over_tls_; }
    bool over_limit() const override { return over_limit_; }
    const std::string& peer() const override { return peer_; }
    const std::string& peer_certificate() const override { return certificate_; }
    IoThread& thread() override { return stream_.thread(); }
    RequestRecord& record() override { return turn_->record; }
    Task<Result<std::string>> read_body(std::size_t limit) override;
    Task<Result<void>> send_head(ResponseHead head) override;
    Task<Result<void>> send(std::span<const char> piece) override;
    Task<Result<void>> send_file(const File& file, ByteRange range) override;
    Task<Result<void>> send_frames(const File& file, Frames frames, ByteRange physical) override;
    Task<Result<void>> respond(ResponseHead head, std::string body) override;
    Task<Result<void>> respond_with(ResponseHead head, std::string_view body) override;
    void abort() override { turn_->aborted = true; }
    bool head_sent() const override { return turn_->status != 0; }
    bool client_gone() const override { return turn_->lost || stream_.peer_gone(); }

  private:
    using Turn = SessionTurn;

    Task<Result<std::size_t>> read_head();
    Task<bool> serve_one();
    Result<void> begin_turn(std::size_t head_size);
    Task<void> call_handler();
    Task<void> refuse(Error error);
    Task<void> end_answer();
    Task<void> drop_body();
    bool body_is_small() const;
    void log_turn();
    std::string make_id();

    void build_head(const ResponseHead& head);
    Task<Result<void>> write(std::span<const asio::const_buffer> pieces, bool more);
    Result<void> admit(std::uint64_t size);

    SessionHub& hub_;
    Stream stream_;
    InputBuffer input_;
    const bool over_tls_;
    const bool over_limit_;
    const std::string peer_;
    std::string certificate_;  // since the handshake
    DateText date_;
    std::string text_;  // the head being sent; kept for its memory
    std::size_t served_ = 0;
    bool idle_ = false;  // waiting for the first byte of a request
    // Of the latest request, in guarded memory: a client sends the same each time.
    Secret authorization_;
    std::optional<Turn> turn_;
};

}  // namespace hubkeep
