#include "server/net/stream_state.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>

#include "common/check.hpp"

namespace hubkeep {
namespace {

// What a peer does by leaving, whatever the system calls it.
bool means_closed(const error_code& ec) {
    if (ec == asio::ssl::error::stream_truncated) return true;
    if (ec.category() == asio::error::get_misc_category()) return true;  // eof
    if (ec.category() != boost::system::system_category()) return false;
    switch (ec.value()) {
        case ECANCELED:
        case EBADF:
        case EPIPE:
        case ECONNRESET:
        case ECONNABORTED:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ENOTCONN: return true;
        default: return false;
    }
}

Socket::endpoint_type remote_of(const Socket& socket) {
    error_code ignored;
    return socket.remote_endpoint(ignored);
}

}  // namespace

Pieces::Pieces(std::span<const asio::const_buffer> pieces) {
    CHECK(pieces.size() <= pieces_.size());
    for (const auto& piece : pieces) {
        if (piece.size() > 0) pieces_[count_++] = piece;
    }
}

void Pieces::consume(std::size_t bytes) {
    while (bytes > 0) {
        auto& piece = pieces_[first_];
        if (bytes < piece.size()) {
            piece += bytes;
            return;
        }
        bytes -= piece.size();
        ++first_;
    }
}

Stream::State::State(IoThread& t, Socket s, std::shared_ptr<asio::ssl::context> c)
    : thread(t),
      socket(std::move(s)),
      context(std::move(c)),
      remote(remote_of(socket)),
      timer_(socket.get_executor()) {
    error_code ignored;
    socket.native_non_blocking(true, ignored);
    if (context) {
        tls.emplace(context->native_handle(), socket.native_handle());
        way = FileWay::encrypted_here;
    }
    // Answers are written whole, so waiting for more before sending only costs time. Socket files
    // never wait, and do not know the option.
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void Stream::State::watch(TimePoint time) {
    deadline_ = time;
    if (time < armed_) arm(time);
}

void Stream::State::progress(SteadyClock::duration stall) {
    if (stall > SteadyClock::duration::zero()) watch(SteadyClock::now() + stall);
}

void Stream::State::moved(const Step& step, SteadyClock::duration stall) {
    burst += step.bytes;
    if (step.bytes > 0) progress(stall);
}

void Stream::State::arm(TimePoint time) {
    armed_ = time;
    timer_.expires_at(time);
    timer_.async_wait([weak = weak_from_this()](const error_code& ec) {
        const auto state = ec ? nullptr : weak.lock();
        if (!state) return;
        state->armed_ = TimePoint::max();
        if (SteadyClock::now() < state->deadline_) {
            if (state->deadline_ != TimePoint::max()) state->arm(state->deadline_);
            return;
        }
        state->timed_out = true;
        state->close();
    });
}

void Stream::State::close() {
    error_code ignored;
    socket.close(ignored);
    timer_.cancel();
    armed_ = TimePoint::max();
    deadline_ = TimePoint::max();
}

std::unexpected<Error> Stream::State::failure(error_code ec, std::string_view doing) const {
    const std::string what = std::string(doing) + ": ";
    if (timed_out) return fail(ErrorKind::timed_out, what + "no progress within the time limit");
    if (!socket.is_open() || means_closed(ec)) {
        return fail(ErrorKind::closed, what + "the connection was closed");
    }
    if (ec.category() == boost::system::system_category()) {
        return fail(ErrorKind::io, what + ec.message(), ec.value());
    }
    return fail(ErrorKind::protocol, what + "TLS failed: " + ec.message());
}

Task<void> Stream::State::rest() {
    burst = 0;
    co_await asio::post(socket.get_executor(), UseTask{});
}

Task<error_code> Stream::State::wait_for(Socket::wait_type what) {
    burst = 0;
    auto [ec] = co_await socket.async_wait(what, as_result);
    if (!ec && !socket.is_open()) ec = asio::error::operation_aborted;
    co_return ec;
}

Task<error_code> Stream::State::wait_for(const Step& step) {
    CHECK(step.kind == Step::Kind::needs_input || step.kind == Step::Kind::needs_room);
    return wait_for(step.kind == Step::Kind::needs_input ? Socket::wait_read : Socket::wait_write);
}

Task<error_code> Stream::State::handshake(Step (TlsEngine::*go_on)()) {
    while (socket.is_open()) {
        const Step step = ((*tls).*go_on)();
        if (step.kind == Step::Kind::done) {
            way = way_of_files(true, tls->kernel_encrypts());
            co_return error_code();
        }
        if (!step.waits()) co_return step.error;
        const auto ec = co_await wait_for(step);
        if (ec) co_return ec;
    }
    co_return asio::error::operation_aborted;
}

}  // namespace hubkeep
