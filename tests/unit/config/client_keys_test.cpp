// The keys of clients: their form, and the file that lists them.

#include "config/client_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "common/file.hpp"
#include "config/text.hpp"
#include "folder.hpp"

namespace hubkeep {
namespace {

using ::testing::HasSubstr;

std::string new_key() {
    const auto key = make_client_key();
    EXPECT_TRUE(key);
    return std::string(key->reveal());
}

ClientKey client(const std::string& name) {
    ClientKey key;
    key.name = name;
    key.digest = digest_of(DigestKind::sha256, name);
    key.created = 1'700'000'000;
    return key;
}

TEST(ClientKey, HasTheFormThatEveryClientSends) {
    for (int i = 0; i < 100; ++i) {
        const auto key = new_key();
        EXPECT_EQ(key.size(), 40u);
        EXPECT_TRUE(looks_like_token(key)) << key;
        EXPECT_EQ(key_form(key), KeyForm::whole) << key;
    }
}

TEST(ClientKey, LettersAreDrawnWithoutFavour) {
    std::map<char, int> seen;
    std::set<std::string> keys;
    constexpr int count = 2000;
    for (int i = 0; i < count; ++i) {
        const auto key = new_key();
        keys.insert(key);
        for (const char c : key.substr(5, 29)) ++seen[c];
    }
    EXPECT_EQ(keys.size(), std::size_t(count));
    ASSERT_EQ(seen.size(), 62u);
    // 935 of each are expected, with a deviation of 30; without care the first letters had 1130.
    for (const auto& [letter, times] : seen) {
        EXPECT_GT(times, 750) << letter;
        EXPECT_LT(times, 1090) << letter;
    }
}

TEST(ClientKey, EverySlipOfOneLetterIsNoticed) {
    const auto key = new_key();
    for (std::size_t i = 5; i < key.size(); ++i) {
        auto wrong = key;
        wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
        EXPECT_EQ(key_form(wrong), KeyForm::damaged) << wrong;
    }
    EXPECT_EQ(key_form(key + "x"), KeyForm::damaged);
    EXPECT_EQ(key_form(key.substr(0, 39)), KeyForm::damaged);
    EXPECT_EQ(key_form(key.substr(0, 20)), KeyForm::damaged);
    EXPECT_EQ(key_form(key + "\n"), KeyForm::damaged);
}

TEST(ClientKey, TokensOfTheHubAreNone) {
    EXPECT_EQ(key_form(""), KeyForm::none);
    EXPECT_EQ(key_form("hf_" + std::string(34, 'x')), KeyForm::none);
    EXPECT_EQ(key_form("hf_hk" + std::string(32, 'x')), KeyForm::none)
        << "one in some thousand tokens begins so";
    EXPECT_EQ(key_form("api_org_" + std::string(34, 'x')), KeyForm::none);
}

TEST(ClientKey, WrappedInOtherTextIsStillNoTokenOfTheHub) {
    const auto key = new_key();
    for (const auto& text : {'"' + key + '"', "Bearer " + key, "  " + key, "token=" + key,
                             "hf_" + key, "<" + key + ">", "'" + key.substr(0, 35) + "'"}) {
        EXPECT_EQ(key_form(text), KeyForm::damaged) << text;
    }
    EXPECT_EQ(key_form("hf_hk\"" + std::string(31, 'x')), KeyForm::damaged)
        << "as long as a token of the Hub, but none";
}

TEST(ClientKey, WithoutItsLastThreeLettersIsNoTokenOfTheHub) {
    const auto cut = new_key().substr(0, 37);
    EXPECT_EQ(key_form(cut), KeyForm::damaged);
    auto other = cut;
    other.back() = other.back() == 'a' ? 'b' : 'a';
    EXPECT_EQ(key_form(other), KeyForm::none) << "any token that begins so";
}

TEST(ClientName, MayStandInALogAndInARule) {
    for (const auto* name : {"ci", "alice@ml.example", "build-7", "a.b_c+d", "0"}) {
        EXPECT_TRUE(is_client_name(name)) << name;
    }
    for (const auto& name : {std::string(), std::string("anonymous"), std::string("a b"),
                             std::string("-a"), std::string("team:x"), std::string("a*"),
                             std::string("\xc3\xbc"), std::string(65, 'a')}) {
        EXPECT_FALSE(is_client_name(name)) << name;
    }
}

TEST(ClientKeys, AreReadAsTheyWereWritten) {
    auto full = client("ci");
    full.team = "ml";
    full.expires = 1'800'000'000;
    full.repos = {"our-org/*", "datasets/our-org/x"};
    full.limits = {8, 600};
    const std::vector<ClientKey> keys{full, client("alice")};
    const auto again = parse_client_keys(to_text(keys));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, keys);
    EXPECT_EQ(*parse_client_keys(to_text({})), std::vector<ClientKey>());
}

TEST(ClientKeys, MistakesAreNamed) {
    const auto digest = client("x").digest.hex();
    const auto mistake = [&](const std::string& fields) {
        const auto read = parse_client_keys("{\"keys\": [{" + fields + "}]}");
        return read ? std::string() : read.error().message;
    };
    const auto whole = "\"name\": \"a\", \"digest\": \"" + digest + "\"";
    EXPECT_EQ(mistake(whole), "");
    EXPECT_THAT(mistake(""), HasSubstr("key 1 has no usable \"name\""));
    EXPECT_THAT(mistake("\"name\": \"a b\""), HasSubstr("\"name\""));
    EXPECT_THAT(mistake("\"name\": \"a\""), HasSubstr("(a): \"digest\""));
    EXPECT_THAT(mistake("\"name\": \"a\", \"digest\": \"12\""), HasSubstr("\"digest\""));
    EXPECT_THAT(mistake(whole + ", \"expires\": \"soon\""), HasSubstr("\"expires\""));
    EXPECT_THAT(mistake(whole + ", \"expires\": -1"), HasSubstr("\"expires\""));
    EXPECT_EQ(mistake(whole + ", \"expires\": 253402300799"), "");
    for (const auto* time : {"253402300800", "9223372036854775807"}) {
        EXPECT_THAT(mistake(whole + ", \"expires\": " + time), HasSubstr("\"expires\""));
        EXPECT_THAT(mistake(whole + ", \"created\": " + time), HasSubstr("\"created\""));
    }
    EXPECT_THAT(mistake(whole + ", \"repos\": \"x\""), HasSubstr("\"repos\""));
    EXPECT_THAT(mistake(whole + ", \"repos\": [\"\"]"), HasSubstr("\"repos\""));
    EXPECT_THAT(mistake(whole + ", \"limits\": 3"), HasSubstr("\"limits\""));
    EXPECT_THAT(mistake(whole + ", \"limits\": {\"concurrent\": 1.5}"), HasSubstr("concurrent"));
    EXPECT_THAT(mistake(whole + ", \"team\": \"a b\""), HasSubstr("\"team\""));
    EXPECT_THAT(mistake(whole + "}, {" + whole), HasSubstr("two keys of a"));
    for (const auto* text : {"", "[]", "{}", "{\"keys\": 1}", "{\"keys\": [1]}", "{\"keys\": ["}) {
        EXPECT_FALSE(parse_client_keys(text)) << text;
    }
}

TEST(ClientKeys, ANameIsTakenOnce) {
    std::vector<ClientKey> keys;
    ASSERT_TRUE(add_key(keys, client("ci")));
    const auto twice = add_key(keys, client("ci"));
    ASSERT_FALSE(twice);
    EXPECT_THAT(twice.error().message, HasSubstr("hubkeep client rm ci"));
    EXPECT_THAT(remove_key(keys, "cl").error().message, HasSubstr("did you mean \"ci\""));
    ASSERT_TRUE(remove_key(keys, "ci"));
    EXPECT_TRUE(keys.empty());
    keys.assign(max_client_keys, client("x"));
    EXPECT_FALSE(add_key(keys, client("ci")));
}

TEST(ClientKeys, AFileThatIsAbsentIsEmptyAndABrokenOneIsAMistake) {
    Folder folder;
    EXPECT_EQ(*load_client_keys(folder.path("")), std::vector<ClientKey>());
    folder.write("clients.json", "{\"keys\": [");
    const auto broken = load_client_keys(folder.path(""));
    ASSERT_FALSE(broken);
    EXPECT_THAT(broken.error().message, HasSubstr("clients.json cannot be used"));
    const auto changed = change_client_keys(folder.path(""), [](auto&) { return Result<void>(); });
    EXPECT_FALSE(changed) << "what cannot be read is not written over";
}

TEST(ClientKeys, ChangesAreWrittenForTheOwnerAlone) {
    Folder folder;
    const auto add = [](const std::string& name) {
        return [name](std::vector<ClientKey>& keys) {
            keys.push_back(client(name));
            return Result<void>();
        };
    };
    ASSERT_TRUE(change_client_keys(folder.path(""), add("a")));
    EXPECT_EQ(*permissions_of(folder.path("clients.json")), 0600u);
    const auto refused = change_client_keys(folder.path(""), [](std::vector<ClientKey>& keys) {
        keys.clear();
        return Result<void>(fail(ErrorKind::invalid, "no"));
    });
    EXPECT_FALSE(refused);
    EXPECT_EQ(load_client_keys(folder.path(""))->size(), 1u);
}

TEST(ClientKeys, ChangesAtOnceAreAllKept) {
    Folder folder;
    std::vector<std::thread> writers;
    for (int i = 0; i < 4; ++i) {
        writers.emplace_back([&folder, i] {
            for (int j = 0; j < 2; ++j) {
                const auto name = "k" + std::to_string(i) + "-" + std::to_string(j);
                EXPECT_TRUE(change_client_keys(folder.path(""), [&](std::vector<ClientKey>& keys) {
                    keys.push_back(client(name));
                    return Result<void>();
                }));
            }
        });
    }
    for (auto& writer : writers) writer.join();
    EXPECT_EQ(load_client_keys(folder.path(""))->size(), 8u);
}

}  // namespace
}  // namespace hubkeep
