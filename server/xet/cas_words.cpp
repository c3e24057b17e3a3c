#include "server/xet/cas_words.hpp"

namespace hubkeep {

HubError bad_token() {
    return {.status = 401,
            .code = "",
            .message =
                "This is no Xet token of this hubkeep, or it has expired: ask "
                "xet-read-token for one."};
}

HubError bad_address() {
    return {.status = 403,
            .code = "",
            .message =
                "This address of a xorb has expired or was made elsewhere: ask for the "
                "reconstruction of the file again."};
}

HubError no_xet() {
    return {.status = 404,
            .code = "",
            .message =
                "This hubkeep is set to serve the files of this repository over plain HTTP, and "
                "hands out no Xet tokens for it; set HF_HUB_DISABLE_XET=1, or delete the client's "
                "cached file listing (trees/)."};
}

HubError too_large(const std::string& path) {
    return {.status = 410,
            .code = "",
            .message = path +
                       " is larger than the whole cache of this hubkeep (cache.max_size), which "
                       "serves such files over plain HTTP only; set HF_HUB_DISABLE_XET=1, or "
                       "delete the client's cached file listing (trees/)."};
}

HubError no_such_file() {
    return {.status = 404,
            .code = "",
            .message = "No known file of the token's repository has this Xet hash."};
}

HubError no_such_address() {
    return {.status = 404, .code = "", .message = "hubkeep has nothing at this address."};
}

HubError forgotten() {
    return {.status = 503,
            .code = "",
            .message =
                "This hubkeep was started again and does not know your token for the Hub any "
                "more, without which it cannot go on: start the download again."};
}

}  // namespace hubkeep
