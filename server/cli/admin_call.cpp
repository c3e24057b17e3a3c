#include "server/cli/admin_call.hpp"

#include <fmt/format.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "config/admin_token.hpp"
#include "config/values.hpp"

namespace hubkeep {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

using AdminStream = boost::beast::basic_stream<asio::generic::stream_protocol>;
using Request = http::request<http::string_body>;

// Longer than the daemon waits for the Hub.
constexpr auto patience = std::chrono::seconds(40);
constexpr std::size_t answer_limit_bytes = 16 * 1024 * 1024;

// An address that stands for all is reached on this machine.
asio::generic::stream_protocol::endpoint endpoint_of(const AdminAddress& listen) {
    if (!listen.socket_file.empty()) {
        return asio::local::stream_protocol::endpoint(listen.socket_file);
    }
    boost::system::error_code ec;
    auto address = asio::ip::make_address(listen.tcp.host, ec);
    if (ec || address.is_unspecified()) {
        address = address.is_v6() ? asio::ip::address(asio::ip::address_v6::loopback())
                                  : asio::ip::address(asio::ip::address_v4::loopback());
    }
    return asio::ip::tcp::endpoint(address, listen.tcp.port);
}

// Runs one operation with a deadline, which blocking calls of the socket do not have.
template <typename Start>
boost::system::error_code finish(asio::io_context& context, AdminStream& stream,
                                 const Start& start) {
    boost::system::error_code result;
    stream.expires_after(patience);
    start([&](boost::system::error_code ec, auto...) { result = ec; });
    context.restart();
    context.run();
    return result;
}

// A socket file asks for none.
Result<Secret> token_for(const Loaded& loaded) {
    const auto& settings = loaded.settings;
    if (!settings.admin.listen.socket_file.empty()) return Secret();
    if (!loaded.secrets.admin.empty()) return loaded.secrets.admin;
    return read_admin_token(settings);
}

Error refused(const Loaded& loaded, const Result<Secret>& token) {
    const auto where = write_value(loaded.settings.admin.listen);
    if (!token) {
        return {ErrorKind::denied,
                fmt::format("hubkeep at {} asks for its token, and {}; run this as the user whom "
                            "hubkeep runs as and with its settings, or name the file with "
                            "--admin-token-file",
                            where, token.error().message)};
    }
    return {ErrorKind::denied,
            fmt::format("hubkeep at {} does not take the token in {}; was it started with another "
                        "data_dir or admin.token_file?",
                        where, admin_token_file(loaded.settings).string())};
}

Request make_request(const Loaded& loaded, std::string_view method, std::string_view path,
                     std::string body, const Result<Secret>& token) {
    const auto& listen = loaded.settings.admin.listen;
    Request request;
    request.method_string({method.data(), method.size()});
    request.target({path.data(), path.size()});
    request.set(http::field::host,
                listen.socket_file.empty() ? write_value(listen.tcp) : std::string("localhost"));
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    if (token && !token->empty()) {
        request.set(http::field::authorization, fmt::format("Bearer {}", token->reveal()));
    }
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
}

}  // namespace

Result<AdminAnswer> call_admin(const Loaded& loaded, std::string_view method, std::string_view path,
                               std::string body) {
    asio::io_context context;
    AdminStream stream(context);
    const auto& listen = loaded.settings.admin.listen;
    const auto where = write_value(listen);
    const auto connected = finish(context, stream, [&](auto done) {
        stream.async_connect(endpoint_of(listen), std::move(done));
    });
    if (connected) {
        return fail(ErrorKind::unreachable,
                    fmt::format("no hubkeep answers at {} ({}); is it running, and is this its "
                                "admin.listen?",
                                where, connected.message()));
    }
    const auto token = token_for(loaded);
    const auto request = make_request(loaded, method, path, std::move(body), token);
    boost::beast::flat_buffer buffer(64 * 1024);
    http::response_parser<http::string_body> response;
    response.body_limit(answer_limit_bytes);
    auto failed = finish(context, stream,
                         [&](auto done) { http::async_write(stream, request, std::move(done)); });
    if (!failed) {
        failed = finish(context, stream, [&](auto done) {
            http::async_read(stream, buffer, response, std::move(done));
        });
    }
    if (failed) {
        return fail(ErrorKind::protocol,
                    fmt::format("hubkeep at {} did not answer ({})", where, failed.message()));
    }
    const auto status = static_cast<int>(response.get().result_int());
    if (status == 401) return std::unexpected(refused(loaded, token));
    return AdminAnswer{status, std::move(response.get().body())};
}

}  // namespace hubkeep
