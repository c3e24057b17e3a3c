// What a stream can do without waiting: each step is one try, on the plain socket or through TLS.

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

#include "common/secret.hpp"
#include "server/net/stream_state.hpp"

namespace hubkeep {
namespace {

// RFC 8446 section 5.1: of one record.
constexpr std::size_t record_bytes = 16 * 1024;

// Of a system call that returned `count`; errno says more.
Step step_of(ssize_t count, Step::Kind when_blocked) {
    if (count >= 0) return {.bytes = static_cast<std::size_t>(count)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {.kind = when_blocked};
    return {.kind = Step::Kind::failed, .error = {errno, boost::system::system_category()}};
}

template <typename Call>
ssize_t uninterrupted(Call call) {
    ssize_t count = 0;
    do {
        count = call();
    } while (count < 0 && errno == EINTR);
    return count;
}

std::span<const char> bytes_of(const asio::const_buffer& piece) {
    return {static_cast<const char*>(piece.data()), piece.size()};
}

// What fits into one record of the pieces.
std::size_t gather(const Pieces& pieces, std::span<char> record) {
    std::size_t size = 0;
    for (const auto& piece : pieces.rest()) {
        const auto count = std::min(piece.size(), record.size() - size);
        std::memcpy(record.data() + size, piece.data(), count);
        size += count;
    }
    return size;
}

}  // namespace

Step Stream::State::read_now(std::span<char> buffer) {
    if (tls) return tls->read(buffer);
    const auto count = uninterrupted(
        [&] { return ::recv(socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT); });
    if (count == 0) return {.kind = Step::Kind::ended};
    return step_of(count, Step::Kind::needs_input);
}

Step Stream::State::write_now(const Pieces& pieces, bool more) {
    if (tls) return write_encrypted(pieces);
    std::array<iovec, Pieces::limit> vectors;
    std::size_t count = 0;
    for (const auto& piece : pieces.rest()) {
        vectors[count++] = {const_cast<void*>(piece.data()), piece.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    const auto sent =
        uninterrupted([&] { return ::sendmsg(socket.native_handle(), &message, flags); });
    return step_of(sent, Step::Kind::needs_room);
}

// Small pieces share a record: each costs some 30 bytes, a system call and a packet.
Step Stream::State::write_encrypted(const Pieces& pieces) {
    const auto front = bytes_of(pieces.rest().front());
    if (pieces.rest().size() == 1 || front.size() >= record_bytes) return tls->write(front);
    const auto record = thread.scratch().first(record_bytes);
    const auto gathered = record.first(gather(pieces, record));
    const Step step = tls->write(gathered);
    wipe_memory(gathered.data(), gathered.size());  // a head may bring a token
    return step;
}

Step Stream::State::send_now(const File& file, std::uint64_t offset, std::size_t size) {
    if (way == FileWay::encrypted_here) return send_encrypted(file, offset, size);
    if (way == FileWay::kernel_tls) return tls->send_file(file.fd(), offset, size);
    auto position = static_cast<off_t>(offset);
    const auto count = uninterrupted(
        [&] { return ::sendfile(socket.native_handle(), file.fd(), &position, size); });
    if (count == 0) return {.kind = Step::Kind::ended};
    return step_of(count, Step::Kind::needs_room);
}

// The block is read again after a wait: a slow client then holds one record, and not a block.
Step Stream::State::send_encrypted(const File& file, std::uint64_t offset, std::size_t size) {
    const auto scratch = thread.scratch();
    const auto want = std::min(size, scratch.size());
    const auto count = file.read_at(offset, scratch.first(want));
    if (!count) {
        return {.kind = Step::Kind::failed,
                .error = {count.error().code, boost::system::system_category()}};
    }
    std::span<const char> block = scratch.first(*count);
    std::size_t sent = 0;
    while (!block.empty()) {
        Step step = tls->write(block);
        sent += step.bytes;
        if (step.kind != Step::Kind::done) {
            step.bytes = sent;
            return step;
        }
        block = block.subspan(step.bytes);
    }
    return {.kind = sent < want ? Step::Kind::ended : Step::Kind::done, .bytes = sent};
}

}  // namespace hubkeep
