#pragma once
// OwnHosts: the names under which a listener lets itself be asked. A web page can make its own name
// point at 127.0.0.1 (DNS rebinding), and its browser then takes hubkeep for a part of that site;
// so a name that could be a stranger's is refused. Nobody's are IP addresses, localhost and what
// ends with .localhost (RFC 6761 section 6.3); the operator's own are handed in. Pure; any thread.

#include <string>
#include <string_view>
#include <vector>

namespace hubkeep {

// The dataset viewer has an address of its own where there is a name for it, which begins with
// "datasets-server."; `datasets` builds it from HF_ENDPOINT.
bool is_viewer_host(std::string_view host);

class OwnHosts {
  public:
    // Names without a port; case does not count.
    explicit OwnHosts(const std::vector<std::string>& names);

    // `host` is a Host field that framing has let pass. "" is HTTP/1.0 and no browser. The name of
    // the dataset viewer in front of an own one ("datasets-server.localhost") is an own one too.
    bool contains(std::string_view host) const;

  private:
    bool is_own(std::string_view name) const;

    std::vector<std::string> names_;
};

}  // namespace hubkeep
