#pragma once
// DaemonParts: everything that answers requests, in the order in which it is built; destroyed in
// the opposite one. What a part may use stands above it. Owned by the daemon, built once on the
// main thread before the io threads run; each part says for itself which threads may use it.

#include "config/token.hpp"
#include "server/admin/admin.hpp"
#include "server/admin/admin_gate.hpp"
#include "server/proxy/host_gate.hpp"
#include "server/proxy/proxy.hpp"
#include "server/store/blob_store.hpp"
#include "server/xet/cas.hpp"

namespace hubkeep {

struct DaemonParts {
    // What must not change or end before the parts.
    struct Base {
        const Settings& settings;
        const Health& health;
        Reloader& reloader;
        IoThreads& threads;
        Log& log;
    };

    // A mistake of the settings or of the machine, in a sentence; there is nothing to serve then.
    Result<void> build(const Base& base, Secrets secrets);

    std::unique_ptr<Index> index;
    std::unique_ptr<BlobStore> store;
    std::unique_ptr<WrongBytes> wrong_bytes;
    std::unique_ptr<Flights> flights;
    std::unique_ptr<ServiceTokens> tokens;
    std::unique_ptr<Upstream> upstream;
    std::unique_ptr<Clients> clients;

    std::unique_ptr<Revisions> revisions;
    std::unique_ptr<Refusals> refusals;
    std::unique_ptr<Aliases> aliases;
    std::unique_ptr<Access> access;
    Trees trees;
    Leads leads;
    std::unique_ptr<Resolver> resolver;
    std::unique_ptr<Documents> documents;
    std::unique_ptr<KnownListings> known_listings;
    std::unique_ptr<Refresher> refresher;

    std::unique_ptr<Fetcher> fetcher;
    std::unique_ptr<Direct> direct;
    std::unique_ptr<Files> files;
    std::unique_ptr<Listings> listings;
    std::unique_ptr<Forward> forward;
    std::unique_ptr<Reads> reads;

    std::unique_ptr<Cas> cas;
    std::unique_ptr<Webhook> webhook;
    std::unique_ptr<Proxy> proxy;
    std::unique_ptr<RevisionDesk> revision_desk;
    std::unique_ptr<PolicyDesk> policy_desk;
    std::unique_ptr<TokenDesk> token_desk;
    std::unique_ptr<ReloadDesk> reload_desk;
    std::unique_ptr<Metrics> metrics;
    std::unique_ptr<Admin> admin;

    // What the listeners hand their requests to: the proxy and the administration, each behind the
    // gates that it needs. The gates of names are null where any name will do.
    std::unique_ptr<HostGate> host_gate;
    std::unique_ptr<AdminGate> admin_gate;
    std::unique_ptr<HostGate> admin_host_gate;
    Handler& data_handler() const;
    Handler& admin_handler() const;

  private:
    Result<void> open_store(const Base& base);
    Result<void> open_upstream(const Base& base, Secrets& secrets);
    void build_knowledge(const Base& base);
    Result<void> build_answers(const Base& base);
    void build_admin(const Base& base);
    Result<void> build_gates(const Base& base, Secrets& secrets);
};

}  // namespace hubkeep
