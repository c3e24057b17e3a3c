#include "server/xet/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "server/hub/xet_hints.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t hash_digits = 64;
constexpr std::size_t edition_digits = 2;
constexpr std::size_t number_digits = 6;
constexpr std::size_t file_digits = hash_digits - edition_digits - number_digits;
constexpr std::size_t header_bytes = 8;

// Version 0, stored length, scheme 0 (raw), length; lengths in 24 bits, little-endian.
void write_chunk_header(std::uint64_t bytes, std::span<char> header) {
    const auto low = static_cast<char>(bytes & 0xff);
    const auto middle = static_cast<char>(bytes >> 8 & 0xff);
    const auto high = static_cast<char>(bytes >> 16 & 0xff);
    std::ranges::copy(std::array<char, header_bytes>{0, low, middle, high, 0, low, middle, high},
                      header.begin());
}

void append_terms(std::string& out, const XetPlan& plan, std::string_view hash) {
    out += '[';
    for (const auto& term : plan.terms) {
        if (out.back() != '[') out += ',';
        fmt::format_to(std::back_inserter(out),
                       R"({{"hash":"{}","unpacked_length":{},"range":{{"start":{},"end":{}}}}})",
                       xorb_id(hash, plan.edition, term.xorb), term.bytes, term.first_chunk,
                       term.last_chunk);
    }
    out += ']';
}

// Members of an object, by the xorb's id.
void append_places(std::string& out, const XetPlan& plan, std::string_view hash,
                   const XorbAddress& address, XetForm form) {
    for (const auto& term : plan.terms) {
        if (out.back() != '{') out += ',';
        const auto id = xorb_id(hash, plan.edition, term.xorb);
        const auto last = term.range.end - 1;
        const auto url = fmt::format("{}{}{}&range={}-{}", address.base, id, address.query,
                                     term.range.begin, last);
        if (form == XetForm::v2) {
            fmt::format_to(std::back_inserter(out),
                           R"("{}":[{{"url":"{}","ranges":[{{"chunks":{{"start":{},"end":{}}},)"
                           R"("bytes":{{"start":{},"end":{}}}}}]}}])",
                           id, url, term.first_chunk, term.last_chunk, term.range.begin, last);
        } else {
            fmt::format_to(std::back_inserter(out),
                           R"("{}":[{{"range":{{"start":{},"end":{}}},"url":"{}",)"
                           R"("url_range":{{"start":{},"end":{}}}}}])",
                           id, term.first_chunk, term.last_chunk, url, term.range.begin, last);
        }
    }
}

}  // namespace

std::string xorb_id(std::string_view file_hash, std::uint8_t edition, std::uint32_t number) {
    return fmt::format("{}{:02x}{:06x}", file_hash.substr(0, file_digits), edition, number);
}

std::optional<XorbName> parse_xorb_id(std::string_view id) {
    if (!is_xet_hash(id)) return std::nullopt;
    XorbName name{.file = std::string(id.substr(0, file_digits))};
    const auto read = [](std::string_view digits, auto& number) {
        std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    };
    read(id.substr(file_digits, edition_digits), name.edition);
    read(id.substr(file_digits + edition_digits), name.number);
    return name;
}

std::optional<Frames> xorb_of(std::uint64_t size, std::uint32_t number) {
    const auto term_bytes = xet_term_bytes(size);
    const auto begin = number * term_bytes;
    if (begin >= size) return std::nullopt;
    const ByteRange stretch{begin, std::min(size, begin + term_bytes)};
    return Frames{stretch, xet_chunk_bytes, header_bytes, write_chunk_header};
}

XetPlan plan_of(std::uint64_t size, ByteRange wanted, std::uint8_t edition) {
    XetPlan plan{.edition = edition};
    if (wanted.empty()) return plan;
    const auto chunks_per_term = xet_term_bytes(size) / xet_chunk_bytes;
    const auto first = wanted.begin / xet_chunk_bytes;
    const auto last = (wanted.end - 1) / xet_chunk_bytes + 1;
    plan.skip = wanted.begin - first * xet_chunk_bytes;
    for (auto chunk = first; chunk < last;) {
        const auto number = static_cast<std::uint32_t>(chunk / chunks_per_term);
        const auto origin = number * chunks_per_term;
        const auto end = std::min(last, origin + chunks_per_term);
        const ByteRange raw{chunk * xet_chunk_bytes, std::min(size, end * xet_chunk_bytes)};
        const auto frames = xorb_of(size, number);
        plan.terms.push_back(
            {.xorb = number,
             .first_chunk = chunk - origin,
             .last_chunk = end - origin,
             .bytes = raw.size(),
             .range = {frames->physical_of(raw.begin), frames->physical_of(raw.end)}});
        chunk = end;
    }
    return plan;
}

std::string reconstruction(const XetPlan& plan, std::string_view file_hash,
                           const XorbAddress& address, XetForm form) {
    auto out = fmt::format(R"({{"offset_into_first_range":{},"terms":)", plan.skip);
    append_terms(out, plan, file_hash);
    out += form == XetForm::v2 ? R"(,"xorbs":{)" : R"(,"fetch_info":{)";
    append_places(out, plan, file_hash, address, form);
    return out + "}}";
}

std::string batch_reconstruction(const std::vector<XetFile>& files) {
    std::string out = R"({"files":{)";
    for (const auto& file : files) {
        if (out.back() != '{') out += ',';
        fmt::format_to(std::back_inserter(out), R"("{}":)", file.hash);
        append_terms(out, file.plan, file.hash);
    }
    out += R"(},"fetch_info":{)";
    for (const auto& file : files) {
        append_places(out, file.plan, file.hash, file.address, XetForm::v1);
    }
    return out + "}}";
}

}  // namespace hubkeep
