#pragma once
// A token or password. It cannot be printed, formatted, compared in variable time or copied by
// accident into a log: the only way to its text is reveal(), which is easy to search for.

#include <string>
#include <string_view>

namespace hubkeep {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}
    Secret(const Secret&) = default;
    Secret(Secret&&) = default;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&&) = default;
    ~Secret();

    bool empty() const { return text_.empty(); }
    std::string_view reveal() const { return text_; }
    // Constant time in the length of the secret.
    bool equals(std::string_view other) const;
    // 16 hex characters of the SHA-256: names a credential without giving it away.
    std::string fingerprint() const;

  private:
    std::string text_;
};

}  // namespace hubkeep
