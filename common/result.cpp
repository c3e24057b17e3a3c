#include "common/result.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace hubkeep {

std::string_view name_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::invalid: return "invalid";
        case ErrorKind::not_found: return "not_found";
        case ErrorKind::denied: return "denied";
        case ErrorKind::unreachable: return "unreachable";
        case ErrorKind::timed_out: return "timed_out";
        case ErrorKind::closed: return "closed";
        case ErrorKind::protocol: return "protocol";
        case ErrorKind::corrupt: return "corrupt";
        case ErrorKind::no_space: return "no_space";
        case ErrorKind::limited: return "limited";
        case ErrorKind::io: return "io";
        case ErrorKind::cancelled: return "cancelled";
    }
    return "unknown";
}

std::unexpected<Error> fail_errno(std::string_view what, int number) {
    ErrorKind kind = ErrorKind::io;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG) kind = ErrorKind::no_space;
    if (number == ENOENT) kind = ErrorKind::not_found;
    if (number == EACCES || number == EPERM) kind = ErrorKind::denied;
    return fail(kind, fmt::format("{}: {}", what, std::system_category().message(number)), number);
}

}  // namespace hubkeep
