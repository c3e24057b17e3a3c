#include "server/cli/admin_call.hpp"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "config/values.hpp"

namespace hubkeep {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// Longer than the daemon waits for the Hub.
constexpr auto patience = std::chrono::seconds(40);
constexpr std::size_t answer_limit_bytes = 16 * 1024 * 1024;

// An address that stands for all is reached on this machine.
asio::ip::tcp::endpoint endpoint_of(const HostPort& listen) {
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(listen.host, ec);
    if (ec || address.is_unspecified()) {
        return {address.is_v6() ? asio::ip::address(asio::ip::address_v6::loopback())
                                : asio::ip::address(asio::ip::address_v4::loopback()),
                listen.port};
    }
    return {address, listen.port};
}

// Runs one operation with a deadline, which blocking calls of the socket do not have.
template <typename Start>
boost::system::error_code finish(asio::io_context& context, boost::beast::tcp_stream& stream,
                                 const Start& start) {
    boost::system::error_code result;
    stream.expires_after(patience);
    start([&](boost::system::error_code ec, auto...) { result = ec; });
    context.restart();
    context.run();
    return result;
}

}  // namespace

Result<AdminAnswer> call_admin(const HostPort& listen, std::string_view method,
                               std::string_view path, std::string body) {
    asio::io_context context;
    boost::beast::tcp_stream stream(context);
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
    http::request<http::string_body> request;
    request.method_string({method.data(), method.size()});
    request.target({path.data(), path.size()});
    request.set(http::field::host, where);
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    request.body() = std::move(body);
    request.prepare_payload();
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
    return AdminAnswer{static_cast<int>(response.get().result_int()),
                       std::move(response.get().body())};
}

}  // namespace hubkeep
