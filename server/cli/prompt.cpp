#include "server/cli/prompt.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "config/token.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_input = 4096 + 2;
// After these the process ends or stops, and the terminal must not stay silent.
constexpr int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

class Input {
  public:
    Input() = default;
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;
    ~Input() { wipe_memory(bytes_.data(), bytes_.size()); }

    std::string_view text() const { return {bytes_.data(), size_}; }
    bool is_full() const { return size_ == bytes_.size(); }
    // False at the end of the input.
    bool read_more() {
        const auto n = ::read(STDIN_FILENO, bytes_.data() + size_, bytes_.size() - size_);
        if (n > 0) size_ += static_cast<std::size_t>(n);
        return n > 0 || (n < 0 && errno == EINTR);
    }

  private:
    std::array<char, max_input + 1> bytes_{};
    std::size_t size_ = 0;
};

// A terminal that does not show what is typed, for as long as this lives. The signals are held
// back: taken() tells which came, and they are let through when the terminal is as it was.
class SilentTerminal {
  public:
    SilentTerminal() {
        sigemptyset(&set_);
        for (const int number : ending_signals) sigaddset(&set_, number);
        sigset_t held = set_;
        sigaddset(&held, SIGTSTP);
        ::sigprocmask(SIG_BLOCK, &held, &before_);
        signals_ = ::signalfd(-1, &set_, SFD_CLOEXEC);
        is_terminal_ = ::tcgetattr(STDIN_FILENO, &shown_) == 0;
        termios silent = shown_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL;
        if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    SilentTerminal(const SilentTerminal&) = delete;
    SilentTerminal& operator=(const SilentTerminal&) = delete;
    ~SilentTerminal() {
        if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown_);
        ::close(signals_);
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    // False when a signal came first. It stays pending, and so acts at the end of this object.
    bool wait_for_input() const {
        pollfd events[] = {{STDIN_FILENO, POLLIN, 0}, {signals_, POLLIN, 0}};
        while (::poll(events, 2, -1) < 0 && errno == EINTR) {
        }
        return events[1].revents == 0;
    }

  private:
    sigset_t set_;
    sigset_t before_;
    termios shown_{};
    int signals_ = -1;
    bool is_terminal_ = false;
};

bool read_line(Input& input) {
    const SilentTerminal terminal;
    while (!input.is_full() && !input.text().contains('\n')) {
        if (!terminal.wait_for_input()) return false;
        if (!input.read_more()) return true;
    }
    return true;
}

}  // namespace

Result<Secret> read_secret_input(const std::string& question) {
    Input input;
    if (::isatty(STDIN_FILENO) != 0) {
        std::fputs(question.c_str(), stderr);
        std::fflush(stderr);
        if (!read_line(input)) return fail(ErrorKind::closed, "interrupted");
    } else {
        while (!input.is_full() && input.read_more()) {
        }
    }
    if (input.text().empty()) return fail(ErrorKind::closed, "there is no token on standard input");
    return to_token(input.text(), "what was typed");
}

}  // namespace hubkeep
