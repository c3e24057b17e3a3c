#pragma once
// Which parts of a xorb a request wants, and the form in which they are sent: RFC 9110 sections
// 14.2 and 14.6. Pure; any thread.

#include <string_view>
#include <vector>

#include "server/http/message.hpp"
#include "server/proxy/file_body.hpp"

namespace hubkeep {

inline constexpr std::string_view xorb_type = "application/octet-stream";

// In the order asked for; empty when nothing of what is asked for is there, and when the header is
// not understood. As many as an address of the Hub's own may list: more of them, or overlapping
// ones, count as not understood.
std::vector<ByteRange> parse_ranges(std::string_view header, std::uint64_t size);

// Makes it a 206. Several ranges are a multipart/byteranges.
FileBody body_of(const Frames& xorb, const std::vector<ByteRange>& ranges, ResponseHead& head);

}  // namespace hubkeep
