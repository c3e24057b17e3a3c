#pragma once
// What things are called at the Hub: repos, revisions, commits and paths, and how these names
// travel in a URL. Names arrive from clients and from the Hub's answers; both are checked here
// before they become a key or a part of a request. Pure functions on values, safe on any thread. A
// name that is refused has no error of its own: the caller knows what it was asked for. The rules
// follow git (check-ref-format), RFC 3986 section 2 and the Hub's own limits on repo ids.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubkeep {

enum class RepoKind : std::uint8_t { model, dataset, space, kernel };

std::string_view name_of(RepoKind kind);      // "model"
std::string_view api_segment(RepoKind kind);  // "models", as in /api/models/...
std::string_view url_prefix(RepoKind kind);   // "" or "datasets/", as in /datasets/x/resolve/...
std::optional<RepoKind> kind_of_name(std::string_view name);
std::optional<RepoKind> kind_of_api_segment(std::string_view segment);

// Kinds never share an id: the model "squad" and the dataset "squad" are two repos.
struct RepoId {
    RepoKind kind = RepoKind::model;
    std::string name;  // "org/name", or "gpt2" for the old repos without an owner

    auto operator<=>(const RepoId&) const = default;
};

// A file that the Hub puts into every repo that it makes.
inline constexpr std::string_view usual_file = ".gitattributes";

// As in the repo's address at the Hub: "org/name", "datasets/org/name".
std::string path_of(const RepoId& repo);
// The reverse, for what people and settings say; nothing when it names no repo.
std::optional<RepoId> parse_repo(std::string_view path);

// One or two segments of [A-Za-z0-9._-], each 1 to 96 characters, beginning and ending with a
// letter, a digit or "_"; no "--", no "..", no ".git" at the end, and not beginning with a word
// that begins other addresses of the Hub ("datasets/squad" is no model).
bool is_valid_repo_name(std::string_view name);

// ASCII letters only.
std::string in_lower_case(std::string_view text);

// 40 lower-case hex digits.
bool is_commit(std::string_view text);
// 40 hex digits of either case, in lower case.
std::optional<std::string> normalise_commit(std::string_view text);

// A name that git could have given a branch or tag (or a commit), at most 255 bytes of UTF-8.
bool is_valid_revision(std::string_view revision);

// A path of a file or folder in a commit: no empty, "." or ".." segment, no backslash, no control
// character, at most 4096 bytes of UTF-8. Bytes are compared as they are: no Unicode normalisation.
bool is_valid_path(std::string_view path);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// RFC 3986 unreserved characters stay, everything else becomes %XX; the first keeps "/" as well.
std::string percent_encode_path(std::string_view path);
std::string percent_encode_segment(std::string_view segment);
// Decodes once; "+" stays a plus. Nothing for a broken escape and for NUL.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace hubkeep
