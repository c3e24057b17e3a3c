#include "config/values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/un.h>

#include <boost/asio/ip/address.hpp>

#include <array>

#include "common/byte_range.hpp"
#include "common/trim.hpp"
#include "config/text.hpp"
#include "config/units.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_text = 4096;
constexpr unsigned max_number = 1'000'000;
constexpr std::size_t max_items = 1000;
constexpr std::string_view socket_scheme = "unix:";
// unix(7): with the zero at its end it has to fit.
constexpr std::size_t max_socket_path = sizeof(sockaddr_un::sun_path) - 1;

template <typename T>
struct Choice {
    std::string_view word;
    T value;
};

constexpr std::array log_levels{Choice{"trace", LogLevel::trace}, Choice{"debug", LogLevel::debug},
                                Choice{"info", LogLevel::info},   Choice{"warn", LogLevel::warn},
                                Choice{"error", LogLevel::error}, Choice{"off", LogLevel::off}};
constexpr std::array log_formats{Choice{"auto", LogFormat::automatic},
                                 Choice{"json", LogFormat::json}, Choice{"text", LogFormat::text}};
constexpr std::array xet_modes{Choice{"serve", XetMode::serve}, Choice{"strip", XetMode::strip}};
constexpr std::array sharings{Choice{"shared", Sharing::shared}, Choice{"verify", Sharing::verify},
                              Choice{"deny", Sharing::deny}};
constexpr std::array policy_actions{Choice{"allow", PolicyAction::allow},
                                    Choice{"deny", PolicyAction::deny}};

std::string words_of(const auto& choices) {
    std::string words;
    for (const auto& choice : choices)
        words += (words.empty() ? "" : "|") + std::string(choice.word);
    return words;
}

template <typename T>
Result<void> choose(std::string_view text, const auto& choices, T& out) {
    std::vector<std::string> words;
    for (const auto& choice : choices) {
        if (choice.word == text) {
            out = choice.value;
            return {};
        }
        words.emplace_back(choice.word);
    }
    const auto meant = nearest(text, words);
    return fail(ErrorKind::invalid,
                in_quotes(text) + " is not one of " + words_of(choices) +
                    (meant.empty() ? "" : " (did you mean " + in_quotes(meant) + "?)"));
}

std::string word_of(const auto& choices, auto value) {
    for (const auto& choice : choices) {
        if (choice.value == value) return std::string(choice.word);
    }
    return {};
}

// Keeps the old value when there is an error.
template <typename T>
Result<void> store(Result<T> value, T& out) {
    if (!value) return std::unexpected(value.error());
    out = std::move(*value);
    return {};
}

Result<HostPort> parse_host_port(std::string_view text) {
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorKind::invalid, in_quotes(text) + " " + std::string(why) +
                                            "; write 127.0.0.1:8090, [::1]:8090, or :8090 for "
                                            "every address of this machine");
    };
    const auto colon = text.rfind(':');
    const auto port = parse_u64(colon == std::string_view::npos ? text : text.substr(colon + 1));
    if (!port) return refuse("does not end with a port");
    if (*port > 65535) return refuse("has a port above 65535");
    HostPort value{"127.0.0.1", static_cast<std::uint16_t>(*port)};
    if (colon == std::string_view::npos) return value;
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host == "localhost") return value;
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(std::string(host), ec);
    if (host.empty()) {
        value.host.clear();
    } else if (ec) {
        return refuse("does not begin with an IP address");
    } else if (address.is_v6() != bracketed) {
        return refuse("must have brackets around an IPv6 address, and only there");
    } else {
        value.host = address.to_string();
    }
    return value;
}

// "PATTERN=VALUE" at its last "="; nothing when there is none.
struct RuleText {
    std::string pattern;
    std::string_view value;
};
std::optional<RuleText> split_rule(std::string_view text) {
    const auto equals = text.rfind('=');
    if (equals == std::string_view::npos) return std::nullopt;
    return RuleText{std::string(trimmed(text.substr(0, equals))), trimmed(text.substr(equals + 1))};
}

Result<TtlRule> parse_ttl_rule(const std::string& text) {
    auto parts = split_rule(text);
    if (!parts)
        return fail(ErrorKind::invalid, in_quotes(text) + " is not a rule such as org/*=10m");
    TtlRule rule;
    rule.repos = std::move(parts->pattern);
    if (const auto at = rule.repos.find('@'); at != std::string::npos) {
        rule.revision = rule.repos.substr(at + 1);
        rule.repos.resize(at);
    }
    if (rule.repos.empty() || rule.revision.empty()) {
        return fail(ErrorKind::invalid, in_quotes(text) + " names no repo or no revision");
    }
    const auto ttl = parse_duration(parts->value);
    if (!ttl) return std::unexpected(ttl.error());
    rule.ttl = *ttl;
    return rule;
}

Result<XetRule> parse_xet_rule(const std::string& text) {
    auto parts = split_rule(text);
    if (!parts) {
        return fail(ErrorKind::invalid, in_quotes(text) + " is not a rule such as org/old-*=strip");
    }
    XetRule rule;
    rule.repos = std::move(parts->pattern);
    if (rule.repos.empty()) return fail(ErrorKind::invalid, in_quotes(text) + " names no repo");
    const auto chosen = choose(parts->value, xet_modes, rule.mode);
    if (!chosen) return std::unexpected(chosen.error());
    return rule;
}

template <typename Rule>
Result<void> read_rules(std::string_view text, Result<Rule> parse(const std::string&),
                        std::vector<Rule>& out) {
    std::vector<std::string> items;
    const auto good = read_value(text, items);
    if (!good) return good;
    std::vector<Rule> rules;
    for (const auto& item : items) {
        auto rule = parse(item);
        if (!rule) return std::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    out = std::move(rules);
    return {};
}

}  // namespace

Result<void> read_value(std::string_view text, HostPort& out) {
    return store(parse_host_port(text), out);
}

Result<void> read_value(std::string_view text, AdminAddress& out) {
    if (!text.starts_with(socket_scheme)) {
        HostPort tcp;
        const auto read = read_value(text, tcp);
        if (read) out = {std::move(tcp), {}};
        return read;
    }
    std::string path;
    const auto read = read_value(text.substr(socket_scheme.size()), path);
    if (!read) return read;
    if (!path.starts_with('/') || path.ends_with('/')) {
        return fail(ErrorKind::invalid,
                    in_quotes(text) + " has no absolute path; write unix:/run/hubkeep/admin.sock");
    }
    if (path.size() > max_socket_path) {
        return fail(ErrorKind::invalid,
                    fmt::format("{} is too long: the path of a socket file has at most {} bytes",
                                in_quotes(text), max_socket_path));
    }
    out = {{}, std::move(path)};
    return {};
}

std::string write_value(const AdminAddress& value) {
    if (value.socket_file.empty()) return write_value(value.tcp);
    return std::string(socket_scheme) + value.socket_file;
}

std::string write_value(const HostPort& value) {
    const bool v6 = value.host.find(':') != std::string::npos;
    return (v6 ? "[" + value.host + "]" : value.host) + ":" + std::to_string(value.port);
}

Result<void> read_value(std::string_view text, CacheSize& out) {
    if (text.ends_with('%')) {
        const auto percent = parse_percent(text);
        if (!percent) return std::unexpected(percent.error());
        out = CacheSize{std::nullopt, *percent};
        return {};
    }
    const auto bytes = parse_size(text);
    if (!bytes) return fail(ErrorKind::invalid, bytes.error().message + ", or 85% of the disk");
    if (*bytes == 0)
        return fail(ErrorKind::invalid, in_quotes(text) + " leaves no room for any file");
    out = CacheSize{*bytes, CacheSize{}.percent};
    return {};
}

std::string write_value(const CacheSize& value) {
    return value.bytes ? format_size(*value.bytes) : format_percent(value.percent);
}

Result<void> read_value(std::string_view text, ByteSize& out) {
    return store(parse_size(text), out.bytes);
}

std::string write_value(const ByteSize& value) {
    return format_size(value.bytes);
}

Result<void> read_value(std::string_view text, std::chrono::milliseconds& out) {
    return store(parse_duration(text), out);
}

std::string write_value(std::chrono::milliseconds value) {
    return format_duration(value);
}

Result<void> read_value(std::string_view text, bool& out) {
    const auto word = to_lower(text);
    const bool yes = word == "true" || word == "yes" || word == "on" || word == "1";
    const bool no = word == "false" || word == "no" || word == "off" || word == "0";
    if (!yes && !no)
        return fail(ErrorKind::invalid, in_quotes(text) + " is neither true nor false");
    out = yes;
    return {};
}

std::string write_value(bool value) {
    return value ? "true" : "false";
}

Result<void> read_value(std::string_view text, unsigned& out) {
    const auto number = parse_u64(text);
    if (!number || *number > max_number) {
        return fail(ErrorKind::invalid, in_quotes(text) + " is not a whole number from 0 to " +
                                            std::to_string(max_number));
    }
    out = static_cast<unsigned>(*number);
    return {};
}

std::string write_value(unsigned value) {
    return std::to_string(value);
}

Result<void> read_value(std::string_view text, std::string& out) {
    if (text.size() > max_text) return fail(ErrorKind::invalid, "is longer than 4096 bytes");
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || byte == 0x7F) {
            return fail(ErrorKind::invalid, in_quotes(text) + " contains a control character");
        }
    }
    out = text;
    return {};
}

std::string write_value(const std::string& value) {
    return value;
}

Result<void> read_value(std::string_view text, std::vector<std::string>& out) {
    auto items = split_list(text);
    if (items.size() > max_items) return fail(ErrorKind::invalid, "has more than 1000 items");
    std::string item;
    for (const auto& one : items) {
        if (one.empty()) return fail(ErrorKind::invalid, in_quotes(text) + " has an empty item");
        const auto good = read_value(one, item);
        if (!good) return good;
    }
    out = std::move(items);
    return {};
}

std::string write_value(const std::vector<std::string>& value) {
    return fmt::format("{}", fmt::join(value, ", "));
}

Result<void> read_value(std::string_view text, std::vector<TtlRule>& out) {
    return read_rules(text, parse_ttl_rule, out);
}

std::string write_value(const std::vector<TtlRule>& value) {
    std::vector<std::string> items;
    for (const auto& rule : value) {
        const auto revision = rule.revision == "*" ? "" : "@" + rule.revision;
        items.push_back(rule.repos + revision + "=" + format_duration(rule.ttl));
    }
    return write_value(items);
}

Result<void> read_value(std::string_view text, LogLevel& out) {
    return choose(text, log_levels, out);
}
Result<void> read_value(std::string_view text, LogFormat& out) {
    return choose(text, log_formats, out);
}
Result<void> read_value(std::string_view text, XetMode& out) {
    return choose(text, xet_modes, out);
}
Result<void> read_value(std::string_view text, std::vector<XetRule>& out) {
    return read_rules(text, parse_xet_rule, out);
}
Result<void> read_value(std::string_view text, Sharing& out) {
    return choose(text, sharings, out);
}
Result<void> read_value(std::string_view text, PolicyAction& out) {
    return choose(text, policy_actions, out);
}

std::string write_value(LogLevel value) {
    return word_of(log_levels, value);
}
std::string write_value(LogFormat value) {
    return word_of(log_formats, value);
}
std::string write_value(XetMode value) {
    return word_of(xet_modes, value);
}
std::string write_value(const std::vector<XetRule>& value) {
    std::vector<std::string> items;
    for (const auto& rule : value) items.push_back(rule.repos + "=" + write_value(rule.mode));
    return write_value(items);
}
std::string write_value(Sharing value) {
    return word_of(sharings, value);
}
std::string write_value(PolicyAction value) {
    return word_of(policy_actions, value);
}

std::string value_name(const HostPort&) {
    return "ADDRESS";
}
std::string value_name(const AdminAddress&) {
    return "ADDRESS";
}
std::string value_name(const CacheSize&) {
    return "SIZE";
}
std::string value_name(const ByteSize&) {
    return "SIZE";
}
std::string value_name(std::chrono::milliseconds) {
    return "DURATION";
}
std::string value_name(bool) {
    return "true|false";
}
std::string value_name(unsigned) {
    return "NUMBER";
}
std::string value_name(const std::vector<TtlRule>&) {
    return "RULES";
}
std::string value_name(LogLevel) {
    return words_of(log_levels);
}
std::string value_name(LogFormat) {
    return words_of(log_formats);
}
std::string value_name(XetMode) {
    return words_of(xet_modes);
}
std::string value_name(const std::vector<XetRule>&) {
    return "RULES";
}
std::string value_name(Sharing) {
    return words_of(sharings);
}

}  // namespace hubkeep
