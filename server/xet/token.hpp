#pragma once
// XetTokens: what hubkeep hands out in place of the Hub's Xet tokens. A token says who may read
// which repo at which commit until when, in the open, and is signed (HMAC-SHA256), so that nothing
// has to be remembered for it and it outlives a restart. It holds no credential of anybody: what
// the Hub would need to be shown is remembered apart (visitors.hpp). A token is no permission:
// whoever brings one passes the gate again, as the visitor that it names. Immutable; any thread.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "common/secret.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/visitor.hpp"

namespace hubkeep {

struct XetClaims {
    RepoId repo;  // as the client named it
    std::string commit;
    Visitor::By by = Visitor::By::address;
    std::string key;        // see Visitor
    std::string name;       // of the visitor, "" for an anonymous one
    std::string hub_token;  // fingerprint of the token of the Hub that he showed, "" for none
    bool from_web_page = false;
    std::string file;    // the Xet hash of the only file that it is for, "" for all of the commit
    std::string reader;  // one for all that is made of a token
    std::int64_t issued = 0;   // to the reader, seconds since 1970
    std::int64_t expires = 0;  // seconds since 1970

    bool operator==(const XetClaims&) const = default;
};

class XetTokens {
  public:
    // No client asks for another token when it is refused one, only when its time is nearly over:
    // what is late is taken for a while.
    static constexpr std::int64_t grace_seconds = 10 * 60;
    // Of the addresses of xorbs, too: a slow client works off an answer for long. As no token is a
    // permission, and who takes another one within a file could not be held to what he got of it
    // with the first, it is longer than at the Hub.
    static constexpr std::int64_t lifetime_seconds = 24 * 60 * 60;

    explicit XetTokens(Secret key) : key_(std::move(key)) {}

    // Of the characters that a URL may hold as they are.
    std::string issue(const XetClaims& claims) const;
    enum class Flaw { foreign, expired };
    std::expected<XetClaims, Flaw> read(std::string_view token, std::int64_t now) const;

  private:
    std::string signature(std::string_view text) const;
    const Secret key_;
};

}  // namespace hubkeep
