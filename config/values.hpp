#pragma once
// How one value of each type is read from text and written back. read_value() leaves `out` alone
// when it fails, and says why in words that follow the name of the setting. What write_value()
// writes, read_value() reads as the same value. Pure functions; any thread.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "config/settings.hpp"

namespace hubkeep {

// "127.0.0.1:8090", "[::1]:8090", ":8090" for every address, "8090" for this machine alone.
Result<void> read_value(std::string_view text, HostPort& out);
// The same, or "unix:/run/hubkeep/admin.sock".
Result<void> read_value(std::string_view text, AdminAddress& out);
Result<void> read_value(std::string_view text, CacheSize& out);
Result<void> read_value(std::string_view text, ByteSize& out);
Result<void> read_value(std::string_view text, std::chrono::milliseconds& out);
Result<void> read_value(std::string_view text, bool& out);
Result<void> read_value(std::string_view text, unsigned& out);
Result<void> read_value(std::string_view text, std::string& out);
// Lists: "a, b"; at most 1000 items, none of them empty.
Result<void> read_value(std::string_view text, std::vector<std::string>& out);
// "org/*=10m, datasets/org/name@dev=0".
Result<void> read_value(std::string_view text, std::vector<TtlRule>& out);
Result<void> read_value(std::string_view text, LogLevel& out);
Result<void> read_value(std::string_view text, LogFormat& out);
Result<void> read_value(std::string_view text, XetMode& out);
// "org/old-*=strip, datasets/org/name=serve".
Result<void> read_value(std::string_view text, std::vector<XetRule>& out);
Result<void> read_value(std::string_view text, Sharing& out);
Result<void> read_value(std::string_view text, PolicyAction& out);

std::string write_value(const HostPort& value);
std::string write_value(const AdminAddress& value);
std::string write_value(const CacheSize& value);
std::string write_value(const ByteSize& value);
std::string write_value(std::chrono::milliseconds value);
std::string write_value(bool value);
std::string write_value(unsigned value);
std::string write_value(const std::string& value);
std::string write_value(const std::vector<std::string>& value);
std::string write_value(const std::vector<TtlRule>& value);
std::string write_value(LogLevel value);
std::string write_value(LogFormat value);
std::string write_value(XetMode value);
std::string write_value(const std::vector<XetRule>& value);
std::string write_value(Sharing value);
std::string write_value(PolicyAction value);

// What help calls a value of the type: "DURATION", or the words to choose from, "json|text".
std::string value_name(const HostPort& of_type);
std::string value_name(const AdminAddress& of_type);
std::string value_name(const CacheSize& of_type);
std::string value_name(const ByteSize& of_type);
std::string value_name(std::chrono::milliseconds of_type);
std::string value_name(bool of_type);
std::string value_name(unsigned of_type);
std::string value_name(const std::vector<TtlRule>& of_type);
std::string value_name(LogLevel of_type);
std::string value_name(LogFormat of_type);
std::string value_name(XetMode of_type);
std::string value_name(const std::vector<XetRule>& of_type);
std::string value_name(Sharing of_type);

}  // namespace hubkeep
