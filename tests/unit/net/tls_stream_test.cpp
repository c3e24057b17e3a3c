// A Stream over TLS against an engine that the test drives itself.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "server/net/tls_engine.hpp"
#include "tests/unit/common/framed.hpp"
#include "tests/unit/net/certificates.hpp"

namespace hubkeep::test {
namespace {

using Kind = Step::Kind;

class TlsStreamTest : public testing::Test {
  protected:
    template <typename Call>
    auto in_background(Call call) {
        return std::async(std::launch::async, [this, call] { return run_on(threads[0], call()); });
    }
    TlsStreamTest() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        other = RawSocket(ends[1]);
        EXPECT_EQ(::fcntl(other.fd(), F_SETFL, O_NONBLOCK), 0);
        const auto identity = authority.issue("server", "DNS:localhost");
        const auto tls = *make_server_tls(identity.certificate, identity.key);
        threads.io.on_each([&](IoThread& thread) {
            Socket socket(thread.executor(), asio::generic::stream_protocol(AF_UNIX, 0), ends[0]);
            stream = std::make_unique<Stream>(thread, std::move(socket), tls);
        });
        client.emplace(client_tls->native_handle(), other.fd());
        auto accepted = in_background([this] { return stream->accept_tls(); });
        finish([this] { return client->connect(); });
        EXPECT_TRUE(accepted.get());
    }
    ~TlsStreamTest() override { drop_on(threads[0], stream); }

    // Repeats a step of the client until it needs nothing more of the socket.
    template <typename Call>
    Step finish(Call call) {
        for (Step step = call();; step = call()) {
            if (!step.waits()) return step;
            const bool input = step.kind == Kind::needs_input;
            pollfd ready{other.fd(), static_cast<short>(input ? POLLIN : POLLOUT), 0};
            EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
        }
    }
    // One record at most.
    std::string read_some() {
        std::string text(64 * 1024, '\0');
        const Step step = finish([&] { return client->read(text); });
        text.resize(step.bytes);
        return text;
    }
    std::string read_exactly(std::size_t size) {
        std::string text;
        while (text.size() < size) {
            const auto some = read_some();
            if (some.empty()) break;
            text += some;
        }
        return text;
    }
    Result<void> write(const std::vector<std::string>& texts) {
        std::vector<asio::const_buffer> pieces;
        for (const auto& text : texts) pieces.emplace_back(text.data(), text.size());
        return run_on(threads[0], stream->write(pieces));
    }
    auto send(const File& file, ByteRange range, SteadyClock::duration stall = seconds(10)) {
        return in_background(
            [=, this, &file] { return stream->send_file(file, range, stall, &sent); });
    }
    auto send(const File& file, const Frames& frames, ByteRange physical) {
        return in_background([=, this, &file] {
            return stream->send_frames(file, frames, physical, seconds(10), &sent);
        });
    }

    TempFolder folder;
    Authority authority{folder};
    Threads threads;
    RawSocket other;
    std::unique_ptr<Stream> stream;
    TlsContext client_tls = *make_client_tls(authority.file());
    std::optional<TlsEngine> client;
    std::uint64_t sent = 0;
};

TEST_F(TlsStreamTest, SmallPiecesShareARecord) {
    ASSERT_TRUE(write({"head", "", "body"}));
    EXPECT_EQ(read_some(), "headbody");
}

TEST_F(TlsStreamTest, PiecesOfAnySizeArriveInOrder) {
    const auto large = pattern(5 * 1024 * 1024);
    const std::vector<std::string> texts = {"a", large, "b", "c", large.substr(7, 20'000), "d"};
    std::string expected;
    for (const auto& text : texts) expected += text;
    auto written = std::async(std::launch::async, [&] { return write(texts); });
    EXPECT_TRUE(read_exactly(expected.size()) == expected);
    EXPECT_TRUE(written.get());
}

TEST_F(TlsStreamTest, AFileArrivesWholeHoweverOftenTheSocketIsFull) {
    const auto content = pattern(9 * 1024 * 1024 + 17);
    const auto file = File::open_read(folder.write("file", content));
    const ByteRange range{5, content.size()};
    auto done = send(*file, range);
    EXPECT_TRUE(read_exactly(range.size()) == content.substr(5));
    EXPECT_TRUE(done.get());
    EXPECT_EQ(sent, range.size());
}

TEST_F(TlsStreamTest, AFileThatIsTooShortIsAnErrorBehindItsLastByte) {
    const auto content = pattern(100'000);
    const auto file = File::open_read(folder.write("file", content));
    auto done = send(*file, {0, content.size() + 1});
    EXPECT_TRUE(read_exactly(content.size()) == content);
    const auto result = done.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(sent, content.size());
}

TEST_F(TlsStreamTest, FramesArriveWholeHoweverOftenTheSocketIsFull) {
    const auto content = pattern(9 * 1024 * 1024 + 17);
    const auto file = File::open_read(folder.write("file", content));
    const Frames frames{{5, content.size()}, 131'072, 8, write_size};
    const auto layout = framed(content, frames);
    auto done = send(*file, frames, {3, layout.size()});
    EXPECT_TRUE(read_exactly(layout.size() - 3) == layout.substr(3));
    EXPECT_TRUE(done.get());
    EXPECT_EQ(sent, layout.size() - 3);
}

TEST_F(TlsStreamTest, SmallFramesShareARecord) {
    const auto content = pattern(4000);
    const auto file = File::open_read(folder.write("file", content));
    const Frames frames{{0, content.size()}, 1000, 8, write_size};
    for (const ByteRange physical : {ByteRange{0, 4032}, {2, 5}, {4, 3030}, {1008, 1016}}) {
        auto done = send(*file, frames, physical);
        EXPECT_EQ(read_some(), framed(content, frames).substr(physical.begin, physical.size()));
        EXPECT_TRUE(done.get());
    }
}

TEST_F(TlsStreamTest, FramesOfAFileThatIsTooShortAreAnErrorBehindItsLastByte) {
    const auto content = pattern(2500);
    const auto file = File::open_read(folder.write("file", content));
    const Frames frames{{0, 4000}, 1000, 8, write_size};
    auto done = send(*file, frames, {0, frames.physical_size()});
    EXPECT_EQ(read_exactly(2524).substr(2024), content.substr(2000));
    const auto result = done.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(sent, 2524u);
}

TEST_F(TlsStreamTest, AClientThatStopsReadingTimesOut) {
    const auto content = pattern(16 * 1024 * 1024);
    const auto file = File::open_read(folder.write("file", content));
    const auto stopped = send(*file, {0, content.size()}, milliseconds(50)).get();
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind, ErrorKind::timed_out);
}

TEST_F(TlsStreamTest, AClientThatLeavesEndsAFile) {
    const auto content = pattern(16 * 1024 * 1024);
    const auto file = File::open_read(folder.write("file", content));
    auto done = send(*file, {0, content.size()});
    EXPECT_FALSE(read_some().empty());
    other.close();
    const auto left = done.get();
    ASSERT_FALSE(left);
    EXPECT_EQ(left.error().kind, ErrorKind::closed) << left.error().message;
}

TEST_F(TlsStreamTest, InputThatWasReceivedButNotReadIsNotWaitedFor) {
    finish([&] { return client->write(std::string_view("ab")); });
    char byte = 0;
    ASSERT_TRUE(run_on(threads[0], stream->read_some({&byte, 1})));
    // Nothing is in the socket any more, and nothing will come.
    EXPECT_TRUE(run_on(threads[0], stream->wait_for_input()));
    threads.io.on_each([&](IoThread&) { EXPECT_TRUE(stream->has_input_or_eof()); });
    ASSERT_TRUE(run_on(threads[0], stream->read_some({&byte, 1})));
    EXPECT_EQ(byte, 'b');
    threads.io.on_each([&](IoThread&) { EXPECT_FALSE(stream->has_input_or_eof()); });
}

TEST_F(TlsStreamTest, OnlyAGoodbyeIsAnOrderlyEnd) {
    char byte = 0;
    client->say_goodbye();
    const auto end = run_on(threads[0], stream->read_some({&byte, 1}));
    ASSERT_TRUE(end);
    EXPECT_EQ(*end, 0u);
}

TEST_F(TlsStreamTest, ABareEndIsAClosedConnection) {
    other.close();
    char byte = 0;
    const auto end = run_on(threads[0], stream->read_some({&byte, 1}));
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().kind, ErrorKind::closed);
}

TEST_F(TlsStreamTest, WhatIsNoTlsIsAProtocolError) {
    ASSERT_TRUE(other.send("GET / HTTP/1.1\r\n\r\n"));
    char byte = 0;
    const auto end = run_on(threads[0], stream->read_some({&byte, 1}));
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().kind, ErrorKind::protocol);
}

}  // namespace
}  // namespace hubkeep::test
