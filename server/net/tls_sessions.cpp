#include "server/net/tls_sessions.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_servers = 64;
constexpr std::size_t max_per_server = 8;

int sink_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
    auto* const sink = static_cast<TlsSessionSink*>(SSL_get_ex_data(ssl, sink_index()));
    // A copy: a connection that ends without a goodbye marks its own as not to be resumed.
    if (sink != nullptr) sink->sessions->keep(sink->server, TlsSession(SSL_SESSION_dup(session)));
    return 0;
}

}  // namespace

TlsSession TlsSessions::take(const std::string& server) {
    const auto found = sessions_.find(server);
    if (found == sessions_.end()) return nullptr;
    auto& list = found->second;
    auto session = std::move(list.back());
    list.pop_back();
    if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION) {
        list.emplace_back(SSL_SESSION_dup(session.get()));
    }
    if (list.empty()) sessions_.erase(found);
    return session;
}

void TlsSessions::keep(const std::string& server, TlsSession session) {
    if (!session || SSL_SESSION_is_resumable(session.get()) != 1) return;
    if (!sessions_.contains(server) && sessions_.size() >= max_servers) {
        sessions_.erase(sessions_.begin());
    }
    auto& list = sessions_[server];
    const bool many = SSL_SESSION_get_protocol_version(session.get()) >= TLS1_3_VERSION;
    if (!many) list.clear();
    if (list.size() >= max_per_server) list.erase(list.begin());
    list.push_back(std::move(session));
}

std::size_t TlsSessions::size(const std::string& server) const {
    const auto found = sessions_.find(server);
    return found == sessions_.end() ? 0 : found->second.size();
}

void collect_sessions(SSL_CTX* context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
}

void set_sink(SSL* ssl, TlsSessionSink* sink) {
    SSL_set_ex_data(ssl, sink_index(), sink);
}

}  // namespace hubkeep
