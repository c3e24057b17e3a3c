#pragma once
// Expected failures are values. An Error says what failed, on what, and what to do about it, in a
// sentence that may be shown to a user; it never holds a secret. Exceptions are left for bugs.

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace hubkeep {

enum class ErrorKind {
    invalid,      // the caller's input is wrong
    not_found,    // the thing asked for does not exist
    denied,       // credentials or policy forbid it
    unreachable,  // no connection to the other side could be had
    timed_out,    // no progress within the deadline
    closed,       // the other side went away
    protocol,     // the other side broke the protocol
    corrupt,      // bytes do not match their digest or length
    no_space,     // disk or limit reached
    limited,      // the other side asked to slow down
    io,           // the operating system refused
    cancelled,    // stopped on our own side
};

std::string_view name_of(ErrorKind kind);

struct Error {
    ErrorKind kind = ErrorKind::io;
    std::string message;
    // errno or the HTTP status behind the error, 0 when there is none.
    int code = 0;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message, int code = 0) {
    return std::unexpected(Error{kind, std::move(message), code});
}

// An errno as an Error: "cannot open /x: Permission denied".
std::unexpected<Error> fail_errno(std::string_view what, int number);

}  // namespace hubkeep
