#pragma once
// Until when a signed address may be used, as far as its query says: CloudFront's `Expires`, the
// `Date` and `Expires` of AWS Signature Version 4 and of Google's V4, Azure's `se`. Pure.

#include <cstdint>
#include <optional>
#include <string_view>

namespace hubkeep {

// Seconds since 1970; nothing when the query does not say, or in a form that is not known.
std::optional<std::int64_t> signed_until(std::string_view query);

}  // namespace hubkeep
