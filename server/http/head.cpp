#include "server/http/head.hpp"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>
#include <exception>
#include <optional>

#include "common/check.hpp"
#include "common/trim.hpp"

namespace hubkeep {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t first_capacity = 4 * 1024;

// Without its end; nothing when there is none, or half of one before it.
std::optional<std::string_view> take_line(std::string_view& text) {
    const auto feed = text.find('\n');
    if (feed == text.npos || feed == 0 || text[feed - 1] != '\r') return std::nullopt;
    const auto line = text.substr(0, feed - 1);
    if (line.contains('\r')) return std::nullopt;
    text.remove_prefix(feed + 1);
    return line;
}

std::string_view view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

// Beast 1.81 throws on some input that it should refuse, and has limits on bodies that are not read
// through it.
Result<void> feed(http::response_parser<http::empty_body>& parser, std::string_view text) {
    parser.header_limit(static_cast<std::uint32_t>(text.size() + 1));
    parser.body_limit(boost::none);
    boost::system::error_code ec;
    try {
        parser.put(asio::buffer(text.data(), text.size()), ec);
    } catch (const std::exception&) {
        return fail(ErrorKind::protocol, "the head of the message is malformed", 400);
    }
    if (ec || !parser.is_header_done()) {
        return fail(ErrorKind::protocol,
                    "the head of the message is malformed" + (ec ? ": " + ec.message() : ""), 400);
    }
    return {};
}

std::unexpected<Error> malformed(std::string_view what) {
    return fail(ErrorKind::protocol, "the head of the message is malformed: " + std::string(what),
                400);
}

// How many fields there are up to the empty line.
Result<std::size_t> count_fields(std::string_view text) {
    std::size_t count = 0;
    for (auto line = take_line(text); line; line = take_line(text)) {
        if (line->empty()) return count;
        if (!line->contains(':')) return malformed("a header field without a colon");
        ++count;
    }
    return malformed("it has no end");
}

}  // namespace

void InputBuffer::consume(std::size_t count) {
    wipe_memory(data_.get() + begin_, count);
    begin_ += count;
    if (empty()) begin_ = end_ = 0;
}

void InputBuffer::release() {
    CHECK(empty());
    data_.reset();
    capacity_ = 0;
}

std::span<char> InputBuffer::space() {
    if (end_ < capacity_) return {data_.get() + end_, capacity_ - end_};
    const std::size_t used = end_ - begin_;
    if (begin_ > 0) {
        std::memmove(data_.get(), data_.get() + begin_, used);
        wipe_memory(data_.get() + used, end_ - used);
    } else if (capacity_ < limit_) {
        const auto capacity = std::min(limit_, std::max(first_capacity, capacity_ * 2));
        auto data = std::make_unique_for_overwrite<char[]>(capacity);
        if (used > 0) std::memcpy(data.get(), data_.get(), used);
        wipe_memory(data_.get(), data_ ? used : 0);
        data_ = std::move(data);
        capacity_ = capacity;
    }
    begin_ = 0;
    end_ = used;
    return {data_.get() + end_, capacity_ - end_};
}

Result<std::size_t> HeadScanner::scan(std::string_view text) {
    while (seen_ < text.size()) {
        const auto feed = text.find('\n', seen_);
        if (feed == text.npos) {
            seen_ = text.size();
            break;
        }
        if (feed == 0 || text[feed - 1] != '\r') {
            return fail(ErrorKind::protocol, "a line of the head does not end in CR LF", 400);
        }
        seen_ = feed + 1;
        if (feed == line_ + 1) return seen_;
        line_ = seen_;
    }
    return 0;
}

// RFC 9112 sections 3 and 5. What the words may hold is for framing to say, but for what would make
// another line of one. Nothing is copied before all of it is known to be right: a token would stay
// behind in memory.
Result<RequestHead> parse_request(std::string_view text, std::size_t max_fields) {
    if (text.contains('\0')) return malformed("it has a byte that cannot be");
    auto line = take_line(text);
    if (!line) return malformed("a line has no end");
    const auto first = line->find(' ');
    const auto second = line->find(' ', first + 1);
    if (first == line->npos || second == line->npos) return malformed("the request line");
    const auto version = line->substr(second + 1);
    RequestHead head{.method = std::string(line->substr(0, first)),
                     .target = std::string(line->substr(first + 1, second - first - 1))};
    if (head.target.empty() || version.contains(' ')) return malformed("the request line");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return fail(ErrorKind::protocol, "only HTTP/1.1 and HTTP/1.0 are spoken here", 505);
    }
    const auto fields = count_fields(text);
    if (!fields) return std::unexpected(fields.error());
    if (*fields > max_fields) return fail(ErrorKind::protocol, "too many header fields", 431);
    head.minor_version = version.back() - '0';
    head.headers.reserve(*fields);
    for (line = take_line(text); line && !line->empty(); line = take_line(text)) {
        const auto colon = line->find(':');
        head.headers.add(line->substr(0, colon), trimmed(line->substr(colon + 1)));
    }
    return head;
}

Result<ParsedResponse> parse_response(std::string_view text) {
    http::response_parser<http::empty_body> parser;
    parser.skip(true);
    if (auto fed = feed(parser, text); !fed) return std::unexpected(fed.error());
    const auto& message = parser.get();
    Headers headers;
    for (const auto& field : message) headers.add(view(field.name_string()), view(field.value()));
    return ParsedResponse{{static_cast<int>(message.result_int()), std::move(headers)},
                          static_cast<int>(message.version()) - 10};
}

}  // namespace hubkeep
