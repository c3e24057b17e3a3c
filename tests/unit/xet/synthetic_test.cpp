// Synthetic xorbs: every byte of a file is in exactly one place, and answers say which.

#include "server/xet/synthetic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

namespace hubkeep {
namespace {

namespace json = boost::json;

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t chunk = xet_chunk_bytes;
constexpr std::uint64_t term = xet_term_bytes(1);
const std::string hash(64, 'a');
const XorbAddress address{"http://hub/-/xet/v1/xorbs/default/", "?token=t"};

// What a client makes of a plan: the bytes of the file that its terms hold, one after the other.
std::vector<ByteRange> stretches(const XetPlan& plan, std::uint64_t size) {
    std::vector<ByteRange> found;
    for (const auto& part : plan.terms) {
        const auto xorb = xorb_of(size, part.xorb);
        EXPECT_TRUE(xorb);
        const auto raw = xorb->data_in(part.range);
        EXPECT_EQ(raw.size(), part.bytes);
        EXPECT_EQ(raw.begin, part.xorb * xet_term_bytes(size) + part.first_chunk * chunk);
        EXPECT_EQ(part.range.size(), part.bytes + 8 * (part.last_chunk - part.first_chunk));
        EXPECT_EQ((part.bytes + chunk - 1) / chunk, part.last_chunk - part.first_chunk);
        if (!found.empty()) EXPECT_EQ(found.back().end, raw.begin);
        found.push_back(raw);
    }
    return found;
}

TEST(SyntheticXorbs, PlansHoldWhatIsWantedAndNoChunkMore) {
    const std::vector<std::uint64_t> sizes{1,
                                           chunk - 1,
                                           chunk,
                                           chunk + 1,
                                           term,
                                           term + 1,
                                           3 * term - 5,
                                           256'000'000,
                                           (std::uint64_t(60) << 30) + 7};
    for (const auto size : sizes) {
        const std::vector<std::uint64_t> places{0,        1,    chunk - 1, chunk,    chunk + 1,
                                                term - 1, term, size / 2,  size - 1, size};
        for (const auto begin : places) {
            for (const auto end : places) {
                if (begin >= end || end > size) continue;
                const auto plan = plan_of(size, {begin, end});
                const auto raw = stretches(plan, size);
                ASSERT_FALSE(raw.empty());
                EXPECT_EQ(raw.front().begin + plan.skip, begin);
                EXPECT_LT(plan.skip, chunk);
                EXPECT_GE(raw.back().end, end);
                EXPECT_LT(raw.back().end - end, chunk);
            }
        }
    }
}

TEST(SyntheticXorbs, NothingIsWantedOfAnEmptyFile) {
    EXPECT_TRUE(plan_of(0, {0, 0}).terms.empty());
    EXPECT_FALSE(xorb_of(0, 0));
}

TEST(SyntheticXorbs, HaveHeadersOfTheProtocolsFirstVersionAndRawChunks) {
    const auto xorb = *xorb_of(term + 300 * KiB, 1);
    EXPECT_EQ(xorb.physical_size(), 300 * KiB + 3 * 8);
    const auto first = xorb.first_piece({0, xorb.physical_size()});
    const auto whole = first.header();
    const std::string expected{0, 0, 0, 2, 0, 0, 0, 2};
    EXPECT_EQ(std::string(whole.begin(), whole.end()), expected);
    const auto third = xorb.first_piece({2 * (chunk + 8), xorb.physical_size()});
    const auto last = third.header();
    const std::string of_44_KiB{0, 0, '\xb0', 0, 0, 0, '\xb0', 0};
    EXPECT_EQ(std::string(last.begin(), last.end()), of_44_KiB);
    EXPECT_FALSE(xorb_of(term + 300 * KiB, 2));
}

TEST(SyntheticXorbs, AreNamedByTheirFileEditionAndNumber) {
    const auto id = xorb_id(hash, 2, 0x1f);
    EXPECT_EQ(id, std::string(56, 'a') + "0200001f");
    const auto name = parse_xorb_id(id);
    ASSERT_TRUE(name);
    EXPECT_EQ(name->file, std::string(56, 'a'));
    EXPECT_EQ(name->edition, 2U);
    EXPECT_EQ(name->number, 0x1fU);
    EXPECT_FALSE(parse_xorb_id(id.substr(1)));
    EXPECT_FALSE(parse_xorb_id(std::string(64, 'A')));
}

TEST(SyntheticXorbs, SecondVersionOfTheAnswer) {
    const auto size = term + 10;
    const auto text = reconstruction(plan_of(size, {term - 1, size}), hash, address, XetForm::v2);
    const auto root = json::parse(text).as_object();
    EXPECT_EQ(root.at("offset_into_first_range").to_number<std::uint64_t>(), chunk - 1);
    const auto& terms = root.at("terms").as_array();
    ASSERT_EQ(terms.size(), 2U);
    EXPECT_EQ(terms[0].at("hash").as_string(), xorb_id(hash, 0, 0));
    EXPECT_EQ(terms[0].at("unpacked_length").to_number<std::uint64_t>(), chunk);
    EXPECT_EQ(terms[0].at("range").at("start").to_number<int>(), 63);
    EXPECT_EQ(terms[0].at("range").at("end").to_number<int>(), 64);
    const auto& place = root.at("xorbs").at(xorb_id(hash, 0, 1)).at(0);
    EXPECT_EQ(place.at("url").as_string(),
              address.base + xorb_id(hash, 0, 1) + "?token=t&range=0-17");
    const auto& range = place.at("ranges").at(0);
    EXPECT_EQ(range.at("chunks").at("start").to_number<int>(), 0);
    EXPECT_EQ(range.at("chunks").at("end").to_number<int>(), 1);
    EXPECT_EQ(range.at("bytes").at("start").to_number<int>(), 0);
    EXPECT_EQ(range.at("bytes").at("end").to_number<int>(), 17);
}

TEST(SyntheticXorbs, FirstVersionOfTheAnswerAndOfABatch) {
    const auto text = reconstruction(plan_of(10, {0, 10}), hash, address, XetForm::v1);
    const auto root = json::parse(text).as_object();
    const auto& place = root.at("fetch_info").at(xorb_id(hash, 0, 0)).at(0);
    EXPECT_EQ(place.at("url_range").at("end").to_number<int>(), 17);
    EXPECT_EQ(place.at("range").at("end").to_number<int>(), 1);
    const std::string other(64, 'b');
    const auto batch =
        json::parse(batch_reconstruction({{hash, plan_of(10, {0, 10}), address},
                                          {other, plan_of(term + 1, {0, term + 1}), address}}));
    EXPECT_EQ(batch.at("files").at(hash).as_array().size(), 1U);
    EXPECT_EQ(batch.at("files").at(other).as_array().size(), 2U);
    EXPECT_EQ(batch.at("fetch_info").as_object().size(), 3U);
}

// hf_xet up to 1.2 takes answers to one address for the same bytes.
TEST(SyntheticXorbs, EachStretchHasAnAddressOfItsOwn) {
    const auto size = 4 * chunk;
    const auto cut = [&](ByteRange wanted) {
        const auto root =
            json::parse(reconstruction(plan_of(size, wanted), hash, address, XetForm::v2));
        return std::string(root.at("xorbs").at(xorb_id(hash, 0, 0)).at(0).at("url").as_string());
    };
    EXPECT_NE(cut({0, 2 * chunk}), cut({chunk, 3 * chunk}));
    EXPECT_EQ(cut({0, 2 * chunk}), cut({1, 2 * chunk - 1}));
}

}  // namespace
}  // namespace hubkeep
