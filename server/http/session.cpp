#include "server/http/session.hpp"

#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <random>

#include "server/http/access_log.hpp"
#include "server/http/session_impl.hpp"

namespace hubkeep {
namespace {

// A connection that has just come may have its request on the way when the server stops.
constexpr auto last_call = seconds(2);
constexpr int max_empty_lines = 4;
constexpr std::size_t turns_between_rests = 32;

// Spreads a counter over 64 bits, so that ids of one process neither repeat nor tell its load.
std::uint64_t scramble(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

bool is_usable_id(std::string_view id) {
    if (id.empty() || id.size() > 64) return false;
    for (const char c : id) {
        const bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!alnum && c != '-' && c != '_' && c != '.' && c != ':') return false;
    }
    return true;
}

double milliseconds_between(TimePoint from, TimePoint to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

SessionImpl::SessionImpl(SessionHub& hub, IoThread& thread, Socket socket, TlsContext tls)
    : hub_(hub),
      stream_(thread, std::move(socket), tls),
      input_(hub.limits_.head_bytes),
      over_tls_(tls != nullptr),
      over_limit_(hub.open_.fetch_add(1) >= hub.limits_.connections),
      peer_(stream_.peer()) {
    const std::lock_guard lock(hub_.mutex_);
    hub_.sessions_.insert(this);
}

SessionImpl::~SessionImpl() {
    {
        const std::lock_guard lock(hub_.mutex_);
        hub_.sessions_.erase(this);
    }
    hub_.open_.fetch_sub(1);
}

Task<void> SessionImpl::run() {
    if (over_tls_) {
        stream_.expires_after(hub_.limits_.head_time);
        auto accepted = co_await stream_.accept_tls();
        if (!accepted) {
            hub_.log_.debug("a TLS handshake failed",
                            {{"client", peer_}, {"cause", accepted.error().message}});
            co_return;
        }
        certificate_ = stream_.peer_certificate();
    }
    for (;;) {
        const bool more = co_await serve_one();
        if (!more) break;
        // Pipelined requests could otherwise keep the thread for themselves.
        if (++served_ % turns_between_rests == 0) {
            co_await asio::post(thread().executor(), UseTask{});
        }
    }
    co_await stream_.shutdown();
}

void SessionImpl::drain() {
    if (!idle_) return;
    // What has come may be a request, or the beginning of one.
    if (served_ > 0 && !stream_.has_input_or_eof()) stream_.close();
    else stream_.expires_after(std::min<SteadyClock::duration>(last_call, hub_.limits_.idle_time));
}

// Up to and including the empty line, as a size in input_. `closed` when there is no request.
Task<Result<std::size_t>> SessionImpl::read_head() {
    const auto& limits = hub_.limits_;
    HeadScanner scanner;
    bool begun = false;
    const auto idle_time = over_limit_ ? limits.head_time : limits.idle_time;
    stream_.expires_after(hub_.draining_ ? last_call : idle_time);
    for (int empty_lines = 0;;) {
        const auto size = scanner.scan(input_.text());
        if (!size) co_return size;
        if (*size > 2) co_return *size;
        if (*size == 2) {  // RFC 9112 section 2.2: empty lines before a request are ignored
            if (++empty_lines > max_empty_lines) {
                co_return fail(ErrorKind::protocol, "empty lines instead of a request", 400);
            }
            input_.consume(2);
            scanner = {};
            continue;
        }
        if (input_.full()) {
            const bool in_first_line = input_.text().find('\n') == std::string_view::npos;
            co_return fail(ErrorKind::protocol, "the head of the request is too large",
                           in_first_line ? 414 : 431);
        }
        if (!input_.empty() && !begun) {
            begun = true;
            stream_.expires_after(limits.head_time);
        }
        idle_ = !begun;
        if (input_.empty()) {
            input_.release();
            auto come = co_await stream_.wait_for_input();
            if (!come) {
                idle_ = false;
                co_return std::unexpected(come.error());
            }
        }
        auto count = co_await stream_.read_some(input_.space());
        idle_ = false;
        if (!count) co_return count;
        if (*count == 0) co_return fail(ErrorKind::closed, "the client closed the connection");
        input_.produced(*count);
    }
}

// Takes the request out of the input and checks it.
Result<void> SessionImpl::begin_turn(std::size_t head_size) {
    Turn& turn = *turn_;
    const auto text = input_.text().substr(0, head_size);
    auto request = parse_request(text, hub_.limits_.head_fields);
    if (!request) return std::unexpected(request.error());
    turn.request = std::move(*request);
    const auto framing = check_request(turn.request, text, hub_.limits_.head_fields);
    input_.consume(head_size);
    if (input_.empty()) input_.release();  // the answer may take hours
    authorization_ = turn.request.headers.take_secret("Authorization", authorization_);
    turn.request.headers.take_secret("Proxy-Authorization");
    turn.request.headers.take_secret("Cookie");
    if (!framing) return std::unexpected(framing.error());
    turn.framing = *framing;
    turn.keep_alive = framing->keep_alive && !over_limit_;
    turn.body.emplace(stream_, input_, *framing);
    turn.expects_continue = framing->body != Framing::Body::none &&
                            turn.request.minor_version > 0 &&
                            has_token(turn.request.headers.get("Expect"), "100-continue");
    return {};
}

// False when the connection is over.
Task<bool> SessionImpl::serve_one() {
    turn_.reset();
    const auto size = co_await read_head();
    stream_.expires_never();
    // Only a refusal has somebody to be told to; otherwise the client left or was too slow.
    if (!size && size.error().kind != ErrorKind::protocol) co_return false;
    if (!size && size.error().code == 0) co_return false;
    Turn& turn = turn_.emplace();
    turn.began = SteadyClock::now();
    const auto begun = size ? begin_turn(*size) : std::unexpected(size.error());
    const auto wanted = turn.request.headers.get("X-Request-Id");
    turn.id = is_usable_id(wanted) ? std::string(wanted) : make_id();
    if (begun) co_await call_handler();
    else co_await refuse(begun.error());
    co_await end_answer();
    log_turn();
    co_return turn.keep_alive&& stream_.is_open();
}

Task<void> SessionImpl::call_handler() {
    std::string cause;
    try {
        co_await hub_.handler_.handle(*this);
    } catch (const std::exception& e) {
        cause = e.what();
    }
    Turn& turn = *turn_;
    if (cause.empty() && (turn.status != 0 || turn.aborted || turn.lost)) co_return;
    if (turn.lost || !stream_.is_open()) co_return;
    hub_.log_.error("a request was not answered; please report this",
                    {{"id", turn.id}, {"cause", cause.empty() ? "no answer was given" : cause}});
    turn.aborted = turn.status != 0;
    if (turn.aborted) co_return;
    Error error{ErrorKind::io, "an internal error", 500};
    co_await refuse(std::move(error));
}

Task<void> SessionImpl::refuse(Error error) {
    ResponseHead head{.status = error.code};
    head.headers.add("Content-Type", "text/plain; charset=utf-8");
    head.headers.add("Cache-Control", "no-store");
    turn_->keep_alive = false;
    co_await respond(std::move(head), error.message + "\n");
}

// Completes the answer, or makes sure that nobody can take it for complete.
Task<void> SessionImpl::end_answer() {
    Turn& turn = *turn_;
    const bool fell_short =
        turn.answer.kind == AnswerBody::Kind::length && turn.sent < turn.answer.length;
    if (turn.lost || !stream_.is_open()) {
        turn.lost = true;
        turn.keep_alive = false;
        stream_.close();
    } else if (turn.aborted || fell_short) {
        turn.aborted = true;
        turn.keep_alive = false;
        stream_.reset();
    } else if (turn.answer.kind == AnswerBody::Kind::chunked) {
        constexpr std::string_view last_chunk = "0\r\n\r\n";
        const asio::const_buffer piece(last_chunk.data(), last_chunk.size());
        co_await write({&piece, 1}, false);
    }
    if (turn.keep_alive && !turn.body->complete()) co_await drop_body();
}

Task<void> SessionImpl::drop_body() {
    std::array<char, 4096> dropped;
    stream_.expires_after(hub_.limits_.head_time);
    while (!turn_->body->complete()) {
        const auto count = co_await turn_->body->read_some(dropped);
        if (!count) {
            turn_->keep_alive = false;
            co_return;
        }
    }
}

void SessionImpl::log_turn() {
    constexpr int left_before_answer = 499;
    const Turn& turn = *turn_;
    const auto now = SteadyClock::now();
    const bool answered = turn.first_byte != TimePoint();
    AccessEntry entry;
    entry.id = turn.id;
    entry.client = peer_;
    entry.method = turn.request.method;
    entry.target = turn.request.target;
    entry.user_agent = turn.request.headers.get("User-Agent");
    entry.status = answered ? turn.status : left_before_answer;
    entry.bytes = turn.sent;
    entry.time_ms = milliseconds_between(turn.began, now);
    entry.first_byte_ms = answered ? milliseconds_between(turn.began, turn.first_byte) : 0;
    entry.cache = turn.record.cache;
    entry.upstream_bytes = turn.record.upstream_bytes;
    entry.rule = turn.record.rule;
    entry.user = turn.record.user;
    entry.team = turn.record.team;
    entry.end = turn.lost ? "client_left" : turn.aborted ? "cut" : "complete";
    write_access(hub_.log_, entry);
    hub_.counts_.add(entry.status, entry.cache, entry.bytes);
}

std::string SessionImpl::make_id() {
    constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;
    constexpr std::string_view digits = "0123456789abcdef";
    auto number = scramble(hub_.next_id_.fetch_add(golden));
    std::string id(16, '0');
    for (auto digit = id.rbegin(); digit != id.rend(); ++digit, number >>= 4) {
        *digit = digits[number & 15];
    }
    return id;
}

SessionHub::SessionHub(Handler& handler, Log& log, ServerTls& tls, SessionLimits limits)
    : handler_(handler),
      log_(log),
      tls_(tls),
      limits_(limits),
      next_id_((std::uint64_t{std::random_device()()} << 32) | std::random_device()()) {}

Task<void> SessionHub::serve(IoThread& thread, Socket socket) {
    SessionImpl session(*this, thread, std::move(socket), tls_.current());
    co_await session.run();
}

void SessionHub::drain(IoThreads& threads) {
    draining_ = true;
    for (std::size_t i = 0; i < threads.size(); ++i) {
        threads.at(i).post([this, &thread = threads.at(i)] {
            std::vector<SessionImpl*> mine;
            {
                const std::lock_guard lock(mutex_);
                for (auto* session : sessions_) {
                    if (&session->thread() == &thread) mine.push_back(session);
                }
            }
            for (auto* session : mine) session->drain();
        });
    }
}

}  // namespace hubkeep
