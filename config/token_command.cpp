#include "config/token_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "config/token.hpp"

namespace hubkeep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(10);
constexpr std::size_t max_output = 4096;

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }
    int get() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

  private:
    int fd_;
};

// What it printed, overwritten when it goes.
class Output {
  public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() { wipe_memory(bytes_.data(), bytes_.size()); }

    std::string_view text() const { return {bytes_.data(), size_}; }
    bool is_full() const { return size_ == bytes_.size(); }
    // False at the end, and when there is nothing to be read now.
    bool read_from(int fd) {
        if (is_full()) return false;
        const auto n = ::read(fd, bytes_.data() + size_, bytes_.size() - size_);
        if (n > 0) size_ += static_cast<std::size_t>(n);
        is_over_ = n == 0;
        return n > 0;
    }
    bool is_over() const { return is_over_; }

  private:
    std::array<char, max_output + 1> bytes_{};
    std::size_t size_ = 0;
    bool is_over_ = false;
};

struct Actions {
    Actions() { posix_spawn_file_actions_init(&value); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    ~Actions() { posix_spawn_file_actions_destroy(&value); }
    posix_spawn_file_actions_t value;
};

struct Attributes {
    Attributes() { posix_spawnattr_init(&value); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    ~Attributes() { posix_spawnattr_destroy(&value); }
    posix_spawnattr_t value;
};

// The daemon blocks and ignores signals that a command expects to work; a group of its own lets
// all that it starts be ended with it.
Result<pid_t> start(const std::string& command, const Environment& environment, int output) {
    Actions actions;
    posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions.value, output, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
    Attributes attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes.value, &none);
    posix_spawnattr_setsigdefault(&attributes.value, &all);
    posix_spawnattr_setpgroup(&attributes.value, 0);
    posix_spawnattr_setflags(
        &attributes.value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> texts;
    for (const auto& [name, value] : environment) texts.push_back(name + "=" + value);
    std::vector<char*> variables;
    for (auto& text : texts) variables.push_back(text.data());
    variables.push_back(nullptr);
    std::string shell = "sh";
    std::string flag = "-c";
    std::string line = command;
    char* const words[] = {shell.data(), flag.data(), line.data(), nullptr};
    pid_t pid = 0;
    const int failed =
        posix_spawn(&pid, "/bin/sh", &actions.value, &attributes.value, words, variables.data());
    if (failed != 0) return fail_errno("cannot start /bin/sh", failed);
    return pid;
}

// Until it has ended and what it printed is read; false when that took too long or too much.
bool gather(int pidfd, int fd, Output& output) {
    const auto deadline = Clock::now() + patience;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return false;
        pollfd events[] = {{pidfd, POLLIN, 0}, {output.is_over() ? -1 : fd, POLLIN, 0}};
        if (::poll(events, 2, static_cast<int>(left.count())) < 0 && errno != EINTR) return false;
        while (output.read_from(fd)) {
        }
        if (output.is_full()) return false;
        // What it left running may hold the pipe open; it has nothing more to say.
        if (events[0].revents != 0) return true;
    }
}

Result<void> judge(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    const auto how = WIFEXITED(status) ? fmt::format("with the exit code {}", WEXITSTATUS(status))
                                       : fmt::format("by the signal {}", WTERMSIG(status));
    return fail(ErrorKind::invalid, "the command ended " + how);
}

}  // namespace

Result<Secret> run_token_command(const std::string& command, const Environment& environment) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("cannot make a pipe", errno);
    const Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    // Only our end may refuse to wait: the two ends have flags of their own.
    ::fcntl(writing.get(), F_SETFL, 0);
    const auto pid = start(command, environment, writing.get());
    if (!pid) return std::unexpected(pid.error());
    writing.close();
    // The header of the C library forgets to say that its function is one of C.
    const Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    Output output;
    const bool ended = pidfd.get() >= 0 && gather(pidfd.get(), reading.get(), output);
    if (!ended) ::kill(-*pid, SIGKILL);
    int status = 0;
    while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (output.is_full()) {
        return fail(ErrorKind::invalid, "the command prints more than a token");
    }
    if (!ended) {
        return fail(ErrorKind::timed_out,
                    fmt::format("the command took longer than {} seconds", patience.count()));
    }
    const auto good = judge(status);
    if (!good) return std::unexpected(good.error());
    return to_token(output.text(), "what the command prints");
}

}  // namespace hubkeep
