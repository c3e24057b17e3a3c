#pragma once
// Synthetic xorbs: how a flat file looks to Xet clients. A client is told which stretches of which
// xorbs make up its file and then reads those; it checks lengths, never the hashes that name files,
// xorbs and chunks. So every term (a stretch of the file) is its own xorb: chunks of raw bytes,
// each behind a header of 8 bytes. All of it follows from the file's Xet hash, its size and its
// edition, so it is the same whoever asks, with nothing cached. Xet Protocol Specification 1.1.0;
// what clients do beyond it was seen in hf_xet 1.0 to 1.8 and @huggingface/hub. Pure functions on
// values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/byte_range.hpp"
#include "common/frames.hpp"

namespace hubkeep {

// Most that clients accept in a chunk.
inline constexpr std::uint64_t xet_chunk_bytes = 128 * 1024;
// Raw, of all xorbs but the last of a file of that size. Clients are fastest with small ones, and
// fetch little again when an answer is cut; of a large file they would be too many. The
// specification allows 64 MiB.
constexpr std::uint64_t xet_term_bytes(std::uint64_t size) {
    constexpr std::uint64_t MiB = 1024 * 1024;
    constexpr std::uint64_t large = 16 * 1024 * MiB;
    return size > large ? 64 * MiB : 8 * MiB;
}

// A xorb is named by all but the last eight digits of its file's hash, and in their place by its
// edition and its number there: unlike any other, and readable without a table. The edition changes
// when bytes of the file were wrong: clients keep xorbs, some in a cache that outlives them.
struct XorbName {
    std::string file;  // 56 digits
    std::uint8_t edition = 0;
    std::uint32_t number = 0;  // below 2^24
};
std::string xorb_id(std::string_view file_hash, std::uint8_t edition, std::uint32_t number);
std::optional<XorbName> parse_xorb_id(std::string_view id);

// The xorb of that number of a file of `size` bytes; nothing when it has no such xorb.
std::optional<Frames> xorb_of(std::uint64_t size, std::uint32_t number);

struct XetTerm {
    std::uint32_t xorb = 0;
    std::uint64_t first_chunk = 0;
    std::uint64_t last_chunk = 0;  // one past the last
    std::uint64_t bytes = 0;       // raw, of these chunks
    ByteRange range;               // of these chunks in the xorb
};
struct XetPlan {
    std::uint8_t edition = 0;
    std::uint64_t skip = 0;  // bytes of the first term in front of what is wanted
    std::vector<XetTerm> terms;
};
// The terms that hold `wanted`, within the file, cut to the chunks that are needed.
XetPlan plan_of(std::uint64_t size, ByteRange wanted, std::uint8_t edition = 0);

// Where a xorb is read: what stands in front of its id, and behind it. Each stretch has an address
// of its own, because hf_xet up to 1.2 takes answers to one address for the same bytes.
struct XorbAddress {
    std::string base;
    std::string query;  // "?name=value"
};

enum class XetForm { v1, v2 };
// The answer to a question for one file.
std::string reconstruction(const XetPlan& plan, std::string_view file_hash,
                           const XorbAddress& address, XetForm form);
// To a question for several, whole.
struct XetFile {
    std::string hash;
    XetPlan plan;
    XorbAddress address;
};
std::string batch_reconstruction(const std::vector<XetFile>& files);

}  // namespace hubkeep
