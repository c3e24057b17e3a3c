// RFC 9111 as pure values: what may be stored, for how long it is fresh, and for whom.

#include "server/hub/caching.hpp"

#include <gtest/gtest.h>

#include "server/hub/fields.hpp"
#include "server/hub/http_date.hpp"

namespace hubkeep {
namespace {

using std::chrono::seconds;

constexpr std::int64_t now = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr auto date_now = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr auto date_minute_ahead = "Sun, 06 Nov 1994 08:50:37 GMT";

bool fresh(const HeaderFields& fields, std::int64_t after = 0, seconds ttl = seconds(0)) {
    return is_fresh(caching_policy(200, fields, now), fields, now, now + after, ttl);
}

TEST(HttpDate, ThreeForms) {
    EXPECT_EQ(parse_http_date(date_now, now), now);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), now);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), now);
    EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT", now), 0);
    EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT", now), 1709251200);
}

TEST(HttpDate, TwoDigitsOfAYearMeanTheNearest) {
    constexpr std::int64_t in_2026 = 1795262400;
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", in_2026), now);
    EXPECT_EQ(parse_http_date("Monday, 01-Jan-29 00:00:00 GMT", in_2026), 1861920000);
}

TEST(HttpDate, EverythingElseIsNone) {
    for (const auto* text :
         {"", "0", "-1", "now", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
          "Sun, 06 Nov 1994 08:49:37 GMT ", "sun, 06 nov 1994 08:49:37 gmt",
          "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994  08:49:37 GMT"}) {
        EXPECT_FALSE(parse_http_date(text, now)) << text;
    }
}

TEST(CacheControl, Directives) {
    const auto control = parse_cache_control("Max-Age=\"60\" , S-MAXAGE=5,no-cache=\"a, b\"");
    EXPECT_EQ(control.max_age, 60);
    EXPECT_EQ(control.s_maxage, 5);
    EXPECT_TRUE(control.no_cache);
    EXPECT_FALSE(control.no_store);
    EXPECT_TRUE(parse_cache_control("no-STORE").no_store);
    EXPECT_TRUE(parse_cache_control("proxy-revalidate").must_revalidate);
    EXPECT_TRUE(parse_cache_control("private, max-age=1").is_private);
    EXPECT_FALSE(parse_cache_control("x=\"no-store, max-age=9\", y").max_age);
}

TEST(CacheControl, AnAgeThatCannotBeReadIsOver) {
    for (const auto* text : {"max-age", "max-age=", "max-age=-1", "max-age='60'", "max-age=6x",
                             "max-age=1.5", "max-age=60, max-age=0", "max-age= 60"}) {
        EXPECT_EQ(parse_cache_control(text).max_age, 0) << text;
    }
    EXPECT_EQ(parse_cache_control("max-age=99999999999999999999999").max_age, 2147483648);
    EXPECT_EQ(parse_cache_control("max-age=003600").max_age, 3600);
}

TEST(Caching, Freshness) {
    EXPECT_TRUE(fresh({{"Cache-Control", "max-age=60"}}, 59));
    EXPECT_FALSE(fresh({{"Cache-Control", "max-age=60"}}, 60));
    EXPECT_FALSE(fresh({{"Cache-Control", "max-age=60"}}, -1));
    EXPECT_FALSE(fresh({{"Cache-Control", "max-age=60"}, {"Age", "60"}}));
    EXPECT_TRUE(fresh({{"Cache-Control", "max-age=60"}, {"Age", "30"}}, 29));
    EXPECT_FALSE(fresh({{"Cache-Control", "max-age=0"}, {"Expires", date_minute_ahead}}));
    EXPECT_TRUE(fresh({{"Cache-Control", "s-maxage=60"}, {"cache-control", "max-age=0"}}));
    EXPECT_FALSE(fresh({{"Cache-Control", "max-age=60, no-cache"}}));
    EXPECT_TRUE(fresh({{"Expires", date_minute_ahead}}, 59));
    EXPECT_FALSE(fresh({{"Expires", date_minute_ahead}, {"Date", date_minute_ahead}}));
    EXPECT_FALSE(fresh({{"Expires", "0"}}, 0, seconds(60)));
    EXPECT_TRUE(fresh({{"Expires", date_minute_ahead}, {"Date", "foo"}}));
}

TEST(Caching, OfAnAgeTheFirstNumberCounts) {
    for (const auto* age : {"3600", "3600, 0", " 3600;a=b", "99999999999999999999"}) {
        EXPECT_FALSE(fresh({{"Cache-Control", "max-age=3600"}, {"Age", age}})) << age;
    }
    for (const auto* age : {"0", "0, 3600", "", "abc", "-1", "3600.0", "3600x"}) {
        EXPECT_TRUE(fresh({{"Cache-Control", "max-age=3600"}, {"Age", age}})) << age;
    }
    EXPECT_FALSE(fresh({{"Cache-Control", "max-age=60"}, {"Age", "60"}, {"Age", "0"}}));
}

TEST(Caching, TheSettingCountsWhereTheHubIsSilent) {
    EXPECT_TRUE(fresh({}, 299, seconds(300)));
    EXPECT_FALSE(fresh({}, 300, seconds(300)));
    // A Last-Modified is no promise, and a clock that differs from the Hub's does no harm.
    EXPECT_FALSE(fresh({{"Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"}}));
    EXPECT_TRUE(fresh({{"Date", "Sun, 06 Nov 1994 08:00:00 GMT"}}, 299, seconds(300)));
    EXPECT_FALSE(fresh({{"Cache-Control", "no-cache"}}, 0, seconds(300)));
}

TEST(Caching, Storing) {
    const auto stored = [](int status, const HeaderFields& fields) {
        return caching_policy(status, fields, now).may_store;
    };
    const HeaderFields minute{{"Cache-Control", "max-age=60"}};
    EXPECT_TRUE(stored(200, {}));
    EXPECT_TRUE(stored(200, {{"Cache-Control", "no-cache"}}));
    EXPECT_FALSE(stored(200, {{"Cache-Control", "no-store, max-age=60"}}));
    EXPECT_FALSE(stored(200, {{"Cache-Control", "private, max-age=60"}}));
    EXPECT_FALSE(stored(200, {{"Vary", "Foo"}, {"Vary", ", *"}}));
    for (const int status : {203, 204, 299, 301, 308, 400, 404, 410, 499}) {
        EXPECT_FALSE(stored(status, {})) << status;
        EXPECT_TRUE(stored(status, minute)) << status;
    }
    for (const int status : {206, 304, 401, 403, 429, 500, 503, 599}) {
        EXPECT_FALSE(stored(status, minute)) << status;
    }
    EXPECT_FALSE(stored(299, {{"Cache-Control", "max-age=60, must-understand"}}));
}

TEST(Caching, WhenStaleIsForbidden) {
    const auto forbidden = [](const char* control) {
        return caching_policy(200, {{"Cache-Control", control}}, now).stale_forbidden;
    };
    EXPECT_FALSE(forbidden("max-age=1"));
    for (const auto* control :
         {"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=1", "max-age=1,no-cache"}) {
        EXPECT_TRUE(forbidden(control)) << control;
    }
}

TEST(Caching, Selection) {
    const auto names = selecting_fields({{"Vary", "Origin, Accept"}, {"vary", "FOO, Cookie,foo"}});
    EXPECT_EQ(names, (std::vector<std::string>{"accept", "foo"}));
    const HeaderFields request{{"Foo", "1, 2"}, {"Accept", "*/*"}};
    EXPECT_EQ(selection(names, request), selection(names, {{"accept", "*/*"}, {"FOO", "1,  2"}}));
    EXPECT_EQ(selection(names, request),
              selection(names, {{"Foo", "1"}, {"Foo", "2"}, {"accept", "*/*"}}));
    EXPECT_NE(selection(names, request), selection(names, {{"Foo", "1"}, {"accept", "*/*"}}));
    EXPECT_NE(selection(names, request), selection(names, {{"accept", "*/*"}}));
    EXPECT_NE(selection(names, {{"Foo", "accept:"}}), selection(names, {{"Accept", "foo:"}}));
}

TEST(Caching, AConfirmationUpdatesAllButTheBody) {
    const HeaderFields stored{{"ETag", "\"a\""}, {"X", "1"}, {"Y", "1"}, {"Age", "9"}};
    const HeaderFields news{{"etag", "\"b\""}, {"x", "2"}, {"Content-Length", "0"}, {"Z", "2"}};
    EXPECT_EQ(updated_by(stored, news),
              (HeaderFields{{"ETag", "\"a\""}, {"Y", "1"}, {"x", "2"}, {"Z", "2"}}));
}

TEST(Caching, ConditionsOfClients) {
    const HeaderFields weak{{"ETag", "W/\"a,b\""}, {"Last-Modified", date_now}};
    EXPECT_TRUE(is_not_modified("\"x\", \"a,b\"", "", weak, now));
    EXPECT_TRUE(is_not_modified("W/\"a,b\"", "", weak, now));
    EXPECT_TRUE(is_not_modified("*", "", weak, now));
    EXPECT_FALSE(is_not_modified("\"a\"", date_minute_ahead, weak, now));
    EXPECT_TRUE(is_not_modified("", date_minute_ahead, weak, now));
    EXPECT_TRUE(is_not_modified("", "Sunday, 06-Nov-94 08:49:37 GMT", weak, now));
    EXPECT_FALSE(is_not_modified("", "Thu, 01 Jan 1970 00:00:00 GMT", weak, now));
    EXPECT_FALSE(is_not_modified("", date_now, {}, now));
    EXPECT_FALSE(is_not_modified("\"a\"", "", {}, now));
}

TEST(Fields, WhatCrosses) {
    for (const auto* name : {"Accept", "User-Agent", "X-HF-Bill-To", "Foo", "Cache-Control"}) {
        EXPECT_TRUE(is_passed_up(name)) << name;
    }
    for (const auto* name : {"AUTHORIZATION",
                             "Cookie",
                             "Referer",
                             "Origin",
                             "X-Forwarded-For",
                             "Forwarded",
                             "Sec-Fetch-Mode",
                             "Proxy-Authorization",
                             "Host",
                             "If-None-Match",
                             "Range",
                             "TE",
                             "Accept-Encoding",
                             "Transfer-Encoding",
                             "Connection",
                             "Content-Length",
                             "X-Api-Key",
                             "X-Auth-Request-User",
                             "Cf-Access-Jwt-Assertion",
                             "X-CSRF-Token",
                             "Remote-User"}) {
        EXPECT_FALSE(is_passed_up(name)) << name;
    }
    for (const auto* name : {"ETag", "X-Total-Count", "X-Revision", "Content-Type", "Unheard-Of",
                             "X-Error-Code", "Vary", "Date", "Age", "X-Frame-Options"}) {
        EXPECT_TRUE(is_passed_down(name)) << name;
    }
    for (const auto* name :
         {"Set-Cookie", "Strict-Transport-Security", "Alt-Svc", "NEL", "Report-To", "Via",
          "X-Cache", "X-Amz-Cf-Id", "Access-Control-Allow-Origin", "RateLimit", "X-HF-Warning",
          "X-Xet-Hash", "Link", "Location", "Keep-Alive", "Content-Length", "Proxy-Authenticate"}) {
        EXPECT_FALSE(is_passed_down(name)) << name;
    }
}

TEST(Fields, WhatConnectionNamesIsNotKept) {
    const HeaderFields fields{{"Connection", "a, B"}, {"A", "1"}, {"b", "2"}, {"C", "3: x"}};
    const auto kept = kept_fields(fields);
    EXPECT_EQ(kept, (HeaderFields{{"C", "3: x"}}));
    EXPECT_EQ(fields_from_text(fields_to_text(kept)), kept);
    EXPECT_EQ(fields_from_text("broken\nX: 1"), (HeaderFields{{"X", "1"}}));
}

}  // namespace
}  // namespace hubkeep
