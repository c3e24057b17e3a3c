#pragma once
// HopLog: what is asked of another server and what comes back, for who looks for a fault: a line at
// debug, and the heads both ways at trace. Secrets are left out by the names of their fields, and
// of a redirect's address the query as a whole. Lives in the frame of one request; without debug it
// costs one comparison.

#include <optional>
#include <string>

#include "common/log.hpp"
#include "server/http/client.hpp"

namespace hubkeep {

class HopLog {
  public:
    HopLog(Log& log, const ClientRequest& request);
    void end(const Result<ClientResponse>& response) const;

  private:
    struct Asked {
        std::string method;
        std::string origin;
        std::string target;
        std::string token;  // the fingerprint of what authenticates it
        std::string fields;
        TimePoint at;
    };
    Log& log_;
    std::optional<Asked> asked_;  // nothing below debug
};

// Without the query where another server's redirect led: it is signed in ways that we do not know.
std::string target_for_log(const ClientRequest& request);

// "Name: value | Name: value", for the log.
std::string fields_for_log(const Headers& headers);

}  // namespace hubkeep
