#pragma once
// Addresses in the documents of the Hub that clients follow: they lead to hubkeep instead, or an
// air gap would end there. Only where clients are known to follow them; the text of a card is its
// author's. Pure functions on text.

#include <string>
#include <string_view>
#include <vector>

#include "server/hub/route.hpp"

namespace hubkeep {

// Which strings of the answers to a route are such addresses.
enum class FollowedUrls {
    none,
    members,  // url, commitUrl, pullRequestUrl, at any depth
    all,      // every string
};
FollowedUrls followed_urls(const Route& route);

// `checked` is one JSON document. Strings that begin with one of `hub_origins` and a slash get
// `public_origin` in its place; everything else keeps its bytes.
std::string with_public_urls(std::string checked, FollowedUrls followed,
                             const std::vector<std::string>& hub_origins,
                             std::string_view public_origin);

}  // namespace hubkeep
