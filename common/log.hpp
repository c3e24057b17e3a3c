#pragma once
// The structured log: one event a line on standard error, as JSON or as text with key=value.
// Lines are gathered and written by one thread of their own; when 4 MiB wait, further ones are
// dropped (and counted) rather than a transfer delayed. One Log per process, made by the daemon and
// passed by reference; any thread may write. Values are escaped, so no client can forge a line.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace hubkeep {

enum class LogLevel { trace, debug, info, warn, error, off };
enum class LogFormat { automatic, json, text };  // automatic: text on a terminal, else JSON

struct LogField {
    using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
    std::string_view key;
    Value value;

    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    template <typename T>
        requires std::is_arithmetic_v<T>
    LogField(std::string_view k, T v) : key(k), value(convert(v)) {}

  private:
    template <typename T>
    static Value convert(T v) {
        if constexpr (std::is_same_v<T, bool>) return v;
        else if constexpr (std::is_floating_point_v<T>) return static_cast<double>(v);
        else if constexpr (std::is_signed_v<T>) return static_cast<std::int64_t>(v);
        else return static_cast<std::uint64_t>(v);
    }
};

// One line without its end, as the log writes it.
std::string format_log_line(LogFormat format, LogLevel level, std::string_view time,
                            std::string_view message, std::span<const LogField> fields);

class Log {
  public:
    Log(LogLevel level, LogFormat format);
    ~Log();  // writes what is queued
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    // Returns when everything written so far is out; blocking.
    void flush();
    bool enabled(LogLevel level) const { return level >= level_; }
    void write(LogLevel level, std::string_view message, std::span<const LogField> fields);
    void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
        write(level, message, std::span(fields.begin(), fields.size()));
    }
    void debug(std::string_view m, std::initializer_list<LogField> f = {}) {
        write(LogLevel::debug, m, f);
    }
    void info(std::string_view m, std::initializer_list<LogField> f = {}) {
        write(LogLevel::info, m, f);
    }
    void warn(std::string_view m, std::initializer_list<LogField> f = {}) {
        write(LogLevel::warn, m, f);
    }
    void error(std::string_view m, std::initializer_list<LogField> f = {}) {
        write(LogLevel::error, m, f);
    }

  private:
    struct Sink;
    LogLevel level_;
    LogFormat format_;
    std::unique_ptr<Sink> sink_;
};

}  // namespace hubkeep
