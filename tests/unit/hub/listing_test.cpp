// Cutting Xet out of JSON without touching anything else; Link headers; paths-info bodies.

#include "server/hub/listing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/hub/json_text.hpp"

namespace hubkeep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string sha = "0123456789abcdef0123456789abcdef01234567";

Result<std::string> stripped_of(std::string json) {
    const auto checked = check_json(json);
    if (!checked) return std::unexpected(checked.error());
    return strip_xet(std::move(json));
}

TEST(StripXet, CutsTheMemberWhereverItStands) {
    const std::pair<std::string, std::string> cases[]{
        {R"([{"type":"file","size":1,"xetHash":"ab","path":"x"}])",
         R"([{"type":"file","size":1,"path":"x"}])"},
        {R"({"xetHash":"ab","path":"x"})", R"({"path":"x"})"},
        {R"({"path":"x","xetHash":"ab"})", R"({"path":"x"})"},
        {R"({"xetHash":"ab"})", R"({})"},
        {R"([{"xetHash":null},{"xetHash":1}])", R"([{},{}])"},
        {R"({"xetHash":"a","xetEnabled":true,"b":1,"xetHash":"c"})", R"({"b":1})"},
        {R"({"xetEnabled":true,"xetHash":"a"})", R"({})"},
        {R"({"a":{"b":[{"xetHash":"x","c":1},2]}})", R"({"a":{"b":[{"c":1},2]}})"},
        {R"({"xetHash":{"a":[1,{"xetHash":2}],"}":"]"},"b":1})", R"({"b":1})"},
        {R"({"xetHash":["\"]","\\"],"b":1})", R"({"b":1})"},
        {R"({"xetH\u0061sh":"ab","b":1})", R"({"b":1})"},
        {"{ \"a\" : 1 ,\n  \"xetHash\" : \"x\"\n}", "{ \"a\" : 1 \n}"},
        {"{\n  \"xetHash\" : \"x\" ,\n  \"a\" : 1\n}", "{\n  \"a\" : 1\n}"},
        {R"({"a":1,"xetHash":-1.5e3})", R"({"a":1})"},
    };
    for (const auto& [json, expected] : cases) {
        const auto stripped = stripped_of(json);
        ASSERT_TRUE(stripped) << json << ": " << stripped.error().message;
        EXPECT_EQ(*stripped, expected);
        EXPECT_EQ(*stripped_of(*stripped), expected);
    }
}

TEST(StripXet, KeepsEveryOtherByte) {
    for (const std::string& json : {
             std::string(R"([])"),
             std::string(R"( {} )"),
             std::string("null"),
             std::string("\"xetHash\""),
             std::string(R"({"a":"xetHash","b":["xetHash","xetHash"]})"),
             std::string(R"({"text":"{\"xetHash\":\"x\"}"})"),
             std::string(R"({"xethash":1,"XetHash":2,"xetHash2":3," xetHash":4})"),
             std::string(R"({"size":18446744073709551616,"f":1.0,"g":1.50E+10,"h":-0})"),
             std::string(R"({"u":"\u00f1\ud83e\udd17\/","v":")") + "\xc3\xb1\xf0\x9f\xa4\x97\"}",
             std::string("{\"b\" :1,\r\n\t\"a\":\ttrue , \"b\":2}\n"),
         }) {
        const auto stripped = stripped_of(json);
        ASSERT_TRUE(stripped) << json << ": " << stripped.error().message;
        EXPECT_EQ(*stripped, json);
    }
}

TEST(StripXetAbove, CutsItFromLargeFilesAlone) {
    EXPECT_EQ(strip_xet_above(7, R"([ {"size":7,"xetHash":"a"},)"
                                 R"({"xetHash":"b","size":8,"lfs":{"size":8}} , 9, [8],)"
                                 R"({"lfs":{"size":8},"size":6,"xetHash":"c"}, {"size":"8"}])"),
              R"([ {"size":7,"xetHash":"a"},{"size":8,"lfs":{"size":8}} , 9, [8],)"
              R"({"lfs":{"size":8},"size":6,"xetHash":"c"}, {"size":"8"}])");
    for (const std::string json : {"", "null", "[]", R"({"size":8,"xetHash":"b"})"}) {
        EXPECT_EQ(strip_xet_above(7, json), json);
    }
}

TEST(StripXet, RefusesWhatIsNotJson) {
    for (const std::string& text :
         {std::string(), std::string(" "), std::string("<!doctype html><html></html>"),
          std::string("{"), std::string("[1,2"), std::string("{} {}"), std::string("{}x"),
          std::string("{'a':1}"), std::string("{\"a\":1,}"), std::string("{\"xetHash\":}"),
          std::string("{\"a\" \"b\"}"), std::string("[01]"), std::string("\"\xff\""),
          std::string("{\"a\":\"\n\"}"), std::string("tru"), std::string("{\"xetHash\":\"ab")}) {
        const auto stripped = stripped_of(text);
        ASSERT_FALSE(stripped) << text;
        EXPECT_EQ(stripped.error().kind, ErrorKind::protocol);
    }
}

TEST(StripXet, IsBounded) {
    EXPECT_FALSE(stripped_of(std::string(101, '[') + std::string(101, ']')));
    EXPECT_TRUE(stripped_of(std::string(90, '[') + std::string(90, ']')));
    EXPECT_FALSE(stripped_of(std::string(1'000'000, '[')));
    const auto large = stripped_of(std::string(64 * 1024 * 1024 + 1, ' '));
    ASSERT_FALSE(large);
    EXPECT_THAT(large.error().message, HasSubstr("67108865"));
}

TEST(StripXet, LongTree) {
    std::string json = "[";
    std::string expected = "[";
    for (int i = 0; i < 5000; ++i) {
        const auto number = std::to_string(i);
        const std::string comma = i == 0 ? "" : ",";
        json += comma + R"({"oid":")" + number + R"(","xetHash":"ab","path":"f)" + number + "\"}";
        expected += comma + R"({"oid":")" + number + R"(","path":"f)" + number + "\"}";
    }
    EXPECT_EQ(*stripped_of(json + ']'), expected + ']');
}

TEST(RepoFacts, AreReadFromTheOutermostObject) {
    const auto facts = facts_of_info(
        R"({"_id":"1","id":"o/n","cardData":{"sha":"no","private":true},"private":false,)"
        R"("gated":"auto","sha":")" +
        sha + R"(","siblings":[{"rfilename":"x"}]})");
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->id, "o/n");
    EXPECT_EQ(facts->sha, sha);
    EXPECT_EQ(facts->is_private, false);
    EXPECT_EQ(facts->gated, true);
}

TEST(RepoFacts, MayBeMissing) {
    const auto facts = facts_of_info(R"( {"_id":"1"} )");
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->id, "");
    EXPECT_EQ(facts->sha, "");
    EXPECT_FALSE(facts->is_private);
    EXPECT_FALSE(facts->gated);
    EXPECT_EQ(facts_of_info(R"({"gated":false})")->gated, false);
    EXPECT_EQ(facts_of_info(R"({"gated":"manual"})")->gated, true);
    EXPECT_EQ(facts_of_info(R"({"disabled":true})")->disabled, true);
    EXPECT_FALSE(facts_of_info(R"({"disabled":null})")->disabled);
    EXPECT_FALSE(facts_of_info(R"({"gated":null,"private":null,"sha":null})")->gated);
    EXPECT_EQ(facts_of_info(R"({"id":"a\/b"})")->id, "a/b");
}

TEST(RepoFacts, CommitOfInfo) {
    EXPECT_EQ(commit_of_info(R"({"sha":")" + sha + "\"}").value(), sha);
    EXPECT_EQ(commit_of_info(R"({"sha":"0123456789ABCDEF0123456789ABCDEF01234567"})").value(), sha);
    for (const std::string& json :
         {std::string("{}"), std::string(R"({"sha":null})"), std::string(R"({"sha":"main"})"),
          std::string(R"({"sha":1})"), std::string("[]"), std::string("\"{\""),
          std::string("<html>"), R"([{"sha":")" + sha + "\"}]",
          R"({"a":{"sha":")" + sha + "\"}}"}) {
        const auto result = commit_of_info(json);
        ASSERT_FALSE(result) << json;
        EXPECT_EQ(result.error().kind, ErrorKind::protocol);
    }
}

constexpr std::string_view hub = "https://huggingface.co";
constexpr std::string_view own = "http://10.0.0.5:8090";

TEST(Links, NextIsFound) {
    const std::pair<std::string_view, std::string_view> cases[]{
        {R"(<https://h/a>; rel="next")", "https://h/a"},
        {R"(<https://h/a>;rel=next)", "https://h/a"},
        {R"(<https://h/p>; rel="prev", <https://h/n>; rel="next")", "https://h/n"},
        {R"(<https://h/a,b;c>; title="x, y; rel=\"prev\""; REL="Next")", "https://h/a,b;c"},
        {R"(<https://h/a>; rel="last next")", "https://h/a"},
        {R"(<https://h/xet>; rel="xet-auth", </a?cursor=1>; rel="next")", "/a?cursor=1"},
    };
    for (const auto& [header, url] : cases) EXPECT_EQ(next_link(header), url) << header;
    for (const auto* none : {"", "<", "<https://h/a", "<https://h/a>", "https://h/a; rel=next",
                             R"(<https://h/a>; rel="prev")", R"(<https://h/a>; rel="nextish")",
                             R"(<https://h/a>; rel="prev"; rel="next")", R"(<a>; title="rel=next")",
                             R"(<a>; rel=")", R"(<a>; ; ;)"}) {
        EXPECT_FALSE(next_link(none)) << none;
    }
}

TEST(Links, AreRewrittenToUs) {
    const std::pair<std::string_view, std::string_view> cases[]{
        {R"(<https://huggingface.co/api/models/o/n/tree/main?cursor=ab%3D>; rel="next")",
         R"(<http://10.0.0.5:8090/api/models/o/n/tree/main?cursor=ab%3D>; rel="next")"},
        {R"(</api/models?p=1>;rel=next)", R"(<http://10.0.0.5:8090/api/models?p=1>; rel="next")"},
        {R"(<https://huggingface.co:443/api?expand[]=a>; rel="next")",
         R"(<http://10.0.0.5:8090/api?expand[]=a>; rel="next")"},
        {R"(<https://huggingface.co/api/models/o/n/xet-read-token/x>; rel="xet-auth")", ""},
        {R"(<https://evil.example/api>; rel="next")", ""},
        {"", ""},
    };
    for (const auto& [header, expected] : cases) {
        EXPECT_EQ(rewrite_link(header, hub, own), expected);
    }
    EXPECT_EQ(rewrite_link("</a>; rel=\"next\"", hub, "https://cache.example/"),
              "<https://cache.example/a>; rel=\"next\"");
}

TEST(Links, OnlyTheHubsOwnUrlsAreFollowed) {
    EXPECT_EQ(target_of_url("https://huggingface.co/api/x?a=%20b", hub), "/api/x?a=%20b");
    EXPECT_EQ(target_of_url("https://HuggingFace.co/api/x", hub), "/api/x");
    EXPECT_EQ(target_of_url("https://huggingface.co", hub), "/");
    EXPECT_EQ(target_of_url("https://huggingface.co?a=1", hub), "/?a=1");
    EXPECT_EQ(target_of_url("/api/x?c", hub), "/api/x?c");
    EXPECT_EQ(target_of_url("http://127.0.0.1:9000/x", "http://127.0.0.1:9000"), "/x");
    EXPECT_EQ(target_of_url("http://h/x", "http://h:80"), "/x");
    for (const auto* other :
         {"http://huggingface.co/x", "https://huggingface.co:8443/x", "https://huggingface.co./x",
          "https://huggingface.co.evil.example/x", "https://user@huggingface.co/x",
          "https://huggingface.co@evil.example/x", "https://evil.example/huggingface.co",
          "//evil.example/x", "//huggingface.co/x", "ftp://huggingface.co/x", "javascript:1", "x",
          "", "https:///x", "https://huggingface.co\\@evil.example/x", "https://huggingface.co/a b",
          "/a b", "/a\r\nb", "https://huggingface.co/x#y"}) {
        EXPECT_FALSE(target_of_url(other, hub)) << other;
    }
}

TEST(PathsInfo, FormAndJsonSayTheSame) {
    const std::tuple<std::string_view, std::string_view, bool> cases[]{
        {"application/x-www-form-urlencoded", "paths=a%2Fb&paths=c+d&expand=true", true},
        {"application/x-www-form-urlencoded; charset=utf-8", "paths=a/b&paths=c%20d&expand=True",
         true},
        {"Application/X-WWW-Form-Urlencoded", "expand=False&paths[]=a/b&paths[]=c+d", false},
        {"application/json", R"({"paths":["a/b","c d"],"expand":true})", true},
        {"application/json; charset=utf-8", R"({"paths":["a/b","c d"]})", false},
    };
    for (const auto& [type, body, expanded] : cases) {
        bool expand = !expanded;
        const auto paths = paths_of_request(type, body, expand);
        ASSERT_TRUE(paths) << body << ": " << paths.error().message;
        EXPECT_THAT(*paths, ElementsAre("a/b", "c d"));
        EXPECT_EQ(expand, expanded) << body;
    }
}

TEST(PathsInfo, OnePathMayBeAString) {
    bool expand = true;
    EXPECT_THAT(paths_of_request("application/json", R"({"paths":"a"})", expand).value(),
                ElementsAre("a"));
    EXPECT_FALSE(expand);
}

TEST(PathsInfo, PathsThatCannotBeAreLeftOut) {
    bool expand = false;
    const auto paths =
        paths_of_request("application/x-www-form-urlencoded",
                         "paths=../x&paths=ok&paths=&paths=/abs&paths=a%0ab", expand);
    EXPECT_THAT(paths.value(), ElementsAre("ok"));
}

TEST(PathsInfo, Refusals) {
    const std::tuple<std::string_view, std::string, int> cases[]{
        {"", "paths=a", 400},
        {"text/plain", "paths=a", 400},
        {"application/json", "", 400},
        {"application/json", "paths=a", 400},
        {"application/json", "[]", 400},
        {"application/json", "{}", 400},
        {"application/json", R"({"paths":1})", 400},
        {"application/json", R"({"paths":[1]})", 400},
        {"application/json", R"({"paths":)" + std::string(1000, '[') + std::string(1000, ']') + "}",
         400},
        {"application/json", std::string(9 * 1024 * 1024, ' '), 413},
    };
    for (const auto& [type, body, status] : cases) {
        bool expand = false;
        const auto paths = paths_of_request(type, body, expand);
        ASSERT_FALSE(paths) << body.substr(0, 80);
        EXPECT_EQ(paths.error().kind, ErrorKind::invalid);
        EXPECT_EQ(paths.error().code, status);
    }
}

TEST(PathsInfo, AtMostAThousand) {
    std::string body;
    for (int i = 0; i < 1000; ++i) body += "paths=f" + std::to_string(i) + '&';
    bool expand = false;
    EXPECT_EQ(paths_of_request("application/x-www-form-urlencoded", body, expand)->size(), 1000);
    const auto more =
        paths_of_request("application/x-www-form-urlencoded", body + "paths=x", expand);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, 413);
    EXPECT_EQ(more.error().message, "too many parameters");
}

TEST(Refs, EachRevisionGetsItsCommit) {
    const std::string refs =
        R"({"branches":[{"name":"main","ref":"refs/heads/main","targetCommit":"a"},)"
        R"({"name":"v1","ref":"refs/heads/v1","targetCommit":"b"}],)"
        R"("converts":[{"name":"parquet","ref":"refs/convert/parquet","targetCommit":"c"}],)"
        R"("tags":[{"name":"v1","ref":"refs/tags/v1","targetCommit":"d"},7,{"name":"v2"}],)"
        R"("pullRequests":[{"name":"1","ref":"refs/pr/1","targetCommit":"e"}]})";
    std::vector<std::string> asked;
    const auto same = with_commits(refs, [&](const std::string& revision, const std::string& it) {
        asked.push_back(revision + "=" + it);
        return it;
    });
    ASSERT_TRUE(same);
    EXPECT_EQ(*same, refs);
    EXPECT_EQ(asked, (std::vector<std::string>{"main=a", "v1=b", "refs/convert/parquet=c",
                                               "refs/pr/1=e"}));
    const auto moved = with_commits(
        refs, [](const std::string& revision, const std::string&) { return "at " + revision; });
    ASSERT_TRUE(moved);
    EXPECT_NE(moved->find(R"("ref":"refs/pr/1","targetCommit":"at refs/pr/1")"), std::string::npos);
    EXPECT_NE(moved->find(R"("ref":"refs/tags/v1","targetCommit":"d")"), std::string::npos);
    EXPECT_FALSE(with_commits("{", [](const auto&, const auto& it) { return it; }));
    EXPECT_EQ(*with_commits("[]", [](const auto&, const auto& it) { return it; }), "[]");
}

}  // namespace
}  // namespace hubkeep
