#pragma once
// Access: with whose credential the Hub is asked for a request, and which answers the asker may
// share. With a service token all clients are one group. Without one a client's own token is passed
// to the Hub, and what it opened is kept apart under the token's fingerprint, unless the Hub says
// without any credential that the repo is public. Any thread.

#include <optional>
#include <string>
#include <string_view>

#include "common/coalesce.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/upstream.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

struct Caller {
    Credential credential;
    std::string access;  // see Scope::access
};

class Access {
  public:
    Access(Upstream& upstream, Index& index) : upstream_(upstream), index_(index) {}

    // `authorization` is the client's header, "" when it sent none.
    Task<Caller> identify(IoThread& thread, const RepoId& repo, std::string_view authorization);

    // For what is about no repo. The Hub may answer it differently to each account, so without a
    // service token a client's own token has answers of its own.
    Caller identify_alone(std::string_view authorization) const;

  private:
    Task<bool> is_public(IoThread& thread, const RepoId& repo);
    Task<std::optional<bool>> ask_visibility(IoThread& thread, RepoId repo, Priority priority);

    Upstream& upstream_;
    Index& index_;
    Coalescer<std::optional<bool>> questions_;
};

// The token of "Bearer x" or of "Basic" credentials with the token as password (git).
Secret token_of(std::string_view authorization);

}  // namespace hubkeep
