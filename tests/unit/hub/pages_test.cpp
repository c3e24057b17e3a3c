// What people see in a browser, and that nothing from a URL becomes markup.

#include "server/hub/pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/hub/route.hpp"

namespace hubkeep {
namespace {

using testing::HasSubstr;
using testing::Not;

HelpPage page_of(std::string_view target) {
    const auto route = parse_route("GET", target);
    return {"http://cache:8090", "https://huggingface.co", route.target(), route.repo};
}

TEST(Pages, SayWhatThisIsAndWhereThePageIs) {
    const auto page = page_of("/datasets/org/name/viewer?split=a&b=c");
    const auto html = help_html(page);
    EXPECT_THAT(html, HasSubstr("<h1>dataset org/name</h1>"));
    EXPECT_THAT(html, HasSubstr("href=\"https://huggingface.co/datasets/org/name/viewer"
                                "?split=a&amp;b=c\""));
    EXPECT_THAT(html, HasSubstr("export HF_ENDPOINT=http://cache:8090<"));
    EXPECT_THAT(html, HasSubstr(
                          "http://cache:8090/datasets/org/name/resolve/main/README.md"));
    EXPECT_THAT(html, HasSubstr("href=\"/-/readyz\""));
    EXPECT_THAT(html, Not(HasSubstr("<script")));
    EXPECT_THAT(help_text(page), HasSubstr("HF_ENDPOINT=http://cache:8090\n"));
}

TEST(Pages, NothingFromAUrlIsMarkup) {
    for (const auto* target : {"/%3Cscript%3Ealert(1)%3C/script%3E", "/o/n?q=\"><script>'&x",
                               "/org/%22onload=%22x", "/spaces/o/n/%3Cb%3E"}) {
        const auto html = help_html(page_of(target));
        EXPECT_THAT(html, Not(HasSubstr("<script"))) << target;
        EXPECT_THAT(html, Not(HasSubstr("\">\"<"))) << target;
        EXPECT_THAT(html, Not(HasSubstr("<b>"))) << target;
        EXPECT_THAT(html, Not(HasSubstr("\"onload"))) << target;
    }
    EXPECT_EQ(escaped_html("<a href='x' title=\"&\">"),
              "&lt;a href=&#39;x&#39; title=&quot;&amp;&quot;&gt;");
}

TEST(Pages, OnlyBrowsersGetHtml) {
    EXPECT_TRUE(accepts_html("text/html,application/xhtml+xml,*/*;q=0.8"));
    EXPECT_TRUE(accepts_html("application/xml, TEXT/HTML;q=0.9"));
    EXPECT_FALSE(accepts_html("*/*"));
    EXPECT_FALSE(accepts_html(""));
    EXPECT_FALSE(accepts_html("application/json, text/plain"));
}

}  // namespace
}  // namespace hubkeep
