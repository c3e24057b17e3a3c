// Sessions and the client over TLS, with an authority made for the test.

#include <gtest/gtest.h>

#include "server/http/client.hpp"
#include "tests/unit/http/support.hpp"
#include "tests/unit/net/certificates.hpp"

namespace hubkeep::test {
namespace {

Task<Result<std::string>> fetch(Client& client, Origin origin, std::string method) {
    ClientRequest request{.origin = std::move(origin),
                          .head = {.method = std::move(method), .target = "/x", .headers = {}},
                          .body = {}};
    if (request.head.method == "POST") request.body = pattern(100000);
    auto response = co_await client.send(std::move(request));
    if (!response) co_return std::unexpected(response.error());
    auto body = co_await response->read_all(64 * 1024 * 1024);
    co_return body;
}

class TlsTest : public testing::Test {
  protected:
    ~TlsTest() override { drop_on(threads[0], client); }

    TlsContext server_context(const std::string& names) {
        const auto identity = authority.issue("server", names);
        auto context = make_server_tls(identity.certificate, identity.key);
        EXPECT_TRUE(context) << context.error().message;
        return *context;
    }
    std::unique_ptr<Client> trusting(const fs::path& file) {
        return std::make_unique<Client>(threads[0], ClientSettings{}, *make_client_tls(file));
    }
    Result<std::string> get(const Origin& origin, std::string method = "GET") {
        return run_on(threads[0], fetch(*client, origin, std::move(method)));
    }

    TempFolder folder;
    Authority authority{folder};
    Threads threads;
    std::unique_ptr<Client> client = trusting(authority.file());
};

TEST_F(TlsTest, CarriesRequestsAndAnswersBothWays) {
    TestServer server(echo, {}, server_context("DNS:localhost,IP:127.0.0.1"));
    for (const std::string host : {"localhost", "127.0.0.1"}) {
        for (int i = 0; i < 3; ++i) {
            const auto body = get(server.origin(true, host));
            ASSERT_TRUE(body) << body.error().message;
            EXPECT_EQ(*body, "GET /x ");
        }
    }
    EXPECT_TRUE(*get(server.origin(true), "POST") == "POST /x " + pattern(100000));
    EXPECT_EQ(server.hub.open(), 2u);
}

TEST_F(TlsTest, SendsFiles) {
    const auto content = pattern(8 * 1024 * 1024 + 1);
    const auto file = File::open_read(folder.write("file", content));
    TestServer server(
        [&](Exchange& exchange) -> Task<void> {
            EXPECT_TRUE(exchange.over_tls());
            ResponseHead head{.status = 200, .headers = {}};
            head.headers.add("Content-Length", std::to_string(content.size()));
            co_await exchange.send_head(std::move(head));
            const auto sent = co_await exchange.send_file(*file, {0, content.size()});
            EXPECT_TRUE(sent);
        },
        {}, server_context("DNS:localhost"));
    const auto body = get(server.origin(true, "localhost"));
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_TRUE(*body == content);
}

TEST_F(TlsTest, ATruncatedBodyIsNoticed) {
    TestServer server(
        [](Exchange& exchange) -> Task<void> {
            co_await exchange.send_head({.status = 200, .headers = {}});
            co_await exchange.send(std::string_view("hello"));
            exchange.abort();
        },
        {}, server_context("DNS:localhost"));
    const auto body = get(server.origin(true, "localhost"));
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().kind, ErrorKind::closed) << body.error().message;
}

TEST_F(TlsTest, ACertificateForAnotherHostIsRefused) {
    for (const std::string names : {"DNS:other.example", "IP:127.0.0.2", "DNS:127.0.0.1"}) {
        TestServer server(echo, {}, server_context(names));
        const auto body = get(server.origin(true, "127.0.0.1"));
        ASSERT_FALSE(body) << names;
        EXPECT_EQ(body.error().kind, ErrorKind::protocol);
        EXPECT_NE(body.error().message.find("certificate"), std::string::npos)
            << body.error().message;
        EXPECT_EQ(server.handler.calls, 0);
    }
}

TEST_F(TlsTest, AnUnknownAuthorityIsRefused) {
    TestServer server(echo, {}, server_context("DNS:localhost"));
    const Authority another(folder, "another");
    threads.io.on_each([&](IoThread&) { client = trusting(another.file()); });
    const auto body = get(server.origin(true, "localhost"));
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().kind, ErrorKind::protocol) << body.error().message;
    threads.io.on_each([&](IoThread&) { client = trusting({}); });
    EXPECT_FALSE(get(server.origin(true, "localhost")));
    EXPECT_EQ(server.handler.calls, 0);
}

TEST_F(TlsTest, PlainTextIsNeverTakenForAnAnswer) {
    RawServer server([](RawSocket& socket, int) {
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        socket.read_all();
    });
    auto origin = server.origin();
    origin.tls = true;
    const auto body = get(origin);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().kind, ErrorKind::protocol) << body.error().message;
}

TEST_F(TlsTest, AServerThatClosesDuringTheHandshakeIsUnreachable) {
    RawServer server([](RawSocket& socket, int) { socket.read_some(1); });
    auto origin = server.origin();
    origin.tls = true;
    EXPECT_EQ(get(origin).error().kind, ErrorKind::unreachable);
}

TEST_F(TlsTest, APlainClientIsTurnedAway) {
    TestServer server(echo, {.head_time = milliseconds(100)}, server_context("DNS:localhost"));
    auto plain = server.connect();
    plain.send(hubkeep::test::get("/"));
    EXPECT_EQ(plain.read_all().find("HTTP"), std::string::npos);
    auto silent = server.connect();
    EXPECT_EQ(silent.read_some(), "");
    EXPECT_FALSE(silent.timed_out);
    EXPECT_EQ(server.handler.calls, 0);
}

TEST_F(TlsTest, ANewCertificateServesNewConnections) {
    TestServer server(echo, {}, server_context("DNS:localhost"));
    ASSERT_TRUE(get(server.origin(true, "localhost")));
    ASSERT_FALSE(get(server.origin(true, "127.0.0.1")));
    server.tls.replace(server_context("IP:127.0.0.1"));
    EXPECT_TRUE(get(server.origin(true, "localhost")));  // the connection that is already there
    EXPECT_TRUE(get(server.origin(true, "127.0.0.1")));
}

class ClientCertificateTest : public TlsTest {
  protected:
    // Answers with the name of the client.
    static Task<void> tell_name(Exchange& exchange) {
        co_await exchange.respond({.status = 200, .headers = {}}, exchange.peer_certificate());
    }
    TlsContext asking_context(const Authority& of_clients) {
        const auto identity = authority.issue("server", "DNS:localhost");
        auto context = make_server_tls(identity.certificate, identity.key, of_clients.file());
        EXPECT_TRUE(context) << context.error().message;
        return *context;
    }
    void show(const std::optional<Identity>& identity) {
        auto context = *make_client_tls(authority.file());
        if (identity) {
            context->use_certificate_chain_file(identity->certificate);
            context->use_private_key_file(identity->key, asio::ssl::context::pem);
        }
        threads.io.on_each([&](IoThread&) {
            client = std::make_unique<Client>(threads[0], ClientSettings{}, context);
        });
    }
    Authority clients{folder, "clients"};
};

TEST_F(ClientCertificateTest, NamesTheClient) {
    TestServer server(tell_name, {}, asking_context(clients));
    const auto origin = server.origin(true, "localhost");
    show(clients.issue("alice", "email:a@b.example"));
    EXPECT_EQ(get(origin).value_or("refused"), "alice");
    EXPECT_EQ(get(origin).value_or("refused"), "alice") << "on the same connection";
    show(clients.issue("nameless", "IP:10.0.0.1,email:bob@b.example,DNS:b.example", false));
    EXPECT_EQ(get(origin).value_or("refused"), "bob@b.example");
    show(clients.issue("service", "URI:spiffe://b.example/ci", false));
    EXPECT_EQ(get(origin).value_or("refused"), "spiffe://b.example/ci");
    show(std::nullopt);
    EXPECT_EQ(get(origin).value_or("refused"), "") << "none has to be shown";
}

TEST_F(ClientCertificateTest, OfAnotherAuthorityIsTurnedAway) {
    TestServer server(tell_name, {}, asking_context(clients));
    show(Authority(folder, "others").issue("alice", ""));
    EXPECT_FALSE(get(server.origin(true, "localhost")));
    EXPECT_EQ(server.handler.calls, 0);
}

TEST_F(ClientCertificateTest, NobodyIsNamedWhereNoneIsAskedFor) {
    TestServer server(tell_name, {}, server_context("DNS:localhost"));
    show(clients.issue("alice", ""));
    EXPECT_EQ(get(server.origin(true, "localhost")).value_or("refused"), "");
}

TEST_F(ClientCertificateTest, AnotherAuthorityCountsForNewConnections) {
    TestServer server(tell_name, {}, asking_context(clients));
    const auto alice = clients.issue("alice", "");
    show(alice);
    ASSERT_TRUE(get(server.origin(true, "localhost")));
    const Authority others(folder, "others");
    server.tls.replace(asking_context(others));
    show(alice);
    EXPECT_FALSE(get(server.origin(true, "localhost")));
}

TEST(TlsFiles, AreRefusedWithTheirNames) {
    TempFolder folder;
    const Authority authority(folder);
    const auto one = authority.issue("one", "DNS:a");
    const auto two = authority.issue("two", "DNS:b");
    const auto junk = folder.write("junk", "not a certificate");
    EXPECT_TRUE(make_server_tls(one.certificate, one.key));
    for (const auto& [certificate, key, named] :
         {std::tuple{one.certificate, two.key, two.key},
          {junk, one.key, junk},
          {one.certificate, junk, junk},
          {folder / "absent", one.key, folder / "absent"}}) {
        const auto context = make_server_tls(certificate, key);
        ASSERT_FALSE(context);
        EXPECT_NE(context.error().message.find(named), std::string::npos)
            << context.error().message;
    }
    const auto asking = make_server_tls(one.certificate, one.key, junk);
    ASSERT_FALSE(asking);
    EXPECT_NE(asking.error().message.find(junk), std::string::npos) << asking.error().message;
    EXPECT_FALSE(make_client_tls(junk));
    EXPECT_FALSE(make_client_tls(folder / "absent"));
}

}  // namespace
}  // namespace hubkeep::test
