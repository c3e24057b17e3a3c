#include "server/net/tls.hpp"

#include <openssl/ssl.h>

#include <string_view>

#include "server/net/tls_sessions.hpp"

namespace hubkeep {
namespace {

// Of the client: several records by one system call. The memory is given back when nothing waits.
constexpr std::size_t receive_bytes = 64 * 1024;

constexpr unsigned char alpn_http11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* in, unsigned in_length, void*) {
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_length, alpn_http11, sizeof alpn_http11, in,
                              in_length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

TlsContext make_context(asio::ssl::context::method method) {
    auto context = std::make_shared<asio::ssl::context>(method);
    SSL_CTX* const raw = context->native_handle();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Idle connections then hold no record buffers (some 34 KiB each).
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
    // TlsEngine::write tells what has left, and goes on with what may lie somewhere else by then.
    SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // A record's head and its body by one system call.
    SSL_CTX_set_read_ahead(raw, 1);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    return context;
}

std::unexpected<Error> refuse(std::string_view what, const std::string& file,
                              const error_code& ec) {
    return fail(ErrorKind::invalid,
                "cannot use " + std::string(what) + " in " + file + ": " + ec.message());
}

Result<void> ask_clients_for_certificates(asio::ssl::context& context, const std::string& file) {
    error_code ec;
    context.load_verify_file(file, ec);
    if (ec) return refuse("the authorities of clients", file, ec);
    SSL_CTX* const raw = context.native_handle();
    // Browsers and other clients with many certificates choose by these names.
    SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(file.c_str()));
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    // A resumed session would not be verified again.
    SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(raw, 0);
    return {};
}

}  // namespace

Result<TlsContext> make_server_tls(const std::string& certificate_file, const std::string& key_file,
                                   const std::string& client_ca_file) {
    auto context = make_context(asio::ssl::context::tls_server);
    error_code ec;
    // Without this OpenSSL would ask for the passphrase of an encrypted key on the terminal.
    context->set_password_callback(
        [](std::size_t, asio::ssl::context::password_purpose) { return std::string(); }, ec);
    context->use_certificate_chain_file(certificate_file, ec);
    if (ec) return refuse("the TLS certificate", certificate_file, ec);
    context->use_private_key_file(key_file, asio::ssl::context::pem, ec);
    if (ec) return refuse("the TLS key", key_file, ec);
    SSL_CTX* const raw = context->native_handle();
    // Files then leave by SSL_sendfile(3). OpenSSL looks by itself whether the kernel can.
    SSL_CTX_set_options(raw, SSL_OP_ENABLE_KTLS);
    // Requests bring tokens, and OpenSSL would keep their text until something overwrites it.
    SSL_CTX_set_options(raw, SSL_OP_CLEANSE_PLAINTEXT);
    if (SSL_CTX_check_private_key(raw) != 1) {
        return fail(ErrorKind::invalid, "the TLS key in " + key_file +
                                            " does not belong to the certificate in " +
                                            certificate_file);
    }
    SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
    if (!client_ca_file.empty()) {
        const auto asked = ask_clients_for_certificates(*context, client_ca_file);
        if (!asked) return std::unexpected(asked.error());
    }
    return context;
}

Result<TlsContext> make_client_tls(const std::string& ca_file) {
    auto context = make_context(asio::ssl::context::tls_client);
    error_code ec;
    if (ca_file.empty()) {
        context->set_default_verify_paths(ec);
        if (ec) return refuse("the certificate authorities", "the system's store", ec);
    } else {
        context->load_verify_file(ca_file, ec);
        if (ec) return refuse("the certificate authorities", ca_file, ec);
    }
    context->set_verify_mode(asio::ssl::verify_peer, ec);
    collect_sessions(context->native_handle());
    SSL_CTX_set_default_read_buffer_len(context->native_handle(), receive_bytes);
    SSL_CTX_set_alpn_protos(context->native_handle(), alpn_http11, sizeof alpn_http11);
    return context;
}

TlsContext ServerTls::current() const {
    const std::lock_guard lock(mutex_);
    return context_;
}

void ServerTls::replace(TlsContext context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
}

}  // namespace hubkeep
