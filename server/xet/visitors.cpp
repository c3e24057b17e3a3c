#include "server/xet/visitors.hpp"

namespace hubkeep {

XetClaims XetVisitors::claims_of(const Visitor& visitor, std::int64_t now) {
    XetClaims claims;
    claims.by = visitor.by;
    claims.name = visitor.name;
    claims.key = visitor.key;
    claims.from_web_page = visitor.from_web_page;
    if (visitor.hub_token.empty()) return claims;
    claims.hub_token = visitor.hub_token.fingerprint();
    // The address of a xorb is made from a token that is about to end.
    // An address is handed out at the end of a token.
    const auto until = now + 2 * XetTokens::lifetime_seconds + XetTokens::grace_seconds;
    const std::lock_guard lock(mutex_);
    shown_.put(claims.hub_token, {visitor.hub_token, until}, 1);
    return claims;
}

std::optional<Visitor> XetVisitors::visitor_of(const Exchange& exchange, const XetClaims& claims,
                                               std::int64_t now) {
    Visitor named;
    named.by = claims.by;
    named.name = claims.name;
    named.key = claims.key;
    named.from_web_page = claims.from_web_page;
    auto visitor = clients_.again(exchange, named, now);
    if (!visitor) return std::nullopt;
    visitor->from_web_page = claims.from_web_page;
    if (claims.hub_token.empty()) return visitor;
    const std::lock_guard lock(mutex_);
    const auto* const shown = shown_.find(claims.hub_token);
    if (shown != nullptr && shown->until > now) visitor->hub_token = shown->token;
    return visitor;
}

}  // namespace hubkeep
