// Who may command the daemon: every kind of request that may not, and that none of them can lock
// out the one who may.

#include "server/admin/admin_gate.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

constexpr std::string_view right = "Bearer 0123456789abcdef";
constexpr std::string_view wrong = "Bearer 0123456789abcdeF";

class Behind : public Handler {
  public:
    Task<void> handle(Exchange&) override { co_return; }
};

class Gate : public ::testing::Test {
  protected:
    int judge(const RequestHead& request, std::string_view authorization, TimePoint now = {}) {
        const auto error = gate_.judge(request, authorization, now);
        return error ? error->status : 0;
    }

    Behind behind_;
    AdminGate gate_{behind_, Secret("0123456789abcdef")};
};

RequestHead request(std::string_view method, std::string_view target,
                    std::initializer_list<Headers::Field> fields = {}) {
    RequestHead head{std::string(method), std::string(target), {}, 1};
    for (const auto& [name, value] : fields) head.headers.add(name, value);
    return head;
}

TEST_F(Gate, LetsInWhoShowsTheToken) {
    const RequestHead get = request("GET", "/status");
    EXPECT_EQ(judge(get, right), 0);
    EXPECT_EQ(judge(get, "bearer 0123456789abcdef"), 0) << "the scheme has no case";
    for (const std::string_view no :
         {"", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef",
          "Bearer 0123456789abcde", "Bearer 0123456789abcdefg", "Bearer 1123456789abcdef"}) {
        AdminGate fresh(behind_, Secret("0123456789abcdef"));
        const auto error = fresh.judge(get, no, {});
        ASSERT_TRUE(error) << no;
        EXPECT_EQ(error->status, 401) << no;
        EXPECT_EQ(error->message, gate_.judge(get, "", {})->message) << no;
    }
}

TEST_F(Gate, ASocketFileAsksForNoToken) {
    AdminGate open(behind_, std::nullopt);
    EXPECT_FALSE(open.judge(request("GET", "/status"), "", {}));
    EXPECT_TRUE(open.judge(request("GET", "/status", {{"Origin", "null"}}), "", {}));
}

TEST_F(Gate, ProbesNeedNoToken) {
    for (const auto* path : {"/livez", "/readyz", "/-/livez", "/-/readyz", "/readyz?verbose"}) {
        EXPECT_EQ(judge(request("GET", path), ""), 0) << path;
        EXPECT_EQ(judge(request("HEAD", path), ""), 0) << path;
        EXPECT_EQ(judge(request("POST", path), ""), 401) << path;
    }
    EXPECT_EQ(judge(request("GET", "/livez/../status"), ""), 401);
}

TEST_F(Gate, IsNotForWebPages) {
    for (const auto& field :
         std::initializer_list<Headers::Field>{{"Origin", "https://evil.example"},
                                               {"Origin", "null"},
                                               {"Origin", ""},
                                               {"Sec-Fetch-Site", "cross-site"},
                                               {"Sec-Fetch-Site", "same-site"},
                                               {"Sec-Fetch-Site", ""}}) {
        EXPECT_EQ(judge(request("GET", "/status", {field}), right), 403) << field.first;
        EXPECT_EQ(judge(request("GET", "/livez", {field}), ""), 403) << field.first;
    }
    EXPECT_EQ(judge(request("GET", "/status", {{"Sec-Fetch-Site", "none"}}), right), 0);
    EXPECT_EQ(judge(request("GET", "/status", {{"Sec-Fetch-Site", "same-origin"}}), right), 0);
}

TEST_F(Gate, TakesNoBodyThatAFormCouldSend) {
    const Headers::Field some{"Content-Length", "5"};
    for (const auto* type : {"application/x-www-form-urlencoded", "text/plain",
                             "multipart/form-data; boundary=x", "application/jsonx", ""}) {
        EXPECT_EQ(judge(request("PUT", "/pins", {some, {"Content-Type", type}}), right), 415);
    }
    EXPECT_EQ(judge(request("POST", "/refresh", {some}), right), 415);
    EXPECT_EQ(judge(request("DELETE", "/pins", {{"Transfer-Encoding", "chunked"}}), right), 415);
    EXPECT_EQ(judge(request("POST", "/reload"), right), 0) << "without a body it has no type";
    EXPECT_EQ(judge(request("POST", "/reload", {{"Content-Length", "0"}}), right), 0);
    for (const auto* type : {"application/json", "Application/JSON; charset=utf-8"}) {
        EXPECT_EQ(judge(request("PUT", "/pins", {some, {"Content-Type", type}}), right), 0);
    }
    EXPECT_EQ(judge(request("PUT", "/pins", {some}), wrong), 401) << "only who may is told more";
}

TEST_F(Gate, TooManyWrongTokensHaveToWaitAndTheRightOneNot) {
    const auto get = request("GET", "/status");
    const TimePoint start = TimePoint() + seconds(1000);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(judge(get, wrong, start), 401) << i;
    EXPECT_EQ(judge(get, wrong, start), 429);
    EXPECT_EQ(judge(get, "", start), 401) << "no token is no guess";
    EXPECT_EQ(judge(get, right, start), 0);
    EXPECT_EQ(judge(get, wrong, start + milliseconds(999)), 429);
    EXPECT_EQ(judge(get, wrong, start + milliseconds(1000)), 401);
    EXPECT_EQ(gate_.judge(get, wrong, start + milliseconds(1001))->retry_after_seconds, -1);
}

TEST_F(Gate, SlowMistakesAreNotCounted) {
    const auto get = request("GET", "/status");
    TimePoint now = TimePoint() + seconds(1000);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(judge(get, wrong, now), 401) << i;
        now += milliseconds(201);
    }
}

}  // namespace
}  // namespace hubkeep
