#pragma once
// The heads of HTTP/1.1 messages as values, and the names of status codes.

#include <string>
#include <string_view>

#include "server/http/headers.hpp"

namespace hubkeep {

struct RequestHead {
    std::string method;  // as sent, case matters
    std::string target;  // origin-form: "/path?query", checked by framing
    Headers headers;
    int minor_version = 1;

    std::string_view path() const;   // without the query
    std::string_view query() const;  // without the "?"
};

struct ResponseHead {
    int status = 200;
    Headers headers;
    // Fields that were composed before, whole lines, sent in front of the others; of a server's
    // answer alone. None of them is about framing, the connection or CORS. They are copied before
    // whoever is given the head first waits.
    std::string_view composed = {};
};

std::string_view reason_of(int status);
// The text of a head with its empty line, ready to be written; that of a request with the token in
// it, which is for the caller to wipe.
std::string to_text(const RequestHead& head, const Secret& bearer);
std::string to_text(const ResponseHead& head);

}  // namespace hubkeep
