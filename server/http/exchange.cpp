#include <fmt/format.h>

#include "server/http/session_impl.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t body_step = 64 * 1024;

asio::const_buffer buffer(std::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

Task<Result<std::string>> SessionImpl::read_body(std::size_t limit) {
    Turn& turn = *turn_;
    const auto over = [&] {
        return fail(ErrorKind::invalid,
                    "the request's body is larger than " + std::to_string(limit) + " bytes", 413);
    };
    if (turn.framing.body == Framing::Body::length && turn.framing.length > limit) co_return over();
    if (turn.expects_continue && input_.empty()) {
        const auto piece = buffer(go_on);
        auto told = co_await write({&piece, 1}, false);
        if (!told) co_return std::unexpected(told.error());
    }
    turn.expects_continue = false;
    std::string body;
    while (!turn.body->complete()) {
        const auto size = body.size();
        if (size > limit) co_return over();
        body.resize(size + std::min(body_step, limit + 1 - size));
        stream_.expires_after(hub_.limits_.stall_time);
        auto count = co_await turn.body->read_some({body.data() + size, body.size() - size});
        stream_.expires_never();
        if (!count) co_return std::unexpected(count.error());
        body.resize(size + *count);
    }
    if (body.size() > limit) co_return over();
    co_return body;
}

// True when what is left of the request is worth reading to keep the connection.
bool SessionImpl::body_is_small() const {
    constexpr std::uint64_t small = 64 * 1024;
    if (turn_->body->complete()) return true;
    return turn_->framing.body == Framing::Body::length && !turn_->expects_continue &&
           turn_->framing.length - turn_->body->received() <= small;
}

void SessionImpl::build_head(const ResponseHead& head) {
    Turn& turn = *turn_;
    turn.status = head.status;
    turn.answer = frame_answer(head, turn.request);
    turn.keep_alive = turn.keep_alive && !hub_.draining_ && !turn.aborted && body_is_small() &&
                      turn.answer.kind != AnswerBody::Kind::until_close;
    std::string_view connection;
    if (!turn.keep_alive) connection = "close";
    else if (turn.request.minor_version == 0) connection = "keep-alive";
    text_.clear();
    append_head(text_, head, turn.answer,
                {date_.now(), turn.id, connection, hub_.limits_.open_to_pages});
}

Task<Result<void>> SessionImpl::write(std::span<const asio::const_buffer> pieces, bool more) {
    const auto stall = hub_.limits_.stall_time;
    stream_.expires_after(stall);
    auto written = co_await stream_.write(pieces, {.more = more, .stall = stall});
    stream_.expires_never();
    if (!written) turn_->lost = true;
    co_return written;
}

Task<Result<void>> SessionImpl::send_head(ResponseHead head) {
    Turn& turn = *turn_;
    if (turn.status != 0) co_return fail(ErrorKind::invalid, "the answer has already begun");
    build_head(head);
    const bool body_follows =
        turn.answer.kind != AnswerBody::Kind::none &&
        !(turn.answer.kind == AnswerBody::Kind::length && turn.answer.length == 0);
    const auto piece = buffer(text_);
    auto written = co_await write({&piece, 1}, body_follows);
    if (written) turn.first_byte = SteadyClock::now();
    co_return written;
}

// Whether this much of the body may go out now.
Result<void> SessionImpl::admit(std::uint64_t size) {
    Turn& turn = *turn_;
    if (turn.status == 0) return fail(ErrorKind::invalid, "a body was sent before its head");
    if (turn.aborted || turn.lost) return fail(ErrorKind::closed, "the connection is being cut");
    if (turn.answer.kind == AnswerBody::Kind::length && turn.answer.length - turn.sent < size) {
        turn.aborted = true;
        return fail(ErrorKind::invalid, "the body is longer than its Content-Length");
    }
    return {};
}

Task<Result<void>> SessionImpl::send(std::span<const char> piece) {
    Turn& turn = *turn_;
    if (auto admitted = admit(piece.size()); !admitted) co_return admitted;
    // An empty chunk would be the end of the body.
    if (piece.empty() || turn.answer.kind == AnswerBody::Kind::none) co_return Result<void>();
    const asio::const_buffer data(piece.data(), piece.size());
    std::array<asio::const_buffer, 3> pieces = {data};
    std::size_t count = 1;
    std::array<char, 20> size_text;
    if (turn.answer.kind == AnswerBody::Kind::chunked) {
        const auto end = fmt::format_to(size_text.data(), "{:x}\r\n", piece.size());
        const std::string_view size_line(size_text.data(), end);
        pieces = {buffer(size_line), data, buffer("\r\n")};
        count = pieces.size();
    }
    auto written = co_await write({pieces.data(), count}, false);
    if (written) turn.sent += piece.size();
    co_return written;
}

Task<Result<void>> SessionImpl::send_file(const File& file, ByteRange range) {
    return send_frames(file, Frames::unframed(range), {0, range.size()});
}

Task<Result<void>> SessionImpl::send_frames(const File& file, Frames frames, ByteRange physical) {
    Turn& turn = *turn_;
    if (auto admitted = admit(physical.size()); !admitted) co_return admitted;
    if (physical.empty() || turn.answer.kind == AnswerBody::Kind::none) co_return Result<void>();
    const bool chunked = turn.answer.kind == AnswerBody::Kind::chunked;
    if (chunked) {
        const auto size_line = fmt::format("{:x}\r\n", physical.size());
        const auto piece = buffer(size_line);
        auto written = co_await write({&piece, 1}, true);
        if (!written) co_return written;
    }
    auto sent =
        co_await stream_.send_frames(file, frames, physical, hub_.limits_.stall_time, &turn.sent);
    stream_.expires_never();
    if (!sent) {
        // A file that cannot be read is our failure, everything else is the client's leaving.
        const bool ours = sent.error().kind == ErrorKind::corrupt ||
                          (sent.error().kind == ErrorKind::io && stream_.is_open());
        (ours ? turn.aborted : turn.lost) = true;
        co_return sent;
    }
    if (chunked) {
        const auto piece = buffer("\r\n");
        auto written = co_await write({&piece, 1}, false);
        co_return written;
    }
    co_return sent;
}

Task<Result<void>> SessionImpl::respond(ResponseHead head, std::string body) {
    auto written = co_await respond_with(std::move(head), body);
    co_return written;
}

Task<Result<void>> SessionImpl::respond_with(ResponseHead head, std::string_view body) {
    Turn& turn = *turn_;
    if (turn.status != 0) co_return fail(ErrorKind::invalid, "the answer has already begun");
    const bool keeps_length = turn.request.method == "HEAD" && head.headers.has("Content-Length");
    if (!keeps_length && head.status != 204 && head.status != 304) {
        head.headers.set("Content-Length", std::to_string(body.size()));
    }
    build_head(head);
    if (turn.answer.kind == AnswerBody::Kind::none) body = {};
    const std::array pieces = {buffer(text_), buffer(body)};
    auto written = co_await write(pieces, false);
    if (written) {
        turn.first_byte = SteadyClock::now();
        turn.sent = body.size();
    }
    co_return written;
}

}  // namespace hubkeep
