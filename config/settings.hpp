#pragma once
// Settings: everything an operator may decide, as plain values with their defaults in place. They
// are made once by load_settings() (load.hpp), are constant from then on, and are passed down by
// reference; any thread may read them. Keys, flags and variables are in schema.cpp: a member that
// is not in its table cannot be set. The token is not here, so that settings may be printed.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/log.hpp"
#include "config/access_settings.hpp"

namespace hubkeep {

struct HostPort {
    std::string host;        // an IP address without brackets; empty: every address of the machine
    std::uint16_t port = 0;  // 0: any free one

    bool operator==(const HostPort&) const = default;
};

// A size in bytes, or a share of the disk that holds data_dir.
struct CacheSize {
    std::optional<std::uint64_t> bytes;
    double percent = 85;  // meant when there are no bytes

    bool operator==(const CacheSize&) const = default;
};

struct ByteSize {
    std::uint64_t bytes = 0;

    bool operator==(const ByteSize&) const = default;
};

// What clients are told about the Hub's Xet protocol. serve: all that they need to speak it with
// hubkeep. strip: nothing, so they download plain files.
enum class XetMode { serve, strip };

// For some repos another mode than the general one; the first that matches counts.
struct XetRule {
    std::string repos;  // glob over "org/name", "datasets/org/name", ...
    XetMode mode = XetMode::strip;

    bool operator==(const XetRule&) const = default;
};

struct AdminAddress {
    HostPort tcp;
    std::string socket_file;  // an absolute path; when it is set, tcp means nothing

    bool operator==(const AdminAddress&) const = default;
};

struct AdminSettings {
    AdminAddress listen{{"127.0.0.1", 8091}, {}};
    std::string token_file;  // empty: one that is made in data_dir, see admin_token.hpp
    bool operator==(const AdminSettings&) const = default;
};

struct UpstreamSettings {
    std::string endpoint = "https://huggingface.co";  // scheme://host[:port], no slash at the end
    // The dataset viewer, the same form; empty: there is none.
    std::string datasets_server = "https://datasets-server.huggingface.co";
    std::vector<std::string> mirrors;  // asked before it, in this order
    std::string token_file;            // empty: see token.hpp for where else it may be
    std::string token_command;
    std::vector<TokenSetting> tokens;   // the first that matches counts before the one above
    std::string ca_file;                // empty: the system's authorities
    std::string proxy;                  // http://host:port or socks5://host:port; empty: direct
    std::string proxy_auth_file;        // user:password
    std::vector<std::string> no_proxy;  // hosts, .suffixes and networks that are reached directly
    std::chrono::milliseconds dns_ttl{30'000};
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds stall_timeout{30'000};
    unsigned connections_per_file = 16;  // 1: a file is never fetched in portions
    // Beyond the first of each file: to one host of a CDN, and in all.
    unsigned connections_per_host = 64;
    unsigned connections = 128;
    bool operator==(const UpstreamSettings&) const = default;
};

// For the revisions of some repos another ttl than the general one; the first that matches counts.
struct TtlRule {
    std::string repos;           // glob over "org/name", "datasets/org/name", ...
    std::string revision = "*";  // glob
    std::chrono::milliseconds ttl{0};

    bool operator==(const TtlRule&) const = default;
};

struct RevisionSettings {
    std::chrono::milliseconds ttl{60'000};           // 0: always ask
    std::chrono::milliseconds negative_ttl{10'000};  // of "there is no such repo or revision"
    std::vector<TtlRule> rules;
    bool operator==(const RevisionSettings&) const = default;
};

struct WebhookSettings {
    std::string secret_file;  // empty: there is no webhook
    bool operator==(const WebhookSettings&) const = default;
};

struct ListingSettings {
    std::chrono::milliseconds ttl{300'000};  // 0: always ask
    bool operator==(const ListingSettings&) const = default;
};

struct TlsSettings {
    std::string cert;  // both empty: plain HTTP
    std::string key;
    std::string client_ca;  // empty: clients show no certificate
    bool operator==(const TlsSettings&) const = default;
};

struct LogSettings {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;
    bool operator==(const LogSettings&) const = default;
};

struct CacheSettings {
    CacheSize max_size;
    ByteSize memory{64 * 1024 * 1024};  // 0: nothing is kept in memory
    bool operator==(const CacheSettings&) const = default;
};

struct LimitSettings {
    unsigned connections = 10'000;  // of clients; fewer when the system allows fewer
    unsigned hub_requests = 1'000;  // that wait for the Hub at once
    bool operator==(const LimitSettings&) const = default;
};

struct Settings {
    HostPort listen{"127.0.0.1", 8090};
    AdminSettings admin;
    std::string public_url;  // scheme://host[:port]; empty: taken from each request's Host
    std::string data_dir;    // load_settings() puts the user's default in when it is empty
    bool offline = false;
    UpstreamSettings upstream;
    ClientsSettings clients;
    AccessSettings access;
    PolicySettings policy;
    RevisionSettings revisions;
    WebhookSettings webhook;
    ListingSettings listings;
    TlsSettings tls;
    unsigned threads = 0;  // 0: one per core
    LogSettings log;
    CacheSettings cache;
    LimitSettings limits;
    XetMode xet = XetMode::serve;
    std::vector<XetRule> xet_rules;
    bool operator==(const Settings&) const = default;
};

}  // namespace hubkeep
