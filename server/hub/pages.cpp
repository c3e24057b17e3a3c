#include "server/hub/pages.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/hub/fields.hpp"
#include "server/hub/targets.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;"
    "color:#1f2328;background:#fff}pre{background:#f6f8fa;padding:.8rem;overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}"
    "pre{background:#161b22}a{color:#58a6ff}}";

// A file that nearly every repo of the kind has.
std::string_view example_file(RepoKind kind) {
    return kind == RepoKind::model ? "config.json" : "README.md";
}

std::string example_url(const HelpPage& page) {
    const bool about_a_repo = !page.repo.name.empty();
    const RepoId repo = about_a_repo ? page.repo : RepoId{RepoKind::model, "gpt2"};
    return page.public_origin + resolve_target(repo, "main", example_file(repo.kind));
}

}  // namespace

std::string escaped_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string help_html(const HelpPage& page) {
    const auto own = escaped_html(page.public_origin);
    const auto at_the_hub = escaped_html(page.hub_origin + page.target);
    const bool about_a_repo = !page.repo.name.empty();
    const auto title =
        about_a_repo
            ? fmt::format("{} {}", name_of(page.repo.kind), escaped_html(page.repo.name))
            : std::string("hubkeep");
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\">"
        "<meta name=\"robots\" content=\"noindex\">"
        "<title>{} - hubkeep</title><style>{}</style></head><body>\n<h1>{}</h1>\n"
        "<p>This is hubkeep, a cache of <a href=\"{}\">{}</a>. It serves files and the API to "
        "programs; its pages are at the Hub: <a href=\"{}\">{}</a></p>\n"
        "<p>Point clients at it:</p>\n<pre>export HF_ENDPOINT={}</pre>\n"
        "<p>Or take one file:</p>\n<pre>curl -LO {}</pre>\n"
        "<p><a href=\"/-/readyz\">Is it well?</a></p>\n</body></html>\n",
        title, style, title, escaped_html(page.hub_origin), escaped_html(page.hub_origin),
        at_the_hub, at_the_hub, own, escaped_html(example_url(page)));
}

std::string help_text(const HelpPage& page) {
    return fmt::format(
        "This is hubkeep, a cache of {}.\nPoint clients at it with HF_ENDPOINT={}\n"
        "Or take one file: curl -LO {}\nThis page at the Hub: {}{}\n",
        page.hub_origin, page.public_origin, example_url(page), page.hub_origin, page.target);
}

bool accepts_html(std::string_view accept) {
    return std::ranges::any_of(list_members(accept), [](const std::string& member) {
        return member == "text/html" || member.starts_with("text/html;");
    });
}

}  // namespace hubkeep
