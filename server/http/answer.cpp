#include "server/http/answer.hpp"

#include <fmt/format.h>

#include <array>

#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view server_name = "hubkeep/" HUBKEEP_VERSION;
// What browsers may read across origins; tokens travel in a header, so "*" gives nothing away.
constexpr std::string_view exposed =
    "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,"
    "Content-Range,Content-Length,X-Linked-Size,X-Linked-ETag,X-Xet-Hash,X-HF-Warning";

// Fields that belong to the connection or are set by us alone.
constexpr std::array<std::string_view, 6> ours = {"Connection", "Keep-Alive",   "Transfer-Encoding",
                                                  "Server",     "X-Request-Id", "Upgrade"};

bool is_ours(std::string_view name) {
    for (const auto field : ours) {
        if (iequals(name, field)) return true;
    }
    return false;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

AnswerBody frame_answer(const ResponseHead& head, const RequestHead& request) {
    const auto length = parse_u64(head.headers.get("Content-Length"));
    if (request.method == "HEAD" || head.status == 204 || head.status == 304) {
        return {AnswerBody::Kind::none, length.value_or(0)};
    }
    if (length) return {AnswerBody::Kind::length, *length};
    if (request.minor_version == 0) return {AnswerBody::Kind::until_close, 0};
    return {AnswerBody::Kind::chunked, 0};
}

void append_head(std::string& out, const ResponseHead& head, AnswerBody body,
                 const CommonFields& common) {
    out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
    out.append(reason_of(head.status)).append("\r\n");
    out.append(head.composed);
    const bool keeps_length = head.status != 204 && body.kind != AnswerBody::Kind::chunked &&
                              body.kind != AnswerBody::Kind::until_close;
    bool allows_origin = !common.open_to_pages;
    bool exposes = !common.open_to_pages;
    bool dated = false;
    for (const auto& [name, value] : head.headers) {
        if (is_ours(name)) continue;
        if (!keeps_length && iequals(name, "Content-Length")) continue;
        allows_origin = allows_origin || iequals(name, "Access-Control-Allow-Origin");
        dated = dated || iequals(name, "Date");
        exposes = exposes || iequals(name, "Access-Control-Expose-Headers");
        append_field(out, name, value);
    }
    // An answer from a cache keeps the date it was made (RFC 9110 section 6.6.1).
    if (!dated) append_field(out, "Date", common.date);
    append_field(out, "Server", server_name);
    append_field(out, "X-Request-Id", common.request_id);
    if (!allows_origin) append_field(out, "Access-Control-Allow-Origin", "*");
    if (!exposes) append_field(out, "Access-Control-Expose-Headers", exposed);
    if (body.kind == AnswerBody::Kind::chunked) append_field(out, "Transfer-Encoding", "chunked");
    if (!common.connection.empty()) append_field(out, "Connection", common.connection);
    out.append("\r\n");
}

std::string_view DateText::now() {
    static constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t second = std::time(nullptr);
    if (second != second_ || text_.empty()) {
        second_ = second;
        std::tm t{};
        ::gmtime_r(&second, &t);
        text_ = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                            days[static_cast<std::size_t>(t.tm_wday)], t.tm_mday,
                            months[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour,
                            t.tm_min, t.tm_sec);
    }
    return text_;
}

}  // namespace hubkeep
