#include "server/net/tls_engine.hpp"

#include <csignal>

#include <boost/asio/ssl/error.hpp>

#include "tests/unit/net/certificates.hpp"

namespace hubkeep::test {
namespace {

using Kind = Step::Kind;

// Both ends of a connection, none of whose calls wait.
class TlsEngineTest : public testing::Test {
  protected:
    TlsEngineTest() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        sockets[0] = RawSocket(ends[0]);
        sockets[1] = RawSocket(ends[1]);
        const auto identity = authority.issue("server", "DNS:localhost,IP:127.0.0.1");
        server_tls = *make_server_tls(identity.certificate, identity.key);
        client_tls = *make_client_tls(authority.file());
        server.emplace(server_tls->native_handle(), sockets[0].fd());
        client.emplace(client_tls->native_handle(), sockets[1].fd());
        // What sendfile(2) and write(2) know no flag against; of this thread alone.
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
    }

    // The last steps of the server and of the client.
    std::pair<Step, Step> shake_hands() {
        Step ours{.kind = Kind::needs_input}, theirs{.kind = Kind::needs_room};
        for (int turn = 0; turn < 10 && (ours.waits() || theirs.waits()); ++turn) {
            if (theirs.waits()) theirs = client->connect();
            if (ours.waits()) ours = server->accept();
        }
        return {ours, theirs};
    }
    void connect() {
        const auto [ours, theirs] = shake_hands();
        ASSERT_EQ(ours.kind, Kind::done) << ours.error.message();
        ASSERT_EQ(theirs.kind, Kind::done) << theirs.error.message();
    }
    std::string read_at_client() {
        std::string text(64 * 1024, '\0');
        const Step step = client->read(text);
        text.resize(step.bytes);
        return text;
    }

    TempFolder folder;
    Authority authority{folder};
    RawSocket sockets[2];
    TlsContext server_tls;
    TlsContext client_tls;
    std::optional<TlsEngine> server;
    std::optional<TlsEngine> client;
};

TEST(FileWay, TheKernelEncryptsWhereItCan) {
    EXPECT_EQ(way_of_files(false, false), FileWay::sendfile);
    EXPECT_EQ(way_of_files(true, true), FileWay::kernel_tls);
    EXPECT_EQ(way_of_files(true, false), FileWay::encrypted_here);
}

TEST_F(TlsEngineTest, CarriesBytesAndTheOrderlyEnd) {
    EXPECT_TRUE(client->expect_host("localhost", false));
    connect();
    EXPECT_EQ(server->write(std::string_view("hello")).bytes, 5u);
    EXPECT_EQ(read_at_client(), "hello");
    char byte = 0;
    EXPECT_EQ(client->read({&byte, 1}).kind, Kind::needs_input);
    EXPECT_EQ(server->say_goodbye().kind, Kind::done);
    EXPECT_EQ(client->read({&byte, 1}).kind, Kind::ended);
}

TEST_F(TlsEngineTest, ABareEndIsNoOrderlyOne) {
    connect();
    sockets[0].close();
    char byte = 0;
    const Step step = client->read({&byte, 1});
    EXPECT_EQ(step.kind, Kind::failed);
    EXPECT_EQ(step.error, asio::ssl::error::stream_truncated);
    EXPECT_EQ(client->say_goodbye().kind, Kind::done) << "there is nobody to tell";
}

TEST_F(TlsEngineTest, WritingToWhoHasLeftFailsAndKillsNobody) {
    connect();
    sockets[1].close();
    Step step;
    for (int i = 0; i < 3 && step.kind == Kind::done; ++i)
        step = server->write(std::string_view("x"));
    EXPECT_EQ(step.kind, Kind::failed);
    EXPECT_EQ(step.error, boost::system::errc::broken_pipe);
}

TEST_F(TlsEngineTest, TellsWhetherSomethingWasReceivedThatNobodyHasRead) {
    connect();
    ASSERT_EQ(server->write(std::string_view("ab")).kind, Kind::done);
    char byte = 0;
    EXPECT_FALSE(client->has_input()) << "it is still in the socket";
    ASSERT_EQ(client->read({&byte, 1}).kind, Kind::done);
    EXPECT_TRUE(client->has_input());
    ASSERT_EQ(client->read({&byte, 1}).kind, Kind::done);
    EXPECT_FALSE(client->has_input());
}

TEST_F(TlsEngineTest, AWriteGoesOnFromOtherMemoryAfterTheSocketWasFull) {
    connect();
    const auto content = pattern(4 * 1024 * 1024);
    std::string received;
    std::size_t sent = 0;
    int waits = 0;
    while (sent < content.size()) {
        const std::string copy = content.substr(sent, 256 * 1024);
        const Step step = server->write(copy);
        sent += step.bytes;
        if (step.kind == Kind::done) continue;
        ASSERT_EQ(step.kind, Kind::needs_room);
        ++waits;
        for (auto text = read_at_client(); !text.empty(); text = read_at_client()) received += text;
    }
    for (auto text = read_at_client(); !text.empty(); text = read_at_client()) received += text;
    EXPECT_GT(waits, 0);
    EXPECT_TRUE(received == content);
}

TEST_F(TlsEngineTest, LooksForTheHostInTheCertificate) {
    EXPECT_TRUE(client->expect_host("other.example", false));
    EXPECT_EQ(shake_hands().second.kind, Kind::failed);
    EXPECT_EQ(SSL_get_verify_result(client->native()), X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST_F(TlsEngineTest, LooksForAnAddressAsOne) {
    EXPECT_TRUE(client->expect_host("127.0.0.1", true));
    connect();
    EXPECT_EQ(SSL_get_servername(server->native(), TLSEXT_NAMETYPE_host_name), nullptr);
}

// A kernel that encrypts is not on every machine: this one claims to, and leaves the bytes as they
// are. What is tested is how a file gets to it.
class KernelTlsTest : public TlsEngineTest {
  protected:
    KernelTlsTest() : method(BIO_meth_new(BIO_TYPE_FILTER | BIO_get_new_index(), "claims kTLS")) {
        BIO_meth_set_ctrl(method, [](BIO* bio, int command, long number, void* data) -> long {
            if (command == BIO_CTRL_GET_KTLS_SEND) return 1;
            return BIO_ctrl(BIO_next(bio), command, number, data);
        });
        BIO_meth_set_create(method, [](BIO* bio) {
            BIO_set_init(bio, 1);
            return 1;
        });
    }
    ~KernelTlsTest() override {
        server.reset();
        BIO_meth_free(method);
    }
    void claim() {
        connect();
        EXPECT_FALSE(server->kernel_encrypts()) << "a socket file has no TLS";
        BIO* const socket = SSL_get_wbio(server->native());
        BIO_up_ref(socket);
        SSL_set0_wbio(server->native(), BIO_push(BIO_new(method), socket));
        read_at_client();  // tickets
    }
    File file(std::string_view content) {
        return std::move(*File::open_read(folder.write("file", content)));
    }
    BIO_METHOD* const method;
};

TEST_F(KernelTlsTest, SendsAFileUntilTheSocketIsFullAndToItsEnd) {
    claim();
    ASSERT_TRUE(server->kernel_encrypts());
    const auto content = pattern(1024 * 1024);
    const auto big = file(content);
    std::uint64_t offset = 1000;
    std::string received;
    for (Step step; offset < content.size();) {
        step = server->send_file(big.fd(), offset, content.size() - offset);
        offset += step.bytes;
        ASSERT_TRUE(step.kind == Kind::done || step.kind == Kind::needs_room);
        if (step.waits()) received += sockets[1].read_some();
    }
    while (received.size() < content.size() - 1000) received += sockets[1].read_some();
    EXPECT_TRUE(received == content.substr(1000));
    EXPECT_EQ(server->send_file(big.fd(), content.size(), 1).kind, Kind::ended);
}

TEST_F(KernelTlsTest, AClientThatHasLeftEndsIt) {
    claim();
    const auto small = file("content");
    sockets[1].close();
    const Step step = server->send_file(small.fd(), 0, 7);
    EXPECT_EQ(step.kind, Kind::failed);
    EXPECT_EQ(step.error, boost::system::errc::broken_pipe);
}

}  // namespace
}  // namespace hubkeep::test
