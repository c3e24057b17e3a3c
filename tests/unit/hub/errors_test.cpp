// What the Hub answers, row by row, and what a client of ours then sees.

#include "server/hub/errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace hubkeep {
namespace {

using testing::HasSubstr;

enum class Token { anonymous, service, client };
using enum Token;

struct Row {
    const char* about;
    int status;
    std::map<std::string, std::string> headers;
    Token token;
    int sent_status;
    std::string sent_code, sent_message;
};

HubError sent(const Row& row) {
    const auto get = [&row](std::string_view name) -> std::string_view {
        const auto found = row.headers.find(std::string(name));
        return found == row.headers.end() ? std::string_view{} : found->second;
    };
    return from_hub(row.status, get, row.token == Token::client);
}

const std::string login = "Invalid username or password.";
const std::string wrong = "Invalid credentials in Authorization header";
const std::string off = "Access to this resource is disabled.";
const std::string ask = "Access to model X is restricted. Please log in.";

TEST(Errors, RowsOfTheHub) {
    const Row rows[]{
        {"file missing",
         404,
         {{"x-error-code", "EntryNotFound"}, {"x-error-message", "Entry not found"}},
         anonymous,
         404,
         "EntryNotFound",
         "Entry not found"},
        {"revision missing",
         404,
         {{"x-error-code", "RevisionNotFound"}, {"x-error-message", "Invalid rev id: v9"}},
         service,
         404,
         "RevisionNotFound",
         "Invalid rev id: v9"},
        {"repo missing or private, no token",
         401,
         {{"x-error-message", login}},
         anonymous,
         404,
         "RepoNotFound",
         "Repository not found"},
        {"the same with the service token",
         401,
         {{"x-error-message", login}},
         service,
         404,
         "RepoNotFound",
         "Repository not found"},
        {"a 401 without a word", 401, {}, anonymous, 404, "RepoNotFound", "Repository not found"},
        {"repo missing, valid token",
         404,
         {{"x-error-code", "RepoNotFound"}, {"x-error-message", "Repository not found"}},
         service,
         404,
         "RepoNotFound",
         "Repository not found"},
        {"RepoNotFound as 401",
         401,
         {{"x-error-code", "RepoNotFound"}},
         anonymous,
         404,
         "RepoNotFound",
         "Repository not found"},
        {"the client's token is wrong", 401, {{"x-error-message", wrong}}, client, 401, "", wrong},
        {"gated, no token",
         401,
         {{"x-error-code", "GatedRepo"}, {"x-error-message", ask}},
         anonymous,
         401,
         "GatedRepo",
         ask},
        {"gated, no access",
         403,
         {{"x-error-code", "GatedRepo"}, {"x-error-message", ask}},
         service,
         403,
         "GatedRepo",
         ask},
        {"disabled", 403, {{"x-error-message", off}}, service, 403, "", off},
        {"another 403", 403, {{"x-error-message", "No."}}, service, 403, "", "No."},
        {"bad parameter",
         400,
         {{"x-error-message", "Invalid expand"}},
         service,
         400,
         "",
         "Invalid expand"},
        {"too many paths",
         413,
         {{"x-error-message", "too many parameters"}},
         service,
         413,
         "",
         "too many parameters"},
        {"404 without a code", 404, {}, service, 404, "", "The Hub answered 404."},
    };
    for (const auto& row : rows) {
        const auto error = sent(row);
        EXPECT_EQ(error.status, row.sent_status) << row.about;
        EXPECT_EQ(error.code, row.sent_code) << row.about;
        EXPECT_EQ(error.message, row.sent_message) << row.about;
        EXPECT_FALSE(stale_allowed(error)) << row.about;
    }
}

TEST(Errors, TroubleOfTheHubIsNeverNotFound) {
    const Row rows[]{
        {"500", 500, {}, service, 0, "", ""},
        {"502", 502, {}, anonymous, 0, "", ""},
        {"503", 503, {{"x-error-message", "down"}}, service, 0, "", ""},
        {"504 with a code", 504, {{"x-error-code", "EntryNotFound"}}, service, 0, "", ""},
        {"599", 599, {}, service, 0, "", ""},
        {"firewall", 405, {}, service, 0, "", ""},
        {"proxy login", 407, {}, service, 0, "", ""},
        {"timeout", 408, {}, service, 0, "", ""},
        {"captive portal", 403, {{"content-type", "text/html"}}, service, 0, "", ""},
        {"someone's 404", 404, {{"content-type", "text/html; charset=utf-8"}}, service, 0, "", ""},
        {"a 200 that was no answer", 200, {{"content-type", "text/html"}}, service, 0, "", ""},
        {"304 nobody asked for", 304, {}, service, 0, "", ""},
        {"101", 101, {}, service, 0, "", ""},
        {"refused without a token", 401, {{"x-error-message", wrong}}, anonymous, 0, "", ""},
    };
    for (const auto& row : rows) {
        const auto error = sent(row);
        EXPECT_EQ(error.status, hub_gone_status) << row.about;
        EXPECT_EQ(error.code, "") << row.about;
        EXPECT_TRUE(stale_allowed(error)) << row.about;
        EXPECT_FALSE(error.message.empty()) << row.about;
    }
}

TEST(Errors, TheStatusForGoneIsOneThatClientsSurviveAtOnce) {
    EXPECT_GT(hub_gone_status, 500);
    for (const int slow : {502, 503, 504}) EXPECT_NE(hub_gone_status, slow);
}

TEST(Errors, AWrongServiceTokenIsNotTheClientsFault) {
    const auto error = service_token_refused("llama");
    EXPECT_THAT(error.message, HasSubstr("operator"));
    EXPECT_THAT(error.message, HasSubstr("(llama)"));
    EXPECT_EQ(error.status, hub_gone_status);
    EXPECT_TRUE(stale_allowed(error));
}

TEST(Errors, ARefusedTokenIsToldFromARepoThatIsNotThere) {
    using Fields = std::map<std::string, std::string>;
    const auto refused = [](int status, const Fields& fields) {
        return refusal_of_token(status, [&](std::string_view name) -> std::string_view {
            const auto found = fields.find(std::string(name));
            return found == fields.end() ? std::string_view{} : found->second;
        });
    };
    EXPECT_EQ(refused(401, {{"x-error-message", wrong}}), wrong);
    EXPECT_EQ(refused(401, {{"x-error-message", "The key has expired."},
                            {"www-authenticate", "Bearer realm=\"hubkeep\""}}),
              "The key has expired.");
    EXPECT_FALSE(refused(401, {{"x-error-message", login}}));
    EXPECT_FALSE(refused(401, {{"x-error-code", "GatedRepo"}, {"x-error-message", ask}}));
    EXPECT_FALSE(refused(403, {{"x-error-message", wrong}}));
    EXPECT_FALSE(refused(200, {}));
}

TEST(Errors, Limits) {
    const std::tuple<std::map<std::string, std::string>, std::int64_t> cases[]{
        {{{"ratelimit", "\"api\";r=0;t=55"}}, 55},
        {{{"ratelimit", "\"api\";r=0;t=55"}, {"retry-after", "7"}}, 55},
        {{{"retry-after", "7"}}, 7},
        {{{"retry-after", "999999999999"}}, 3600},
        {{{"retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"}}, -1},
        {{{"ratelimit", "\"api\";r=0;t="}}, -1},
        {{}, -1},
    };
    for (const auto& [headers, seconds] : cases) {
        const auto error = sent({"", 429, headers, service, 0, "", ""});
        EXPECT_EQ(error.status, 429);
        EXPECT_EQ(error.retry_after_seconds, seconds);
        EXPECT_TRUE(stale_allowed(error));
    }
    EXPECT_THAT(too_many(55).message, HasSubstr("55 seconds"));
}

TEST(Errors, ALimitIsPassedOnUnderTheNameOfItsBucket) {
    const std::map<std::string, std::string> headers{
        {"ratelimit", "\"resolvers\";r=0;t=55"},
        {"ratelimit-policy", "\"fixed window\";\"resolvers\";q=3000;w=300"}};
    const auto fields = error_headers(sent({"", 429, headers, service, 0, "", ""}), false);
    using Field = std::pair<std::string, std::string>;
    EXPECT_THAT(fields, testing::Contains(Field("RateLimit", "\"resolvers\";r=0;t=55")));
    EXPECT_THAT(fields, testing::Contains(Field("RateLimit-Policy",
                                                "\"fixed window\";\"resolvers\";q=3000;w=300")));
    EXPECT_THAT(fields, testing::Contains(Field("Retry-After", "55")));
    const auto held = sent({"", 429, {{"ratelimit", "\"api\";r=9;t=40"}}, service, 0, "", ""});
    EXPECT_THAT(held.message, HasSubstr("9 are left"));
    const auto busy = sent({"", 429, {{"ratelimit", "\"proxy\";r=0;t=2"}}, service, 0, "", ""});
    EXPECT_EQ(busy.message, overloaded(2).message);
}

TEST(Errors, NotCachedOfflineSaysWhatAndWhy) {
    const auto error = not_cached_offline("config.json of o/n", "the Hub is unreachable");
    EXPECT_EQ(error.message,
              "config.json of o/n is not in this cache, and the Hub is unreachable.");
    EXPECT_EQ(error.status, hub_gone_status);
    EXPECT_EQ(error.code, "");
}

TEST(Errors, OurOwnFailures) {
    const std::pair<ErrorKind, int> cases[]{
        {ErrorKind::invalid, 400},
        {ErrorKind::denied, 403},
        {ErrorKind::limited, 429},
        {ErrorKind::not_found, hub_gone_status},
        {ErrorKind::io, 500},
        {ErrorKind::no_space, 500},
        {ErrorKind::corrupt, hub_gone_status},
        {ErrorKind::unreachable, hub_gone_status},
        {ErrorKind::protocol, hub_gone_status},
        {ErrorKind::timed_out, hub_gone_status},
        {ErrorKind::closed, hub_gone_status},
        {ErrorKind::cancelled, hub_gone_status},
    };
    for (const auto& [kind, status] : cases) {
        const auto error = from_error({kind, "why\nso", 0});
        EXPECT_EQ(error.status, status) << name_of(kind);
        EXPECT_EQ(error.code, "");
        EXPECT_EQ(error.message, "why so");
    }
    EXPECT_EQ(from_error({ErrorKind::invalid, "too many parameters", 413}).status, 413);
}

TEST(Errors, HeadersCarryEverythingBecauseHeadHasNoBody) {
    using Field = std::pair<std::string, std::string>;
    const auto missing = error_headers(entry_not_found(), false);
    EXPECT_THAT(missing, testing::Contains(Field("X-Error-Code", "EntryNotFound")));
    EXPECT_THAT(missing, testing::Contains(Field("X-Error-Message", "Entry not found")));
    EXPECT_THAT(missing, testing::Contains(Field("Cache-Control", "no-store")));
    EXPECT_THAT(missing, testing::Contains(Field("Content-Type", "text/plain; charset=utf-8")));
    const auto limited = error_headers(too_many(9), true);
    EXPECT_THAT(limited, testing::Contains(Field("Retry-After", "9")));
    EXPECT_THAT(limited, testing::Contains(Field("RateLimit", "\"proxy\";r=0;t=9")));
    EXPECT_THAT(limited, testing::Not(testing::Contains(testing::Key("X-Error-Code"))));
    EXPECT_THAT(error_headers(too_many(-1), true),
                testing::Not(testing::Contains(testing::Key("Retry-After"))));
    EXPECT_THAT(error_headers(gated(401, ""), false),
                testing::Contains(testing::Key("WWW-Authenticate")));
    for (const auto& error : {entry_not_found(), too_many(1), gated(401, ""), read_only()}) {
        EXPECT_THAT(error_headers(error, true),
                    testing::Not(testing::Contains(testing::Key("ETag"))));
    }
}

TEST(Errors, Bodies) {
    EXPECT_EQ(error_body(entry_not_found(), false), "Entry not found");
    EXPECT_EQ(error_body(entry_not_found(), true), "{\"error\":\"Entry not found\"}");
    EXPECT_EQ(error_body(bad_request("a \"b\" \\"), true), "{\"error\":\"a \\\"b\\\" \\\\\"}");
}

TEST(Errors, MessagesAreOneLineOfAscii) {
    EXPECT_EQ(clean_message("  a\r\n\t b \xc3\xb1\x1b[0m\0c  "), "a b ???[0m");
    EXPECT_EQ(clean_message(std::string_view("a\0b", 3)), "a?b");
    EXPECT_EQ(clean_message(std::string(5000, 'x')).size(), 500);
    EXPECT_EQ(clean_message(std::string(495, 'x') + " Bearer abc1").substr(490), "xxxxx Bear");
    EXPECT_EQ(clean_message("your hf_0123456789abcdefghijklm is bad"), "your *** is bad");
    EXPECT_EQ(clean_message("\r\n"), "");
    EXPECT_EQ(revision_not_found("v\r\nX-Evil: 1").message, "Invalid rev id: v X-Evil: 1");
}

}  // namespace
}  // namespace hubkeep
