#include "common/secret.hpp"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>

namespace hubkeep {
namespace {

// In the guarded memory, which stays readable when a piece of it was given back.
constexpr std::string_view text = "hf_0123456789abcdefghijklmnopqrstuvwxyz";

class Guarded : public testing::Test {
  protected:
    static void SetUpTestSuite() { guard_secrets(); }
};

TEST_F(Guarded, SecretsAreInMemoryOfTheirOwn) {
    const Secret secret(text);
    EXPECT_EQ(secret.reveal(), text);
    EXPECT_TRUE(CRYPTO_secure_allocated(secret.reveal().data()));
}

TEST_F(Guarded, TheLastCopyThatGoesWipesTheText) {
    Secret secret(text);
    auto copy = std::make_unique<Secret>(secret);
    const auto where = secret.reveal();
    EXPECT_EQ(copy->reveal().data(), where.data());
    secret = Secret();
    EXPECT_EQ(copy->reveal(), text);
    copy.reset();
    // The free list has its links at the front of the piece.
    constexpr std::size_t links = 2 * sizeof(void*);
    EXPECT_TRUE(std::ranges::all_of(where.substr(links), [](char c) { return c == '\0'; }));
    EXPECT_EQ(text.find(where.substr(0, 8)), text.npos);
}

TEST_F(Guarded, MoreSecretsThanTheGuardedMemoryHoldsAreStillKept) {
    std::vector<Secret> many;
    for (int i = 0; i < 20000; ++i) many.emplace_back(std::string(text) + std::to_string(i));
    EXPECT_FALSE(CRYPTO_secure_allocated(many.back().reveal().data()));
    EXPECT_EQ(many.back().reveal(), std::string(text) + "19999");
    // What OpenSSL needs for its own keys is left.
    void* const key = OPENSSL_secure_malloc(64 * 1024);
    EXPECT_TRUE(CRYPTO_secure_allocated(key));
    OPENSSL_secure_free(key);
}

TEST_F(Guarded, NoCoreIsWrittenAndNobodyLooksIn) {
    EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
    EXPECT_EQ(limit.rlim_max, 0u);
}

TEST(Secret, ComparesAndNamesItselfWithoutShowing) {
    const Secret secret("hf_abc");
    EXPECT_TRUE(secret.equals("hf_abc"));
    EXPECT_FALSE(secret.equals("hf_abd"));
    EXPECT_FALSE(secret.equals("hf_ab"));
    EXPECT_FALSE(secret.equals(""));
    EXPECT_EQ(secret.fingerprint().size(), 16u);
    EXPECT_EQ(secret.fingerprint().find("abc"), std::string::npos);
    EXPECT_EQ(secret.fingerprint(), Secret("hf_abc").fingerprint());
    EXPECT_NE(secret.fingerprint(), Secret("hf_abd").fingerprint());
}

TEST(Secret, AnEmptyTextIsNoSecret) {
    for (const Secret& secret : {Secret(), Secret("")}) {
        EXPECT_TRUE(secret.empty());
        EXPECT_EQ(secret.reveal(), "");
        EXPECT_TRUE(secret.equals(""));
        EXPECT_FALSE(secret.equals("x"));
    }
    EXPECT_FALSE(Secret("x").empty());
}

TEST(Secret, ATailIsASecretInTheSameMemory) {
    const Secret whole("Bearer hf_abc");
    const auto token = whole.tail(7);
    EXPECT_EQ(token.reveal(), "hf_abc");
    EXPECT_EQ(token.reveal().data(), whole.reveal().data() + 7);
    EXPECT_TRUE(token.equals("hf_abc"));
    EXPECT_EQ(token.tail(3).reveal(), "abc");
    EXPECT_TRUE(whole.tail(13).empty());
    EXPECT_TRUE(whole.tail(std::string::npos).empty());
    EXPECT_TRUE(Secret().tail(0).empty());
    // Whichever of them is asked first.
    EXPECT_EQ(token.fingerprint(), Secret("hf_abc").fingerprint());
    EXPECT_EQ(whole.fingerprint(), Secret("Bearer hf_abc").fingerprint());
    EXPECT_EQ(whole.tail(7).fingerprint(), token.fingerprint());
    EXPECT_EQ(token.tail(3).fingerprint(), Secret("abc").fingerprint());
}

TEST(Wipe, LeavesNothingOfTheTextNorBehindItsEnd) {
    std::string plain(text);
    plain.reserve(100);
    plain.resize(5);
    const char* const where = plain.data();
    const auto size = plain.capacity();
    wipe(plain);
    EXPECT_TRUE(plain.empty());
    ASSERT_EQ(plain.data(), where);
    EXPECT_TRUE(std::all_of(where, where + size, [](char c) { return c == '\0'; }));
}

}  // namespace
}  // namespace hubkeep
