// What a stream can do without waiting: each step is one try, on the plain socket or through TLS.

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/secret.hpp"
#include "server/net/stream_state.hpp"

namespace hubkeep {
namespace {

// RFC 8446 section 5.1: of one record.
constexpr std::size_t record_bytes = 16 * 1024;
// A packet of 64 KiB holds 17 pieces of memory, 4 KiB each where sendfile gives them: a header by
// itself takes the place of one, the packet leaves short, and what is behind it waits for a pacing
// timer. Copied with some data it takes less than it replaces.
constexpr std::size_t bytes_beside_header = 8 * 1024;

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

Step failed_read(const Error& error) {
    return {.kind = Step::Kind::failed, .error = {error.code, boost::system::system_category()}};
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

struct Block {
    std::span<const char> bytes;
    bool file_ended = false;  // before it should
};

// As much of the physical range as fits, headers in their places.
Result<Block> compose(const File& file, const Frames& frames, ByteRange physical,
                      std::span<char> room) {
    const auto want = std::min<std::uint64_t>(physical.size(), room.size());
    std::size_t size = 0;
    while (size < want) {
        const auto piece = frames.first_piece({physical.begin + size, physical.begin + want});
        const auto header = piece.header();
        std::ranges::copy(header, room.begin() + static_cast<std::ptrdiff_t>(size));
        size += header.size();
        const auto count = file.read_at(piece.data.begin, room.subspan(size, piece.data.size()));
        if (!count) return std::unexpected(count.error());
        size += *count;
        if (*count < piece.data.size()) return Block{room.first(size), true};
    }
    return Block{room.first(size)};
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

Step Stream::State::send_now(const File& file, const Frames& frames, ByteRange physical) {
    if (way == FileWay::encrypted_here) return send_encrypted(file, frames, physical);
    const auto piece = frames.first_piece(physical);
    if (piece.header().empty()) return send_data(file, piece.data);
    const auto front = std::min(piece.size(), piece.header().size() + bytes_beside_header);
    const bool more = piece.size() > front;
    Step step = send_front(file, frames, {physical.begin, physical.begin + front}, more);
    if (step.kind != Step::Kind::done || step.bytes < front || !more) return step;
    const Step data = send_data(file, {piece.data.end - (piece.size() - front), piece.data.end});
    return {.kind = data.kind, .bytes = front + data.bytes, .error = data.error};
}

// Of a frame, copied.
Step Stream::State::send_front(const File& file, const Frames& frames, ByteRange physical,
                               bool more) {
    const auto composed = compose(file, frames, physical, thread.scratch());
    if (!composed) return failed_read(composed.error());
    const auto block = composed->bytes;
    Step step;
    if (way == FileWay::kernel_tls) {
        step = tls->write(block);
    } else {
        const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
        const auto count = uninterrupted(
            [&] { return ::send(socket.native_handle(), block.data(), block.size(), flags); });
        step = step_of(count, Step::Kind::needs_room);
    }
    if (composed->file_ended && step.bytes == block.size()) step.kind = Step::Kind::ended;
    return step;
}

Step Stream::State::send_data(const File& file, ByteRange range) {
    if (way == FileWay::kernel_tls) return tls->send_file(file.fd(), range.begin, range.size());
    auto position = static_cast<off_t>(range.begin);
    const auto count = uninterrupted(
        [&] { return ::sendfile(socket.native_handle(), file.fd(), &position, range.size()); });
    if (count == 0) return {.kind = Step::Kind::ended};
    return step_of(count, Step::Kind::needs_room);
}

// The block is read again after a wait: a slow client then holds one record, and not a block.
Step Stream::State::send_encrypted(const File& file, const Frames& frames, ByteRange physical) {
    const auto composed = compose(file, frames, physical, thread.scratch());
    if (!composed) return failed_read(composed.error());
    std::span<const char> block = composed->bytes;
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
    return {.kind = composed->file_ended ? Step::Kind::ended : Step::Kind::done, .bytes = sent};
}

}  // namespace hubkeep
