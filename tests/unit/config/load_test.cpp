// Settings from all sources together: a file in and the whole struct out, which source counts, and
// every mistake of every source in one answer.

#include "config/load.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "folder.hpp"

namespace hubkeep {
namespace {

using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Load : public ::testing::Test {
  protected:
    Load() {
        input_.default_file = folder_.path("absent.yaml");
        input_.environment = {{"HOME", "/home/someone"}, {"PATH", "/bin"}};
    }
    void file(const std::string& content) { input_.file = folder_.write("h.yaml", content); }
    void variable(const std::string& name, const std::string& value) {
        input_.environment.emplace_back(name, value);
    }
    void flag(const std::string& key, const std::string& text, const std::string& name) {
        input_.flags.push_back({key, text, name});
    }
    Loaded load() {
        auto loaded = load_settings(input_);
        if (loaded) return std::move(*loaded);
        for (const auto& problem : loaded.error()) ADD_FAILURE() << problem;
        return {};
    }
    // Without the name of the test's folder.
    Problems problems() {
        auto loaded = load_settings(input_);
        if (loaded) return {};
        for (auto& problem : loaded.error()) {
            const auto at = problem.find(folder_.path(""));
            if (at != std::string::npos) problem.erase(at, folder_.path("").size());
        }
        return loaded.error();
    }

    Folder folder_;
    LoadInput input_;
};

TEST_F(Load, WithoutAnySourceThereAreDefaults) {
    const auto loaded = load();
    Settings expected;
    expected.data_dir = "/home/someone/.local/share/hubkeep";
    EXPECT_EQ(loaded.settings, expected);
    EXPECT_THAT(loaded.secrets.service_tokens, IsEmpty());
    EXPECT_FALSE(loaded.file);
    EXPECT_THAT(loaded.origins, IsEmpty());
    EXPECT_THAT(loaded.notices, IsEmpty());
    input_.is_root = true;
    EXPECT_EQ(load().settings.data_dir, "/var/lib/hubkeep");
}

TEST_F(Load, AWholeFile) {
    const auto cert = folder_.write("a.pem", "cert");
    const auto key = folder_.write("a.key", "key");
    const auto ca = folder_.write("ca.pem", "ca", 0644);
    const auto token = folder_.write("token", "hf_abc\n");
    file(
        "listen: 0.0.0.0:9000\n"
        "public_url: https://hub.example/\n"
        "data_dir: ~/cache\n"
        "offline: yes\n"
        "threads: 3\n"
        "xet: strip\n"
        "admin: {listen: \"[::1]:9001\"}\n"
        "upstream:\n"
        "  endpoint: https://mirror.example:444/\n"
        "  token_file: " +
        token +
        "\n"
        "  ca_file: " +
        ca +
        "\n"
        "  connect_timeout: 2s\n"
        "  stall_timeout: 1.5m\n"
        "revisions: {ttl: 0}\n"
        "cache:\n"
        "  max_size: 50.5%\n"
        "tls: {cert: " +
        cert + ", key: " + key +
        "}\n"
        "log:\n"
        "  level: warn\n"
        "  format: text\n");
    const auto loaded = load();
    const Settings expected{.listen = {"0.0.0.0", 9000},
                            .admin = {.listen = {{"::1", 9001}, {}}},
                            .public_url = "https://hub.example",
                            .data_dir = "/home/someone/cache",
                            .offline = true,
                            .upstream = {.endpoint = "https://mirror.example:444",
                                         .token_file = token,
                                         .ca_file = ca,
                                         .connect_timeout = milliseconds(2000),
                                         .stall_timeout = milliseconds(90'000)},
                            .revisions = {.ttl = milliseconds(0)},
                            .tls = {.cert = cert, .key = key},
                            .threads = 3,
                            .log = {.level = LogLevel::warn, .format = LogFormat::text},
                            .cache = {.max_size = {.bytes = {}, .percent = 50.5}},
                            .xet = XetMode::strip};
    EXPECT_EQ(loaded.settings, expected);
    EXPECT_EQ(loaded.secrets.service_tokens.at(0).token.reveal(), "hf_abc");
    EXPECT_EQ(loaded.origins.size(), 18U);
    EXPECT_THAT(loaded.notices, ElementsAre(HasSubstr("without a key")));
}

TEST_F(Load, FlagThenEnvironmentThenFileThenDefault) {
    const auto set_file = [&] { file("threads: 1\n"); };
    const auto set_variable = [&] { variable("HUBKEEP_THREADS", "2"); };
    const auto set_flag = [&] { flag("threads", "3", "--threads"); };
    const auto origin = [&] {
        const auto origins = load().origins;
        return origins.contains("threads") ? origins.at("threads") : "default";
    };
    EXPECT_EQ(load().settings.threads, 0U);
    EXPECT_EQ(origin(), "default");
    set_file();
    EXPECT_EQ(load().settings.threads, 1U);
    EXPECT_EQ(origin(), folder_.path("h.yaml") + ":1:10");
    set_variable();
    EXPECT_EQ(load().settings.threads, 2U);
    EXPECT_EQ(origin(), "HUBKEEP_THREADS");
    set_flag();
    EXPECT_EQ(load().settings.threads, 3U);
    EXPECT_EQ(origin(), "--threads");
    input_.environment = {{"HOME", "/home/someone"}};
    input_.file.reset();
    EXPECT_EQ(load().settings.threads, 3U);
}

TEST_F(Load, WhichFileIsRead) {
    input_.default_file = folder_.write("default.yaml", "threads: 1\n");
    EXPECT_EQ(load().settings.threads, 1U);
    variable("HUBKEEP_CONFIG", folder_.write("variable.yaml", "threads: 2\n"));
    EXPECT_EQ(load().settings.threads, 2U);
    input_.file = folder_.write("flag.yaml", "threads: 3\n");
    EXPECT_EQ(load().settings.threads, 3U);
    EXPECT_EQ(load().file, input_.file);
}

TEST_F(Load, AFileThatIsAskedForMustBeThere) {
    input_.file = folder_.path("none.yaml");
    EXPECT_THAT(problems(), ElementsAre("cannot open none.yaml: No such file or directory"));
    input_.file = folder_.write("huge.yaml", std::string(1024 * 1024 + 1, '#'));
    EXPECT_THAT(problems(), ElementsAre("huge.yaml is larger than expected"));
}

TEST_F(Load, EveryMistakeOfEverySource) {
    file(
        "cache:\n"
        "  max_sise: 5GB\n"
        "  max_size: 500\n"
        "tls:\n"
        "  cert: /none.pem\n"
        "log: {level: loud}\n");
    variable("HUBKEEP_LISTN", "1");
    variable("HUBKEEP_THREADS", "many");
    flag("revisions.ttl", "60", "--revisions-ttl");
    EXPECT_THAT(
        problems(),
        ElementsAre(
            "h.yaml:2:3: unknown key \"max_sise\" under \"cache\" (did you mean \"max_size\"?)",
            "h.yaml:3:13: cache.max_size: \"500\" has no unit: write 500B, 500MB, 500GiB or "
            "another unit, or 85% of the disk",
            "h.yaml:6:14: log.level: \"loud\" is not one of trace|debug|info|warn|error|off",
            "HUBKEEP_LISTN: no setting has this variable (did you mean HUBKEEP_LISTEN?)",
            "HUBKEEP_THREADS: \"many\" is not a whole number from 0 to 1000000",
            "--revisions-ttl: \"60\" has no unit: write 60s, 60m or 60ms",
            "h.yaml:5:9: tls.cert needs tls.key beside it",
            "h.yaml:5:9: tls.cert cannot open /none.pem: No such file or directory"));
}

TEST_F(Load, AMistakeInAWeakerSourceIsStillOne) {
    file("threads: many\n");
    flag("threads", "2", "--threads");
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("h.yaml:1:10: threads: \"many\"")));
}

TEST_F(Load, WhatFollowsFromAMistakeIsNotReported) {
    file("tls: {cert: \"a\\tb\", key: /dev/null}\nupstream: {token_file: \"\\a\"}\n");
    flag("listen", "nowhere", "--listen");
    flag("admin.listen", "8090", "--admin-listen");
    EXPECT_THAT(problems(),
                ElementsAre(HasSubstr("tls.cert: \"a\\x09b\" contains a control character"),
                            HasSubstr("upstream.token_file: \"\\x07\" contains"),
                            HasSubstr("--listen: \"nowhere\" does not end with a port"),
                            HasSubstr("tls.key /dev/null is empty")));
}

TEST_F(Load, ImpossibleCombinations) {
    struct Case {
        std::vector<std::pair<std::string, std::string>> flags;
        std::string problem;
    };
    const std::vector<Case> table{
        {{{"tls.key", "/dev/null"}}, "tls.key needs tls.cert beside it"},
        {{{"tls.client_ca", "/etc/passwd"}}, "tls.client_ca needs tls.cert beside it"},
        {{{"clients.anonymous", "10.0.0.0/8, all"}}, "clients.anonymous \"all\" is not a network"},
        {{{"clients.proxies", "10.0.0.0/33"}}, "clients.proxies \"10.0.0.0/33\" is not a network"},
        {{{"clients.header", "X-User"}}, "clients.header needs clients.proxies beside it"},
        {{{"clients.header", "X User"}, {"clients.proxies", "::1"}},
         "clients.header is not the name of a header field"},
        {{{"listen", "8091"}}, "admin.listen takes the same address as listen"},
        {{{"listen", ":8091"}}, "admin.listen takes the same address as listen"},
        {{{"public_url", "hub.example"}}, "public_url is not a URL"},
        {{{"public_url", "ftp://hub.example"}}, "public_url is not a URL"},
        {{{"public_url", "http://hub.example/sub"}}, "public_url must end after the host"},
        {{{"public_url", "http://"}}, "public_url"},
        {{{"public_url", "http://a b"}}, "public_url is not a URL"},
        {{{"upstream.endpoint", ""}}, "upstream.endpoint is not a URL"},
        {{{"upstream.endpoint", "https://hub.example/api"}}, "must end after the host"},
        {{{"upstream.endpoint", "https://hub.example?x=1"}}, "must not contain ? or #"},
        {{{"upstream.endpoint", "https://me:sesame@hub.example"}}, "must not contain a user"},
        {{{"upstream.endpoint", "https://hub.example:0"}}, "has a port that is not 1 to 65535"},
        {{{"upstream.endpoint", "https://hub.example:70000"}}, "upstream.endpoint"},
        {{{"upstream.endpoint", "http://localhost:8090"}}, "is hubkeep's own address"},
        {{{"listen", "10.1.2.3:80"}, {"upstream.endpoint", "http://10.1.2.3"}}, "own address"},
        {{{"upstream.connect_timeout", "0"}}, "upstream.connect_timeout cannot be 0"},
        {{{"upstream.stall_timeout", "0"}}, "upstream.stall_timeout cannot be 0"},
        {{{"upstream.connections_per_file", "0"}}, "upstream.connections_per_file must be from 1"},
        {{{"upstream.connections_per_file", "65"}}, "upstream.connections_per_file must be from 1"},
        {{{"upstream.ca_file", "/none"}}, "upstream.ca_file cannot open /none"},
        {{{"upstream.token_file", "/none"}}, "upstream.token_file cannot be used"}};
    for (const auto& [flags, problem] : table) {
        input_.flags.clear();
        for (const auto& [key, text] : flags) flag(key, text, "--x");
        const auto found = problems();
        EXPECT_THAT(found, Contains(HasSubstr(problem))) << flags.front().second;
        for (const auto& line : found) {
            EXPECT_TRUE(line.starts_with("--x: ")) << line;
            EXPECT_EQ(line.find("sesame"), std::string::npos) << line;
        }
    }
}

TEST_F(Load, CombinationsThatWork) {
    for (const auto& [key, text] : std::vector<std::pair<std::string, std::string>>{
             {"listen", "127.0.0.2:8091"},
             {"listen", "0"},
             {"upstream.endpoint", "http://[2001:db8::1]:8090"},
             {"upstream.endpoint", "HTTPS://Hub.Example"},
             {"revisions.ttl", "0"}}) {
        input_.flags.clear();
        flag(key, text, "--x");
        EXPECT_THAT(problems(), IsEmpty()) << text;
    }
}

TEST_F(Load, NoHomeAndNoFolder) {
    input_.environment.clear();
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("data_dir is not set")));
    flag("data_dir", "/srv/x", "--data-dir");
    EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Load, WhatKubernetesSetsIsIgnoredWithOneNotice) {
    variable("HUBKEEP_PORT", "tcp://10.0.0.1:8090");
    variable("HUBKEEP_PORT_8090_TCP_ADDR", "10.0.0.1");
    variable("HUBKEEP_SERVICE_HOST", "10.0.0.1");
    variable("HUBKEEP_SERVICE_PORT_HTTP", "8090");
    variable("HUBKEEP_ADMIN_SERVICE_HOST", "10.0.0.2");
    variable("HUBKEEP_ADMIN_PORT", "tcp://10.0.0.2:8091");
    variable("HUBKEEP_ADMIN_PORT_8091_TCP_PROTO", "tcp");
    EXPECT_THAT(load().notices, ElementsAre(HasSubstr("HUBKEEP_PORT and its likes")));
    variable("HUBKEEP_ADMIN_PORT_NUMBER", "8091");
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("HUBKEEP_ADMIN_PORT_NUMBER: no setting")));
}

TEST_F(Load, AnEmptyVariableIsNotSet) {
    file("threads: 4\n");
    variable("HUBKEEP_THREADS", "");
    variable("HUBKEEP_NONSENSE", "");
    EXPECT_EQ(load().settings.threads, 4U);
}

TEST_F(Load, TokensInTheWrongPlaceAreNotRepeated) {
    const std::string token = "hf_" + std::string(34, 'k');
    file("upstream:\n  token: " + token + "\n  token_file: " + token + "\nlisten: " + token + "\n");
    variable("HUBKEEP_TOKEN", token);
    variable("HUBKEEP_LOG_LEVEL", token);
    flag("upstream.endpoint", "https://" + token + "@hub.example", "--upstream-endpoint");
    const auto found = problems();
    EXPECT_EQ(found.size(), 6U);
    for (const auto& line : found) EXPECT_EQ(line.find("hf_k"), std::string::npos) << line;
    EXPECT_THAT(found, Contains(HasSubstr("this is a token, not the name of a file")));
}

TEST_F(Load, WhichTokenIsUsed) {
    input_.tokens.hf_token = Secret("hf_environment");
    EXPECT_EQ(load().secrets.service_tokens.at(0).token.reveal(), "hf_environment");
    flag("upstream.token_file", folder_.write("token", "hf_file"), "--upstream-token-file");
    const auto loaded = load();
    EXPECT_EQ(loaded.secrets.service_tokens.at(0).token.reveal(), "hf_file");
    EXPECT_THAT(loaded.notices, ElementsAre(HasSubstr("HF_TOKEN is ignored")));
    input_ = {};
    input_.is_root = true;
    input_.default_file = folder_.path("absent.yaml");
    input_.tokens.has_old_name = true;
    EXPECT_THAT(load().secrets.service_tokens, IsEmpty());
    EXPECT_THAT(load().notices, ElementsAre(HasSubstr("name it HF_TOKEN")));
    input_.tokens.hf_token = Secret("two words");
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("HF_TOKEN holds something else")));
}

TEST_F(Load, WhoOnlyTalksToTheDaemonReadsNoSecrets) {
    flag("upstream.token_file", folder_.path("absent"), "--upstream-token-file");
    flag("webhook.secret_file", folder_.path("absent"), "--webhook-secret-file");
    flag("upstream.token_command", "touch " + folder_.path("was-run"), "--upstream-token-command");
    EXPECT_EQ(problems().size(), 2U);
    input_.with_secrets = false;
    EXPECT_THAT(load().secrets.service_tokens, IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(folder_.path("was-run")));
}

TEST_F(Load, NamesOfTokensAreForLogsAndMetrics) {
    const auto file = folder_.write("token", "hf_abc");
    const auto tokens = [&](const std::string& name) {
        return fmt::format("{{name: {}, repos: [x/*], file: {}}}", name, file);
    };
    flag("upstream.tokens", "[" + tokens("a.B_c-1") + "]", "--upstream-tokens");
    EXPECT_THAT(problems(), IsEmpty());
    for (const std::string wrong :
         {"default", "'a b'", "a/b", "hf_abcdefghijklmnopqrstuvwxyz0123"}) {
        input_.flags.clear();
        flag("upstream.tokens", "[" + tokens(wrong) + "]", "--upstream-tokens");
        EXPECT_THAT(problems(), ElementsAre(HasSubstr("--upstream-tokens: "))) << wrong;
        EXPECT_THAT(problems(), ::testing::Not(Contains(HasSubstr("ghijkl"))));
    }
    input_.flags.clear();
    flag("upstream.tokens", "[" + tokens("a") + ", " + tokens("a") + "]", "--upstream-tokens");
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("two tokens with the name a")));
}

TEST_F(Load, ABrokenListOfKeysIsAMistake) {
    flag("data_dir", folder_.path(""), "--data-dir");
    folder_.write("clients.json", "{\"keys\": []}");
    EXPECT_TRUE(load().secrets.client_keys.empty());
    folder_.write("clients.json", "{");
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("clients.json cannot be used")));
    input_.with_secrets = false;
    EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Load, RisksAreNotices) {
    flag("upstream.endpoint", "http://hub.example", "--upstream-endpoint");
    EXPECT_THAT(load().notices, IsEmpty());
    input_.tokens.hf_token = Secret("hf_abc");
    EXPECT_THAT(load().notices, ElementsAre(HasSubstr("is plain http")));
    flag("upstream.endpoint", "http://127.0.0.1:9", "--upstream-endpoint");
    flag("admin.listen", ":8091", "--admin-listen");
    flag("tls.cert", folder_.write("a.pem", "x"), "--tls-cert");
    flag("tls.key", folder_.write("a.key", "x", 0644), "--tls-key");
    EXPECT_THAT(load().notices, ElementsAre(HasSubstr("can be reached from other machines"),
                                            HasSubstr("is open to every user")));
    flag("clients.proxies", "0.0.0.0/0,::/0", "--clients-proxies");
    flag("clients.header", "X-User", "--clients-header");
    EXPECT_THAT(load().notices, Contains(HasSubstr("anybody can name himself")));
}

}  // namespace
}  // namespace hubkeep
