#include "server/http/client.hpp"

#include "server/http/body.hpp"
#include "server/http/pool.hpp"
#include "server/net/tls_sessions.hpp"

namespace hubkeep {
namespace {

constexpr int max_interim_answers = 8;
constexpr std::size_t read_step = 64 * 1024;

// What the request must not contain, because its text would say something else than its values.
Result<void> check_sendable(const ClientRequest& request) {
    const auto& head = request.head;
    const auto is_plain = [](std::string_view text) {
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte <= ' ' || byte == 0x7F) return false;
        }
        return !text.empty();
    };
    if (!is_plain(head.method) || !is_plain(head.target) || !head.target.starts_with('/')) {
        return fail(ErrorKind::invalid, "a request that cannot be written as HTTP");
    }
    for (const auto& [name, value] : head.headers) {
        if (!is_plain(name) || name.find(':') != std::string::npos) {
            return fail(ErrorKind::invalid, "a request field that cannot be written as HTTP");
        }
    }
    for (const char c : request.bearer.reveal()) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || byte == 0x7F) {
            return fail(ErrorKind::invalid, "a token with a control byte in it");
        }
    }
    return {};
}

std::string request_text(const ClientRequest& request) {
    RequestHead head{request.head.method, request.head.target, {}};
    head.headers.add("Host", request.origin.authority());
    Headers fields = request.head.headers;
    fields.remove_hop_by_hop();
    fields.remove("Host");
    fields.remove("Content-Length");
    fields.remove("Expect");
    for (const auto& [name, value] : fields) head.headers.add(name, value);
    const bool may_have_body = head.method != "GET" && head.method != "HEAD";
    if (may_have_body || !request.body.empty()) {
        head.headers.add("Content-Length", std::to_string(request.body.size()));
    }
    return to_text(head, request.bearer);
}

Error at_origin(const Origin& origin, Error error) {
    error.message = origin.url() + ": " + error.message;
    // The status that framing names is for a client of ours, not one that the origin sent.
    if (error.kind == ErrorKind::protocol) error.code = 0;
    return error;
}

}  // namespace

struct ClientResponse::State {
    State(Client& c, Origin o, std::unique_ptr<Connection> conn, ParsedResponse parsed, Framing f)
        : client(&c),
          origin(std::move(o)),
          connection(std::move(conn)),
          head(std::move(parsed.head)),
          framing(f),
          body(std::in_place, *connection->stream, connection->input, f) {}
    explicit State(ResponseHead h) : head(std::move(h)) {}

    void release();
    bool complete() const { return !body || body->complete(); }

    Client* const client = nullptr;  // null when made here
    const Origin origin;
    std::unique_ptr<Connection> connection;  // null once the body is complete
    const ResponseHead head;
    const Framing framing;
    std::optional<BodyReader> body;
};

// Gives the connection back once nothing of this answer is left on it.
void ClientResponse::State::release() {
    const bool reusable = framing.keep_alive && connection->input.empty();
    if (reusable) client->pool_->put(origin, std::move(connection));
    connection.reset();
}

ClientResponse ClientResponse::made_here(ResponseHead head) {
    return ClientResponse(std::make_unique<State>(std::move(head)));
}

ClientResponse::ClientResponse(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientResponse::ClientResponse(ClientResponse&&) noexcept = default;
ClientResponse& ClientResponse::operator=(ClientResponse&&) noexcept = default;
ClientResponse::~ClientResponse() = default;

const ResponseHead& ClientResponse::head() const {
    return state_->head;
}

std::optional<std::uint64_t> ClientResponse::length() const {
    switch (state_->framing.body) {
        case Framing::Body::none: return 0;
        case Framing::Body::length: return state_->framing.length;
        default: return std::nullopt;
    }
}

bool ClientResponse::ends_with_connection() const {
    return state_->framing.body == Framing::Body::until_close;
}

Task<Result<std::size_t>> ClientResponse::read_some(std::span<char> buffer) {
    State& s = *state_;
    if (!s.connection) {
        if (s.complete()) co_return std::size_t{0};
        co_return fail(ErrorKind::closed, s.origin.url() + ": the answer was already cut");
    }
    Stream& stream = *s.connection->stream;
    stream.expires_after(s.client->settings_.stall_timeout);
    auto count = co_await s.body->read_some(buffer);
    stream.expires_never();
    if (!count) {
        s.connection.reset();
        co_return std::unexpected(at_origin(s.origin, std::move(count.error())));
    }
    if (s.complete()) s.release();
    co_return count;
}

Task<Result<std::string>> ClientResponse::read_all(std::size_t limit) {
    std::string text;
    for (;;) {
        const auto size = text.size();
        text.resize(size + std::min(read_step, limit + 1 - size));
        auto count = co_await read_some({text.data() + size, text.size() - size});
        if (!count) co_return std::unexpected(std::move(count.error()));
        text.resize(size + *count);
        if (*count == 0) co_return text;
        if (text.size() > limit) {
            state_->connection.reset();
            co_return fail(ErrorKind::limited, state_->origin.url() + ": an answer larger than " +
                                                   std::to_string(limit) + " bytes");
        }
    }
}

// One attempt on one connection.
struct Client::Attempt {
    Client& client;
    const ClientRequest& request;
    std::unique_ptr<Connection> connection;
    bool answered = false;  // at least one byte of an answer has come

    Task<Result<ClientResponse>> run(std::string_view text);
    Task<Result<std::size_t>> read_head();
    Task<Result<ClientResponse>> read_answer();
};

Task<Result<ClientResponse>> Client::Attempt::run(std::string_view text) {
    Stream& stream = *connection->stream;
    const auto stall = std::min(client.settings_.stall_timeout, request.patience);
    const std::array pieces = {asio::const_buffer(text.data(), text.size()),
                               asio::const_buffer(request.body.data(), request.body.size())};
    stream.expires_after(stall);
    auto written = co_await stream.write(pieces, {.stall = stall});
    if (!written) co_return std::unexpected(std::move(written.error()));
    // Not pushed by progress: a head that trickles in is no progress.
    stream.expires_after(stall);
    auto response = co_await read_answer();
    co_return response;
}

Task<Result<std::size_t>> Client::Attempt::read_head() {
    InputBuffer& input = connection->input;
    HeadScanner scanner;
    for (;;) {
        const auto size = scanner.scan(input.text());
        if (!size || *size > 0) co_return size;
        if (input.full())
            co_return fail(ErrorKind::protocol, "the head of the answer is too large");
        auto count = co_await connection->stream->read_some(input.space());
        if (!count) co_return count;
        if (*count == 0) {
            co_return fail(ErrorKind::closed, "the connection was closed before the answer");
        }
        answered = true;
        input.produced(*count);
    }
}

Task<Result<ClientResponse>> Client::Attempt::read_answer() {
    for (int interim = 0; interim <= max_interim_answers; ++interim) {
        const auto size = co_await read_head();
        if (!size) co_return std::unexpected(size.error());
        const auto text = connection->input.text().substr(0, *size);
        auto parsed = parse_response(text);
        if (!parsed) co_return std::unexpected(std::move(parsed.error()));
        const auto framing = check_response(parsed->head, parsed->minor_version, text,
                                            request.head.method, client.settings_.head_fields);
        if (!framing) co_return std::unexpected(framing.error());
        connection->input.consume(*size);
        if (parsed->head.status < 200) continue;
        connection->stream->expires_never();
        auto state = std::make_unique<ClientResponse::State>(
            client, request.origin, std::move(connection), std::move(*parsed), *framing);
        if (state->complete()) state->release();
        co_return ClientResponse(std::move(state));
    }
    co_return fail(ErrorKind::protocol, "too many interim answers");
}

Client::Client(IoThread& thread, ClientSettings settings, TlsContext tls)
    : thread_(thread),
      settings_(settings),
      dial_{std::move(tls), settings.names, std::make_shared<TlsSessions>(), settings.proxy,
            settings.own_ports},
      pool_(std::make_shared<Pool>(thread.executor(), settings)) {}

Client::~Client() {
    pool_->close();
}

void Client::close_idle() {
    pool_->close();
}

Task<Result<std::unique_ptr<Connection>>> Client::connect(const ClientRequest& request) {
    const auto time = std::min(settings_.connect_timeout, request.patience);
    auto stream = co_await dial(thread_, request.origin, dial_, time, request.led_by);
    if (!stream) co_return std::unexpected(std::move(stream.error()));
    co_return std::make_unique<Connection>(std::move(*stream), InputBuffer(settings_.head_bytes));
}

Task<Result<ClientResponse>> Client::send(ClientRequest request) {
    if (auto checked = check_sendable(request); !checked) {
        co_return std::unexpected(checked.error());
    }
    const WipedText wiped(request_text(request));
    const std::string_view text = wiped.text;
    if (auto idle = pool_->take(request.origin)) {
        Attempt attempt{*this, request, std::move(idle)};
        auto response = co_await attempt.run(text);
        if (response) co_return response;
        // The other side may have closed it while the request was on its way; nothing that is sent
        // from here has side effects, so it may be sent again.
        const auto kind = response.error().kind;
        const bool dead = kind == ErrorKind::closed || kind == ErrorKind::io;
        if (!dead || attempt.answered) {
            co_return std::unexpected(at_origin(request.origin, std::move(response.error())));
        }
    }
    auto connection = co_await connect(request);
    if (!connection) co_return std::unexpected(std::move(connection.error()));
    Attempt attempt{*this, request, std::move(*connection)};
    auto response = co_await attempt.run(text);
    if (!response)
        co_return std::unexpected(at_origin(request.origin, std::move(response.error())));
    co_return response;
}

}  // namespace hubkeep
