#pragma once
// XetHints: how hubkeep tells a client that it may fetch a file over Xet, and where: the same
// hints as the Hub's, with every address at the origin by which the client reached hubkeep. Pure
// functions on values, safe on any thread.

#include <string>
#include <string_view>

#include "server/hub/metadata.hpp"
#include "server/hub/names.hpp"

namespace hubkeep {

// Below it clients speak Xet with hubkeep, at any name of its own.
inline constexpr std::string_view cas_path = "/-/xet";
// What JavaScript clients ask for in place of a file, to learn where it is.
inline constexpr std::string_view xet_file_info_type = "application/vnd.xet-fileinfo+json";

// 64 lower-case hex digits, the form of api.md in the Xet specification.
bool is_xet_hash(std::string_view text);

// X-Xet-Hash and Link, of an answer to resolve. The file has a Xet hash; `repo` has the name that
// the client uses; `origin` is scheme://host[:port].
HeaderFields xet_fields(const FileMetadata& file, const RepoId& repo, std::string_view origin);

bool wants_xet_file_info(std::string_view accept);
// That document, and all fields of its answer but Content-Length.
HeaderFields xet_file_info_fields(const FileMetadata& file, const RepoId& repo,
                                  std::string_view origin);
std::string xet_file_info(const FileMetadata& file, const RepoId& repo, std::string_view origin);

}  // namespace hubkeep
