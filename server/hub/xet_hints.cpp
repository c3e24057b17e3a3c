#include "server/hub/xet_hints.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "server/hub/fields.hpp"
#include "server/hub/targets.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t xet_hash_digits = 64;

std::string token_url(const FileMetadata& file, const RepoId& repo, std::string_view origin) {
    return std::string(origin) + xet_token_target(repo, file.commit);
}

std::string reconstruction_url(const FileMetadata& file, std::string_view origin) {
    return fmt::format("{}{}/v1/reconstructions/{}", origin, cas_path, file.xet_hash);
}

}  // namespace

bool is_xet_hash(std::string_view text) {
    return text.size() == xet_hash_digits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

HeaderFields xet_fields(const FileMetadata& file, const RepoId& repo, std::string_view origin) {
    return {{"X-Xet-Hash", file.xet_hash},
            {"Link", fmt::format("<{}>; rel=\"xet-auth\", <{}>; rel=\"xet-reconstruction-info\"",
                                 token_url(file, repo, origin), reconstruction_url(file, origin))}};
}

bool wants_xet_file_info(std::string_view accept) {
    return std::ranges::any_of(list_members(accept), [](std::string_view member) {
        return member.substr(0, member.find_first_of("; \t")) == xet_file_info_type;
    });
}

HeaderFields xet_file_info_fields(const FileMetadata& file, const RepoId& repo,
                                  std::string_view origin) {
    auto fields = xet_fields(file, repo, origin);
    fields.emplace_back("Content-Type", xet_file_info_type);
    fields.emplace_back("X-Repo-Commit", file.commit);
    fields.emplace_back("X-Linked-Size", std::to_string(file.size));
    fields.emplace_back("X-Linked-ETag", quoted_etag(file.blob));
    // What is kept under the address of the file must be the file.
    fields.emplace_back("Cache-Control", "no-store");
    fields.emplace_back("Vary", "Accept");
    return fields;
}

std::string xet_file_info(const FileMetadata& file, const RepoId& repo, std::string_view origin) {
    return boost::json::serialize(
        boost::json::object{{"hash", file.xet_hash},
                            {"refreshUrl", token_url(file, repo, origin)},
                            {"reconstructionUrl", reconstruction_url(file, origin)},
                            {"etag", quoted_etag(file.blob)},
                            {"size", file.size},
                            {"contentType", std::string(xet_file_info_type)}});
}

}  // namespace hubkeep
