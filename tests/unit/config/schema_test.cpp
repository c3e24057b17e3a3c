// The table itself: names follow from keys, every field of Settings is in it, and each value is
// written as it is read.

#include "config/schema.hpp"

#include <gtest/gtest.h>

#include <set>

namespace hubkeep {
namespace {

TEST(Schema, NamesFollowFromTheKey) {
    const auto& setting = *find_setting("upstream.connect_timeout");
    EXPECT_EQ(setting.flag(), "--upstream-connect-timeout");
    EXPECT_EQ(setting.variable(), "HUBKEEP_UPSTREAM_CONNECT_TIMEOUT");
    EXPECT_EQ(setting.section(), "upstream");
    EXPECT_EQ(setting.name(), "connect_timeout");
    EXPECT_EQ(find_setting("listen")->section(), "");
    EXPECT_EQ(find_setting("upstream"), nullptr);
    EXPECT_TRUE(is_section("upstream"));
    EXPECT_FALSE(is_section("listen"));
    EXPECT_FALSE(is_section(""));
}

TEST(Schema, NoNameMeansTwoThings) {
    std::set<std::string> flags;
    std::set<std::string_view> sections;
    std::string_view open;
    for (const auto& setting : schema()) {
        EXPECT_TRUE(flags.insert(setting.flag()).second) << setting.key;
        EXPECT_FALSE(setting.help.empty()) << setting.key;
        EXPECT_TRUE(setting.help.ends_with('.')) << setting.key;
        EXPECT_FALSE(setting.value_name.empty()) << setting.key;
        EXPECT_FALSE(is_section(setting.key)) << setting.key;
        if (setting.section() != open) {
            EXPECT_TRUE(sections.insert(setting.section()).second) << "split: " << setting.key;
        }
        open = setting.section();
    }
    EXPECT_FALSE(flags.contains("--config"));
}

// Another value than the default for every key.
const std::vector<std::pair<std::string, std::string>> others{
    {"listen", "[::1]:80"},
    {"public_url", "https://hub.example"},
    {"data_dir", "/srv/hubkeep"},
    {"offline", "true"},
    {"threads", "7"},
    {"admin.listen", "unix:/run/a.sock"},
    {"admin.token_file", "/run/admin"},
    {"upstream.endpoint", "http://10.0.0.1:81"},
    {"upstream.datasets_server", ""},
    {"upstream.mirrors", "http://10.0.0.2:8090, https://mirror.example"},
    {"upstream.token_file", "/run/secrets/token"},
    {"upstream.token_command", "pass show hub"},
    {"upstream.tokens", "[{name: llama, repos: [\"meta-llama/*\"], file: /run/secrets/llama}]"},
    {"clients.anonymous", "10.0.0.0/8"},
    {"clients.proxies", "127.0.0.1/32"},
    {"clients.header", "X-Forwarded-User"},
    {"clients.teams", "[{name: ml, members: [alice, \"*@ml.example\"]}]"},
    {"access.sharing", "verify"},
    {"access.rules", "[{name: ours, repos: [\"our-org/*\"], kinds: [model], sharing: deny}]"},
    {"access.verify_ttl", "90s"},
    {"access.verify_grace", "2h"},
    {"access.verify_negative_ttl", "3s"},
    {"access.contact", "Ask the platform team."},
    {"policy.rules", "[{name: no-pickles, action: deny, files: [\"*.bin\", \"*.pkl\"]}]"},
    {"upstream.ca_file", "/etc/ssl/hub.pem"},
    {"upstream.proxy", "socks5://10.0.0.3:1080"},
    {"upstream.proxy_auth_file", "/run/secrets/proxy"},
    {"upstream.no_proxy", "10.0.0.0/8, .example"},
    {"upstream.dns_ttl", "5s"},
    {"upstream.connect_timeout", "250ms"},
    {"upstream.stall_timeout", "2m"},
    {"upstream.connections_per_file", "9"},
    {"upstream.connections_per_host", "10"},
    {"upstream.connections", "11"},
    {"revisions.ttl", "0"},
    {"revisions.negative_ttl", "20s"},
    {"revisions.rules", "org/*=10m, datasets/org/name@dev=0"},
    {"webhook.secret_file", "/run/secrets/webhook"},
    {"listings.ttl", "90s"},
    {"cache.max_size", "1.5TiB"},
    {"cache.memory", "32MiB"},
    {"limits.connections", "500"},
    {"limits.hub_requests", "50"},
    {"tls.cert", "/etc/ssl/a.pem"},
    {"tls.key", "/etc/ssl/a.key"},
    {"tls.client_ca", "/etc/ssl/clients.pem"},
    {"xet", "strip"},
    {"xet_rules", "org/old-*=strip, datasets/org/name=serve"},
    {"log.level", "debug"},
    {"log.format", "json"}};

TEST(Schema, EverySettingReachesItsOwnField) {
    Settings all;
    for (const auto& [key, text] : others) {
        const auto& setting = *find_setting(key);
        Settings one;
        ASSERT_TRUE(setting.read(one, text)) << key;
        EXPECT_NE(one, Settings{}) << key << " changes nothing";
        EXPECT_EQ(setting.write(one), text);
        for (const auto& other : schema()) {
            if (other.key == key) continue;
            EXPECT_EQ(other.write(one), other.write(Settings{})) << key << " changes " << other.key;
        }
        ASSERT_TRUE(setting.read(all, text));
    }
    EXPECT_EQ(others.size(), schema().size()) << "a setting is missing in this test";
    Settings expected{.listen = {"::1", 80},
                      .admin = {.listen = {{}, "/run/a.sock"}, .token_file = "/run/admin"},
                      .public_url = "https://hub.example",
                      .data_dir = "/srv/hubkeep",
                      .offline = true,
                      .upstream = {.endpoint = "http://10.0.0.1:81",
                                   .datasets_server = "",
                                   .mirrors = {"http://10.0.0.2:8090", "https://mirror.example"},
                                   .token_file = "/run/secrets/token",
                                   .token_command = "pass show hub",
                                   .tokens = {{.name = "llama",
                                               .repos = {"meta-llama/*"},
                                               .file = "/run/secrets/llama"}},
                                   .ca_file = "/etc/ssl/hub.pem",
                                   .proxy = "socks5://10.0.0.3:1080",
                                   .proxy_auth_file = "/run/secrets/proxy",
                                   .no_proxy = {"10.0.0.0/8", ".example"},
                                   .dns_ttl = std::chrono::seconds(5),
                                   .connect_timeout = std::chrono::milliseconds(250),
                                   .stall_timeout = std::chrono::minutes(2),
                                   .connections_per_file = 9,
                                   .connections_per_host = 10,
                                   .connections = 11},
                      .clients = {.anonymous = {"10.0.0.0/8"},
                                  .proxies = {"127.0.0.1/32"},
                                  .header = "X-Forwarded-User",
                                  .teams = {{"ml", {"alice", "*@ml.example"}}}},
                      .access = {.sharing = Sharing::verify,
                                 .rules = {{.name = "ours",
                                            .repos = {"our-org/*"},
                                            .kinds = {"model"},
                                            .sharing = Sharing::deny}},
                                 .verify_ttl = std::chrono::seconds(90),
                                 .verify_grace = std::chrono::hours(2),
                                 .verify_negative_ttl = std::chrono::seconds(3),
                                 .contact = "Ask the platform team."},
                      .policy = {.rules = {{.name = "no-pickles",
                                            .action = PolicyAction::deny,
                                            .files = {"*.bin", "*.pkl"}}}},
                      .revisions = {.ttl = std::chrono::milliseconds(0),
                                    .negative_ttl = std::chrono::seconds(20),
                                    .rules = {{"org/*", "*", std::chrono::minutes(10)},
                                              {"datasets/org/name", "dev", {}}}},
                      .webhook = {.secret_file = "/run/secrets/webhook"},
                      .listings = {.ttl = std::chrono::seconds(90)},
                      .tls = {.cert = "/etc/ssl/a.pem",
                              .key = "/etc/ssl/a.key",
                              .client_ca = "/etc/ssl/clients.pem"},
                      .threads = 7,
                      .log = {.level = LogLevel::debug, .format = LogFormat::json},
                      .cache = {.max_size = {.bytes = 1'649'267'441'664}, .memory = {33'554'432}},
                      .limits = {.connections = 500, .hub_requests = 50}};
    expected.xet = XetMode::strip;
    expected.xet_rules = {{"org/old-*", XetMode::strip}, {"datasets/org/name", XetMode::serve}};
    EXPECT_EQ(all, expected);
}

TEST(Schema, DefaultsAreWrittenAsTheyAreRead) {
    Settings again;
    for (const auto& setting : schema()) {
        ASSERT_TRUE(setting.read(again, setting.write(Settings{}))) << setting.key;
    }
    EXPECT_EQ(again, Settings{});
}

TEST(Schema, ARefusedValueChangesNothing) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"listen", "nowhere"},
        {"listen", "1.2.3.4"},
        {"listen", "1.2.3.4:65536"},
        {"listen", "::1:80"},
        {"listen", "[1.2.3.4]:80"},
        {"listen", "[::1]"},
        {"listen", "hub.example:80"},
        {"listen", ""},
        {"listen", "1.2.3.4:-1"},
        {"offline", "maybe"},
        {"offline", ""},
        {"threads", "-1"},
        {"threads", "1000001"},
        {"threads", "two"},
        {"cache.max_size", "500"},
        {"cache.max_size", "0B"},
        {"cache.max_size", "101%"},
        {"cache.memory", "64"},
        {"cache.memory", "1%"},
        {"revisions.rules", "org/*"},
        {"revisions.rules", "org/*=10"},
        {"revisions.rules", "=10m"},
        {"revisions.rules", "org/*@=10m"},
        {"revisions.rules", "org/*=10m,,x=1s"},
        {"revisions.ttl", "60"},
        {"log.level", "loud"},
        {"log.format", "JSON"},
        {"xet", "pass"},
        {"xet_rules", "org/*"},
        {"xet_rules", "=strip"},
        {"xet_rules", "org/*=pass"},
        {"data_dir", "a\nb"},
        {"data_dir", std::string(5000, 'x')}};
    for (const auto& [key, text] : table) {
        Settings settings;
        const auto read = find_setting(key)->read(settings, text);
        ASSERT_FALSE(read) << key << ": " << text;
        EXPECT_EQ(read.error().kind, ErrorKind::invalid);
        EXPECT_EQ(settings, Settings{}) << key << ": " << text;
    }
}

TEST(Schema, AddressForms) {
    const std::vector<std::pair<std::string, HostPort>> table{
        {"8090", {"127.0.0.1", 8090}},     {":8090", {"", 8090}},
        {"0.0.0.0:1", {"0.0.0.0", 1}},     {"[::]:1", {"::", 1}},
        {"localhost:1", {"127.0.0.1", 1}}, {"[0:0::1]:1", {"::1", 1}}};
    for (const auto& [text, expected] : table) {
        Settings settings;
        ASSERT_TRUE(find_setting("listen")->read(settings, text)) << text;
        EXPECT_EQ(settings.listen, expected) << text;
    }
}

TEST(Schema, TruthHasManyWords) {
    for (const auto* const text : {"true", "True", "yes", "on", "1"}) {
        Settings settings;
        ASSERT_TRUE(find_setting("offline")->read(settings, text));
        EXPECT_TRUE(settings.offline) << text;
    }
    for (const auto* const text : {"false", "NO", "off", "0"}) {
        Settings settings{.offline = true};
        ASSERT_TRUE(find_setting("offline")->read(settings, text));
        EXPECT_FALSE(settings.offline) << text;
    }
}

}  // namespace
}  // namespace hubkeep
