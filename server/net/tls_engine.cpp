#include "server/net/tls_engine.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <new>

namespace hubkeep {
namespace {

using boost::system::error_code;

// OpenSSL's own errors; what it does not explain is an end without goodbye.
error_code reason_of_failure() {
    const unsigned long code = ERR_get_error();
    const bool unexplained = code == 0;
    const bool bare_end = ERR_GET_LIB(code) == ERR_LIB_SSL &&
                          ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (unexplained || bare_end) return boost::asio::ssl::error::stream_truncated;
    return {static_cast<int>(code), boost::asio::error::get_ssl_category()};
}

// OpenSSL blames what fails after the other side's goodbye on the goodbye.
Step sent(Step step) {
    if (step.kind == Step::Kind::ended) step.kind = Step::Kind::failed;
    return step;
}

}  // namespace

FileWay way_of_files(bool is_tls, bool kernel_encrypts) {
    if (!is_tls) return FileWay::sendfile;
    return kernel_encrypts ? FileWay::kernel_tls : FileWay::encrypted_here;
}

TlsEngine::TlsEngine(SSL_CTX* context, int socket) : ssl_(SSL_new(context)) {
    if (!ssl_ || SSL_set_fd(ssl_.get(), socket) != 1) throw std::bad_alloc();
}

bool TlsEngine::expect_host(const std::string& host, bool is_address) {
    SSL* const ssl = ssl_.get();
    SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    // RFC 6066 section 3: literal addresses are not permitted in server_name.
    return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 &&
           SSL_set1_host(ssl, host.c_str()) == 1;
}

Step TlsEngine::accept() {
    return handshake(SSL_accept);
}

Step TlsEngine::connect() {
    return handshake(SSL_connect);
}

Step TlsEngine::handshake(int (*go_on)(SSL*)) {
    ERR_clear_error();
    const Step step = outcome(go_on(ssl_.get()), 0);
    ready_ = step.kind == Step::Kind::done;
    return step;
}

Step TlsEngine::read(std::span<char> buffer) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
    return outcome(result, count);
}

Step TlsEngine::write(std::span<const char> data) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_.get(), data.data(), data.size(), &count);
    return sent(outcome(result, count));
}

Step TlsEngine::send_file(int file, std::uint64_t offset, std::size_t size) {
    ERR_clear_error();
    errno = 0;
    const auto count = SSL_sendfile(ssl_.get(), file, static_cast<off_t>(offset), size, 0);
    const int system_error = errno;
    if (count > 0) return {.bytes = static_cast<std::size_t>(count)};
    if (count == 0) return {.kind = Step::Kind::ended};
    Step step = sent(outcome(-1, 0));
    // OpenSSL 3.0 has one reason of its own for whatever sendfile(2) says.
    if (step.kind == Step::Kind::failed && system_error != 0) {
        step.error.assign(system_error, boost::system::system_category());
    }
    return step;
}

Step TlsEngine::say_goodbye() {
    if (!ready_) return {};
    ERR_clear_error();
    const int result = SSL_shutdown(ssl_.get());
    // 0: ours has left, the other side's has not come. Nobody waits for it.
    return result >= 0 ? Step{} : outcome(result, 0);
}

bool TlsEngine::kernel_encrypts() const {
    return BIO_get_ktls_send(SSL_get_wbio(ssl_.get())) != 0;
}

Step TlsEngine::outcome(int result, std::size_t bytes) {
    const int system_error = errno;
    if (result > 0) return {.bytes = bytes};
    const int kind = SSL_get_error(ssl_.get(), result);
    switch (kind) {
        case SSL_ERROR_WANT_READ: return {.kind = Step::Kind::needs_input};
        case SSL_ERROR_WANT_WRITE: return {.kind = Step::Kind::needs_room};
        case SSL_ERROR_ZERO_RETURN:
            return {.kind = Step::Kind::ended, .error = boost::asio::error::eof};
        default: break;
    }
    ready_ = false;  // RFC 8446 section 6.2: nothing is said after a fatal error
    Step step{.kind = Step::Kind::failed};
    if (kind == SSL_ERROR_SYSCALL && system_error != 0) {
        step.error.assign(system_error, boost::system::system_category());
    } else {
        step.error = reason_of_failure();
    }
    return step;
}

}  // namespace hubkeep
