// What each kind of route is called in logs and metrics.

#include "server/hub/route.hpp"

namespace hubkeep {

std::string_view name_of(Route::Kind kind) {
    using Kind = Route::Kind;
    switch (kind) {
        case Kind::resolve: return "resolve";
        case Kind::raw: return "raw";
        case Kind::resolve_cache: return "resolve_cache";
        case Kind::repo_info: return "repo_info";
        case Kind::tree: return "tree";
        case Kind::paths_info: return "paths_info";
        case Kind::refs: return "refs";
        case Kind::commits: return "commits";
        case Kind::whoami: return "whoami";
        case Kind::auth_check: return "auth_check";
        case Kind::telemetry: return "telemetry";
        case Kind::xet_token: return "xet_token";
        case Kind::xet: return "xet";
        case Kind::blob_page: return "blob_page";
        case Kind::page: return "page";
        case Kind::own: return "own";
        case Kind::root: return "root";
        case Kind::agent_harnesses: return "agent_harnesses";
        case Kind::bucket: return "bucket";
        case Kind::oci: return "oci";
        case Kind::git: return "git";
        case Kind::robots: return "robots";
        case Kind::api_other: return "api_other";
        case Kind::personal: return "personal";
        case Kind::viewer: return "viewer";
        case Kind::preflight: return "preflight";
        case Kind::write: return "write";
        case Kind::bad: return "bad";
    }
    return "bad";
}

}  // namespace hubkeep
