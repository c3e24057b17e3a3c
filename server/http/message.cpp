#include "server/http/message.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hubkeep {
namespace {

// In order: looked up by halves.
constexpr std::pair<int, std::string_view> reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {530, "Origin Unreachable"},
};

void append_fields(std::string& out, const Headers& headers) {
    for (const auto& [name, value] : headers) {
        out.append(name).append(": ").append(value).append("\r\n");
    }
}

std::size_t size_of(const Headers& headers) {
    std::size_t size = 0;
    for (const auto& [name, value] : headers) size += name.size() + value.size() + 4;
    return size;
}

}  // namespace

std::string_view RequestHead::path() const {
    return std::string_view(target).substr(0, target.find('?'));
}

std::string_view RequestHead::query() const {
    const auto mark = target.find('?');
    return mark == std::string::npos ? std::string_view()
                                     : std::string_view(target).substr(mark + 1);
}

std::string_view reason_of(int status) {
    const auto* const found =
        std::ranges::lower_bound(reasons, status, {}, &std::pair<int, std::string_view>::first);
    return found != std::end(reasons) && found->first == status ? found->second : "Status";
}

std::string to_text(const RequestHead& head, const Secret& bearer) {
    constexpr std::string_view version = " HTTP/1.1\r\n";
    constexpr std::string_view authorization = "Authorization: Bearer ";
    constexpr std::size_t ends_of_lines = 4;
    const auto token = bearer.reveal();
    std::string out;
    // All of it at once: growing would leave the token behind.
    out.reserve(head.method.size() + 1 + head.target.size() + version.size() +
                size_of(head.headers) + authorization.size() + token.size() + ends_of_lines);
    out.append(head.method).append(" ").append(head.target).append(version);
    append_fields(out, head.headers);
    if (!token.empty()) out.append(authorization).append(token).append("\r\n");
    out.append("\r\n");
    return out;
}

std::string to_text(const ResponseHead& head) {
    std::string out;
    out.reserve(1024);
    out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
    out.append(reason_of(head.status)).append("\r\n");
    append_fields(out, head.headers);
    out.append("\r\n");
    return out;
}

}  // namespace hubkeep
