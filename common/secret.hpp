#pragma once
// A token or password. It cannot be printed, formatted, compared in variable time or copied by
// accident into a log: the only way to its text is reveal(), which is easy to search for. Copies
// share one buffer that never changes and is overwritten when the last of them goes. Any thread.

#include <memory>
#include <string>
#include <string_view>

namespace hubkeep {

class Secret {
  public:
    Secret() = default;
    // Copies the text; whoever had it as plain text has to wipe that.
    explicit Secret(std::string_view text);

    bool empty() const { return !buffer_; }
    // What is behind so many bytes, in the same memory.
    Secret tail(std::size_t offset) const;
    std::string_view reveal() const;
    // Constant time in the length of the secret.
    bool equals(std::string_view other) const;
    // 16 hex characters of the SHA-256: names a credential without giving it away. Copies share it.
    std::string fingerprint() const;

  private:
    class Buffer;
    std::shared_ptr<const Buffer> buffer_;  // null when empty
    std::size_t offset_ = 0;                // within the buffer
};

// Makes the text unreadable and empty, also what lies behind its end.
void wipe(std::string& text);

// Where a secret has to be plain text for a moment: it is wiped at the end. Text that outgrows its
// memory leaves a copy behind, so reserve first.
struct WipedText {
    std::string text;

    WipedText() = default;
    explicit WipedText(std::string t) : text(std::move(t)) {}
    WipedText(const WipedText&) = delete;
    WipedText& operator=(const WipedText&) = delete;
    ~WipedText() { wipe(text); }
};

// For containers that see secrets pass: memory is overwritten when it is given back.
void wipe_memory(void* data, std::size_t size);

// Keeps secrets out of core files, of swap as far as the system lets us lock memory, and of the
// reach of other processes of the same user (/proc/PID/mem, ptrace). At the start of the process,
// before there is any secret or thread. What the system refuses is left out: it only makes a theft
// harder that needs a foothold on this machine already.
void guard_secrets();

}  // namespace hubkeep
