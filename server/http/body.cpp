#include "server/http/body.hpp"

#include <algorithm>
#include <cstring>

#include "common/check.hpp"

namespace hubkeep {

BodyReader::BodyReader(Stream& stream, InputBuffer& input, const Framing& framing)
    : stream_(stream),
      input_(input),
      framing_(framing),
      complete_(framing.body == Framing::Body::none) {}

Task<Result<std::size_t>> BodyReader::read_some(std::span<char> buffer) {
    CHECK(!buffer.empty());
    if (complete_) co_return std::size_t{0};
    if (framing_.body == Framing::Body::chunked) {
        auto result = co_await read_chunked(buffer);
        co_return result;
    }
    const bool has_length = framing_.body == Framing::Body::length;
    if (has_length) {
        const auto left = framing_.length - received_;
        buffer = buffer.first(std::min<std::uint64_t>(left, buffer.size()));
    }
    auto count = co_await take(buffer);
    if (!count) co_return count;
    received_ += *count;
    if (*count == 0) {
        if (has_length) co_return cut_short();
        complete_ = true;
    }
    if (has_length && received_ == framing_.length) complete_ = true;
    co_return count;
}

Task<Result<std::size_t>> BodyReader::read_chunked(std::span<char> buffer) {
    for (;;) {
        const auto used = chunks_.take(input_.text());
        if (!used) co_return used;
        input_.consume(*used);
        if (chunks_.done()) {
            complete_ = true;
            co_return std::size_t{0};
        }
        if (chunks_.data() > 0) break;
        auto count = co_await stream_.read_some(input_.space());
        if (!count) co_return count;
        if (*count == 0) co_return cut_short();
        input_.produced(*count);
    }
    auto count =
        co_await take(buffer.first(std::min<std::uint64_t>(chunks_.data(), buffer.size())));
    if (!count) co_return count;
    if (*count == 0) co_return cut_short();
    chunks_.data_read(*count);
    received_ += *count;
    co_return count;
}

Task<Result<std::size_t>> BodyReader::take(std::span<char> buffer) {
    if (input_.empty()) {
        auto count = co_await stream_.read_some(buffer);
        co_return count;
    }
    const auto count = std::min(buffer.size(), input_.text().size());
    std::memcpy(buffer.data(), input_.text().data(), count);
    input_.consume(count);
    co_return count;
}

std::unexpected<Error> BodyReader::cut_short() const {
    std::string message =
        "the connection was closed in the middle of a body, after " + std::to_string(received_);
    if (framing_.body == Framing::Body::length) message += " of " + std::to_string(framing_.length);
    return fail(ErrorKind::closed, message + " bytes");
}

}  // namespace hubkeep
