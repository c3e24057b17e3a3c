#pragma once
// Cas: the content-addressed store that Xet clients speak to, on top of flat files. The token
// endpoint leads them here; they ask which stretches of which xorbs make up a file
// (reconstruction), and then read those, which are stretches of the blob behind chunk headers
// (synthetic.hpp). A hash opens nothing by itself: it is looked up in the commit that the token is
// for and in others that are known of its repo, and then its path there passes the gate and is
// resolved as if the file had been asked for by its name. One for the process; any io thread.

#include "server/proxy/files.hpp"
#include "server/proxy/listings.hpp"
#include "server/proxy/xet_service.hpp"
#include "server/xet/cas_route.hpp"
#include "server/xet/synthetic.hpp"
#include "server/xet/visitors.hpp"

namespace hubkeep {

class Cas : public XetService {
  public:
    // `key` signs what is handed out.
    Cas(const Settings& settings, const Clients& clients, Access& access, Aliases& aliases,
        Index& index, Resolver& resolver, Listings& listings, Files& files, Secret key)
        : settings_(settings),
          access_(access),
          aliases_(aliases),
          index_(index),
          resolver_(resolver),
          listings_(listings),
          files_(files),
          tokens_(std::move(key)),
          visitors_(clients) {}

    Task<void> token(Exchange& exchange, Route route, Visitor visitor, Caller caller) override;
    Task<void> serve(Exchange& exchange, Route route) override;

  private:
    // Whether files of the repo are open to the caller. The listing of a gated repo is for
    // everybody, and clients can make no words of a refusal that comes later.
    Task<Outcome<void>> open_files(IoThread& thread, RepoId repo, std::string commit,
                                   Caller caller);
    struct Asker {
        XetClaims claims;
        Visitor visitor;
    };
    Outcome<Asker> asker_of(Exchange& exchange, std::string_view token, HubError flawed);
    Task<void> answer(Exchange& exchange, CasRoute route, Asker asker);
    // The file whose Xet hash begins so.
    Task<Outcome<Files::Found>> look_up(IoThread& thread, const Asker& asker, std::string hash);
    Task<Outcome<Files::Found>> find(IoThread& thread, const Asker& asker, std::string hash);
    struct Place {
        std::string commit;
        std::string path;
    };
    std::vector<Place> places_of(IoThread& thread, const XetClaims& claims, const Caller& caller,
                                 const std::string& hash);
    Task<Outcome<Files::Found>> open_one(IoThread& thread, const Asker& asker,
                                         std::vector<Place> places);
    Task<void> reconstruct(Exchange& exchange, std::string hash, Asker asker, XetForm form);
    Task<void> reconstruct_batch(Exchange& exchange, std::vector<std::string> hashes, Asker asker);
    Task<void> describe_file(Exchange& exchange, std::string hash, Asker asker);
    Task<void> send_xorb(Exchange& exchange, std::string id, Asker asker);
    XorbAddress address_of(const Exchange& exchange, const XetClaims& claims,
                           const Files::Found& found, const std::string& hash) const;

    const Settings& settings_;
    Access& access_;
    Aliases& aliases_;
    Index& index_;
    Resolver& resolver_;
    Listings& listings_;
    Files& files_;
    const XetTokens tokens_;
    XetVisitors visitors_;
};

}  // namespace hubkeep
