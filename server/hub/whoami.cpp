#include "server/hub/whoami.hpp"

#include <boost/json.hpp>

namespace hubkeep {

std::string whoami_document(std::string_view name, std::string_view team) {
    namespace json = boost::json;
    json::array orgs;
    if (!team.empty()) {
        orgs.push_back({{"type", "org"}, {"name", team}, {"fullname", team}});
    }
    const json::object token{{"displayName", "hubkeep"}, {"role", "read"}};
    const json::object document{{"type", "user"},
                                {"name", name},
                                {"fullname", name},
                                {"auth", {{"type", "access_token"}, {"accessToken", token}}},
                                {"orgs", std::move(orgs)}};
    return json::serialize(document);
}

}  // namespace hubkeep
