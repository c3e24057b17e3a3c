#include "server/http/framing.hpp"

#include <algorithm>
#include <string>

#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_target = 8 * 1024;

using Checked = Result<void>;

bool is_token(std::string_view text) {
    if (text.empty()) return false;
    return std::ranges::all_of(text, [](char c) {
        const bool alnum =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return alnum || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

std::unexpected<Error> refuse(int status, std::string message) {
    return fail(ErrorKind::protocol, std::move(message), status);
}

// Names that some other hop may take for one of ours: "Transfer_Encoding", "ContentLength".
bool is_look_alike(std::string_view name) {
    if (name.size() < 13 || name.size() > 20) return false;
    std::string bare;
    for (const char c : name) {
        if (c >= 'A' && c <= 'Z') bare += static_cast<char>(c + ('a' - 'A'));
        if (c >= 'a' && c <= 'z') bare += c;
    }
    if (bare == "contentlength") return !iequals(name, "Content-Length");
    return bare == "transferencoding" && !iequals(name, "Transfer-Encoding");
}

// What holds for requests and answers alike: fields, and nothing hidden in their text.
Checked check_fields(const Headers& headers, std::string_view raw, std::size_t max_fields) {
    if (headers.size() > max_fields) return refuse(431, "too many header fields");
    if (raw.find("\n ") != raw.npos || raw.find("\n\t") != raw.npos) {
        return refuse(400, "a header field is folded over several lines");
    }
    for (const auto& [name, value] : headers) {
        if (!is_token(name)) return refuse(400, "a header field has an invalid name");
        if (is_look_alike(name)) return refuse(400, "a header field imitates a framing field");
        for (const char c : value) {
            if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) {
                return refuse(400, "a header field contains a control byte");
            }
        }
        // RFC 9110 section 7.6.1 forbids it, and a hop that obeys would lose the framing.
        if (iequals(name, "Connection") &&
            (has_token(value, "Content-Length") || has_token(value, "Transfer-Encoding") ||
             has_token(value, "Host"))) {
            return refuse(400, "Connection names a field that it must not remove");
        }
    }
    return {};
}

bool wants_keep_alive(const Headers& headers, int minor_version) {
    bool keep = minor_version >= 1;
    for (const auto& [name, value] : headers) {
        if (!iequals(name, "Connection")) continue;
        if (has_token(value, "close")) return false;
        if (has_token(value, "keep-alive")) keep = true;
    }
    return keep;
}

// The body that the two framing fields announce; until_close when there is neither.
Result<Framing> frame(const Headers& headers, int minor_version) {
    Framing framing{.keep_alive = wants_keep_alive(headers, minor_version)};
    const auto codings = headers.count("Transfer-Encoding");
    const auto lengths = headers.count("Content-Length");
    if (codings > 0) {
        if (lengths > 0)
            return refuse(400, "Transfer-Encoding and Content-Length exclude each other");
        if (codings > 1) return refuse(400, "Transfer-Encoding is repeated");
        if (minor_version < 1) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
        const auto coding = headers.get("Transfer-Encoding");
        if (!iequals(coding, "chunked")) {
            const bool known_form = is_token(coding);
            return refuse(known_form ? 501 : 400,
                          "only the transfer coding \"chunked\" is supported");
        }
        framing.body = Framing::Body::chunked;
        return framing;
    }
    if (lengths == 0) {
        framing.body = Framing::Body::until_close;
        return framing;
    }
    if (lengths > 1) return refuse(400, "Content-Length is repeated");
    const auto length = parse_u64(headers.get("Content-Length"));
    if (!length || *length > INT64_MAX) return refuse(400, "Content-Length is not a usable number");
    framing.body = *length > 0 ? Framing::Body::length : Framing::Body::none;
    framing.length = *length;
    return framing;
}

bool is_port(std::string_view text) {
    const auto number = parse_u64(text);
    return text.empty() || (number && *number <= 65535);
}

// RFC 9112 section 3.2, without the exotic characters of RFC 3986 reg-names: the value may be used
// to build URLs that clients follow.
bool is_host(std::string_view text) {
    const bool v6 = text.starts_with('[');
    const auto end = v6 ? text.find(']') : std::min(text.find(':'), text.size());
    if (end == text.npos) return false;
    const auto host = text.substr(v6 ? 1 : 0, end - (v6 ? 1 : 0));
    if (host.empty() || host.size() > 255) return false;
    for (const char c : host) {
        const bool hex = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
        const bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        const bool ok = v6 ? hex || c == ':' || c == '.'
                           : hex || letter || c == '-' || c == '.' || c == '_' || c == '~';
        if (!ok) return false;
    }
    const auto rest = text.substr(end + (v6 ? 1 : 0));
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

Checked check_target(std::string_view target) {
    if (target.size() > max_target) return refuse(414, "the request target is longer than 8 KiB");
    if (!target.starts_with('/')) {
        return refuse(400,
                      "the request target is not a path: is this server used as a forward proxy?");
    }
    for (const char c : target) {
        const auto byte = static_cast<unsigned char>(c);
        // Bytes above 0x7E are no URI, but clients send bare UTF-8 and the Hub takes it.
        if (byte <= ' ' || byte == 0x7F || c == '#' || c == '\\') {
            return refuse(400, "the request target has a byte that must be percent-encoded");
        }
    }
    return {};
}

Checked check_host(const RequestHead& head) {
    const auto count = head.headers.count("Host");
    if (count == 0 && head.minor_version == 0) return {};
    if (count != 1) return refuse(400, "a request needs exactly one Host field");
    if (!is_host(head.headers.get("Host"))) return refuse(400, "the Host field is not a host");
    return {};
}

}  // namespace

Result<Framing> check_request(const RequestHead& head, std::string_view raw,
                              std::size_t max_fields) {
    if (head.minor_version != 0 && head.minor_version != 1) {
        return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    if (!is_token(head.method)) return refuse(400, "the method is not a token");
    if (auto checked = check_target(head.target); !checked) return std::unexpected(checked.error());
    if (auto checked = check_fields(head.headers, raw, max_fields); !checked) {
        return std::unexpected(checked.error());
    }
    if (auto checked = check_host(head); !checked) return std::unexpected(checked.error());
    auto framing = frame(head.headers, head.minor_version);
    if (!framing) return framing;
    if (framing->body == Framing::Body::until_close) framing->body = Framing::Body::none;
    if (framing->body != Framing::Body::none && (head.method == "GET" || head.method == "HEAD")) {
        // RFC 9110 section 9.3.1: it has no meaning, and is how requests are smuggled.
        return refuse(400, "a GET or HEAD request has no body");
    }
    return framing;
}

Result<Framing> check_response(const ResponseHead& head, int minor_version, std::string_view raw,
                               std::string_view method, std::size_t max_fields) {
    if (minor_version != 0 && minor_version != 1) return refuse(502, "not HTTP/1.1 or HTTP/1.0");
    if (head.status < 100 || head.status > 599) return refuse(502, "an impossible status code");
    if (head.status == 101) return refuse(502, "a change of protocol that nobody asked for");
    if (auto checked = check_fields(head.headers, raw, max_fields); !checked) {
        return std::unexpected(checked.error());
    }
    auto framing = frame(head.headers, minor_version);
    if (!framing) return framing;
    const bool bodiless =
        method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304;
    if (bodiless) framing->body = Framing::Body::none;
    if (framing->body == Framing::Body::until_close) framing->keep_alive = false;
    return framing;
}

}  // namespace hubkeep
