#include "common/secret.hpp"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <functional>
#include <mutex>
#include <new>
#include <utility>

#include "common/digest.hpp"

namespace hubkeep {
namespace {

// Within what systems let a user lock (8 MiB, long ago 64 KiB). OpenSSL takes its private keys from
// there as well and cannot do without, so half of it stays free for them.
constexpr std::size_t guarded_bytes = 1024 * 1024;
constexpr std::size_t smallest_piece = 64;
constexpr std::size_t slots_bytes = guarded_bytes / 2;
constexpr std::size_t slot_bytes = 256;

// The part of OpenSSL's guarded memory that secrets live in, in slots of one size: its own
// allocator splits and joins blocks for microseconds, which every request with a token would pay.
// Any thread.
class Slots {
  public:
    void open() {
        const std::lock_guard lock(mutex_);
        begin_ = fresh_ = static_cast<char*>(OPENSSL_secure_malloc(slots_bytes));
    }
    // Null when there is none left, or the size needs more than one.
    char* take(std::size_t size) {
        if (size > slot_bytes) return nullptr;
        const std::lock_guard lock(mutex_);
        if (free_ != nullptr) return reinterpret_cast<char*>(std::exchange(free_, free_->next));
        if (fresh_ == begin_ + (begin_ != nullptr ? slots_bytes : 0)) return nullptr;
        return std::exchange(fresh_, fresh_ + slot_bytes);
    }
    // False for what is no slot.
    bool give_back(char* data, std::size_t size) {
        const std::less<const char*> before;
        if (begin_ == nullptr || before(data, begin_) || !before(data, begin_ + slots_bytes)) {
            return false;
        }
        OPENSSL_cleanse(data, size);
        const std::lock_guard lock(mutex_);
        free_ = new (data) Free{free_};
        return true;
    }

  private:
    struct Free {
        Free* next;
    };
    std::mutex mutex_;
    char* begin_ = nullptr;  // constant once there are threads
    char* fresh_ = nullptr;  // from here on none was ever used
    Free* free_ = nullptr;
};

// Like the heap it is the process's own: nobody could hand it around.
Slots& slots() {
    static Slots all;
    return all;
}

char* allocate(std::size_t size) {
    char* data = slots().take(size);
    if (data == nullptr) data = static_cast<char*>(OPENSSL_malloc(size));
    if (data == nullptr) throw std::bad_alloc();
    return data;
}

void release(char* data, std::size_t size) {
    if (!slots().give_back(data, size)) OPENSSL_clear_free(data, size);
}

std::string fingerprint_of(std::string_view text) {
    return digest_of(DigestKind::sha256, text).hex().substr(0, 16);
}

}  // namespace

class Secret::Buffer {
  public:
    explicit Buffer(std::string_view text) : data_(allocate(text.size())), size_(text.size()) {
        text.copy(data_, size_);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { release(data_, size_); }

    std::string_view text() const { return {data_, size_}; }
    // Of the text behind the offset. Known once for the first offset: askers have the same in mind.
    std::string fingerprint(std::size_t offset) const {
        std::call_once(named_, [&] {
            fingerprint_ = fingerprint_of(text().substr(offset));
            named_offset_ = offset;
        });
        return offset == named_offset_ ? fingerprint_ : fingerprint_of(text().substr(offset));
    }

  private:
    char* const data_;
    const std::size_t size_;
    mutable std::once_flag named_;
    mutable std::size_t named_offset_ = 0;
    mutable std::string fingerprint_;
};

Secret::Secret(std::string_view text)
    : buffer_(text.empty() ? nullptr : std::make_shared<const Buffer>(text)) {}

std::string_view Secret::reveal() const {
    return buffer_ ? buffer_->text().substr(offset_) : std::string_view();
}

Secret Secret::tail(std::size_t offset) const {
    if (offset >= reveal().size()) return {};
    Secret rest = *this;
    rest.offset_ += offset;
    return rest;
}

bool Secret::equals(std::string_view other) const {
    const auto text = reveal();
    return text.size() == other.size() &&
           (text.empty() || CRYPTO_memcmp(text.data(), other.data(), text.size()) == 0);
}

std::string Secret::fingerprint() const {
    return buffer_ ? buffer_->fingerprint(offset_) : fingerprint_of("");
}

void wipe_memory(void* data, std::size_t size) {
    if (size > 0) OPENSSL_cleanse(data, size);
}

void wipe(std::string& text) {
    text.resize(text.capacity());
    wipe_memory(text.data(), text.size());
    text.clear();
}

void guard_secrets() {
    if (CRYPTO_secure_malloc_init(guarded_bytes, smallest_piece) != 0) slots().open();
    ::prctl(PR_SET_DUMPABLE, 0);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace hubkeep
