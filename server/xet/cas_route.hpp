#pragma once
// CasRoute: what a request to the CAS means. The only code that knows its paths, those of the Xet
// Protocol Specification 1.1.0 and the older ones that hf_xet up to 1.2 asks for. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace hubkeep {

struct CasRoute {
    enum class Kind {
        reconstruction,     // GET /v1/reconstructions/{file}, without /v1 and in the singular, too
        reconstruction_v2,  // GET /v2/reconstructions/{file}
        batch,              // GET /v1/reconstructions?file_id={file}&..., or POST with a body
        file,               // HEAD /v1/files/{file}
        xorb,               // GET and HEAD /v1/xorbs/{prefix}/{xorb}
        telemetry,          // POST /v1/telemetry
        upload,             // whatever writes
        unknown,
    };
    Kind kind = Kind::unknown;
    std::vector<std::string> hashes;  // 64 lower-case hex digits each; of a POST batch none
};

// `path` as it stands below the address of the CAS: "v1/reconstructions/...", decoded.
CasRoute parse_cas_route(std::string_view method, std::string_view path, std::string_view query);

// The files of a POST batch: [{"prefix": "default", "hash": "..."}, ...].
Result<std::vector<std::string>> hashes_of_batch(std::string_view body);

// Most files in a batch.
inline constexpr std::size_t max_batch_files = 256;

}  // namespace hubkeep
