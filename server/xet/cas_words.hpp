#pragma once
// What Xet clients are told who do not get what they ask for. Statuses are chosen for what hf_xet
// does after them: a 401, 404 or 410 ends the download at once, after a 403 for a xorb it asks for
// new addresses, after a 503 it tries again. Pure; any thread.

#include <string>

#include "server/hub/errors.hpp"

namespace hubkeep {

HubError bad_token();
HubError bad_address();
// The operator wants this repo to be served over plain HTTP.
HubError no_xet();
// Its bytes cannot be checked, as the store can never hold them all.
HubError too_large(const std::string& path);
HubError no_such_file();
HubError no_such_address();
// The token for the Hub with which the visitor came.
HubError forgotten();

}  // namespace hubkeep
