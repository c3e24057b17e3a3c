#pragma once
// Route: what a request means. The only code that knows the Hub's paths. parse_route() takes the
// request line as it came from a client, trusts nothing in it, decodes each segment once and checks
// every name; whatever a Route holds is safe to use in a key, a log line or a request to the Hub.
// The host that is asked never comes from here. A value; safe on any thread.
//
// A repo has one or two segments, so it cannot be split off by counting: the first segment after it
// that is a known word (resolve, tree, refs, ...) ends it. Every target has one reading, and the
// target built from that reading names the same thing at the Hub.

#include <string>
#include <string_view>

#include "server/hub/names.hpp"
#include "server/hub/query.hpp"
#include "server/hub/targets.hpp"

namespace hubkeep {

struct Route {
    enum class Kind {
        resolve,          // /{repo}/resolve/{revision}/{path}
        raw,              // /{repo}/raw/{revision}/{path}
        resolve_cache,    // /api/resolve-cache/{type}/{repo}/{commit}/{path}
        repo_info,        // /api/{type}/{repo}[/revision/{revision}]
        tree,             // /api/{type}/{repo}/tree/{revision}[/{path}]
        paths_info,       // POST /api/{type}/{repo}/paths-info/{revision}
        refs,             // /api/{type}/{repo}/refs
        commits,          // /api/{type}/{repo}/commits/{revision}
        whoami,           // /api/whoami-v2
        auth_check,       // /api/{type}/{repo}/auth-check, path is "write" for .../write
        telemetry,        // /api/telemetry/...
        xet_token,        // /api/{type}/{repo}/xet-read-token/{revision}
        xet,              // /-/xet/{own_path}: the CAS that such a token is for
        blob_page,        // /{repo}/blob/{revision}/{path}: a page for people
        page,             // any other page for people
        own,              // /-/{own_path}: about hubkeep itself
        root,             // /
        agent_harnesses,  // /api/agent-harnesses
        bucket,           // /buckets/... and /api/buckets/...: storage without commits
        oci,              // /v2/...: Ollama and llama.cpp
        git,              // git and git-lfs, reading
        robots,           // /robots.txt and /favicon.ico
        api_other,        // any other GET or HEAD under /api and /.well-known
        personal,         // the same, about the person or account behind a token
        viewer,           // /-/datasets-server/...: the dataset viewer
        preflight,        // OPTIONS
        write,            // changes something at the Hub
        bad,              // refused: see `status` and `error`
    };

    Kind kind = Kind::bad;
    RepoId repo;           // its name is "" where the kind has none
    std::string revision;  // "main" when the target names none
    bool revision_given = false;
    std::string path;          // of the file or folder; "" is the root
    std::string query;         // without "?", only visible ASCII
    std::string own_path;      // "livez" for /-/livez
    std::string encoded_path;  // the whole path, encoded again from its decoded segments
    int status = 200;          // of a bad one: 400, 404, 405 or 414
    std::string error;         // of a bad one: a sentence for the client

    // For what is passed through as it is.
    std::string target() const { return query.empty() ? encoded_path : encoded_path + '?' + query; }
};

std::string_view name_of(Route::Kind kind);

Route parse_route(std::string_view method, std::string_view target);

}  // namespace hubkeep
