#include "common/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/redact.hpp"

namespace hubkeep {
namespace {

// Lines are gathered for this long and written at once: waking a thread for each line would cost a
// small answer a third of its time.
constexpr auto gathering_time = std::chrono::milliseconds(100);
constexpr std::size_t enough_bytes = 64 * 1024;
constexpr std::size_t limit_bytes = 4 * 1024 * 1024;

std::string_view name_of(LogLevel level) {
    switch (level) {
        case LogLevel::trace: return "trace";
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warn: return "warn";
        case LogLevel::error: return "error";
        case LogLevel::off: break;
    }
    return "off";
}

// The length of the valid UTF-8 sequence that starts here, 0 when there is none or when it would
// act on a terminal (C1 controls, line separators, direction overrides). Everything else outside
// printable ASCII is escaped, so neither a line break nor a terminal sequence gets into a line.
std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    std::size_t length = 0;
    if (lead >= 0xC2 && lead <= 0xDF) length = 2;
    if (lead >= 0xE0 && lead <= 0xEF) length = 3;
    if (lead >= 0xF0 && lead <= 0xF4) length = 4;
    if (length == 0 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return 0;
    }
    const auto second = static_cast<unsigned char>(text[at + 1]);
    if (lead == 0xC2 && second < 0xA0) return 0;  // C1 controls
    if (lead == 0xE2 && second == 0x80) {         // direction overrides
        const auto third = static_cast<unsigned char>(text[at + 2]);
        if (third >= 0xA8 && third <= 0xAE) return 0;
    }
    if (lead == 0xE0 && second < 0xA0) return 0;
    if (lead == 0xED && second >= 0xA0) return 0;
    if (lead == 0xF0 && second < 0x90) return 0;
    if (lead == 0xF4 && second >= 0x90) return 0;
    return length;
}

void append(fmt::memory_buffer& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

bool goes_as_it_is(char c) {
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

void append_quoted(fmt::memory_buffer& out, std::string_view text) {
    out.push_back('"');
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto run = i;
        while (i < text.size() && goes_as_it_is(text[i])) ++i;
        append(out, text.substr(run, i - run));
        if (i == text.size()) break;
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(static_cast<char>(c));
        } else if (const auto length = c >= 0x80 ? utf8_length(text, i) : 0) {
            out.append(text.data() + i, text.data() + i + length);
            i += length - 1;
        } else {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
        }
    }
    out.push_back('"');
}

bool is_plain(std::string_view text) {
    for (const char c : text) {
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '\\' || c == '=') return false;
    }
    return !text.empty();
}

void append_number(fmt::memory_buffer& out, double value) {
    constexpr double largest = 1e15;
    if (!(value >= 0 && value < largest)) {
        fmt::format_to(std::back_inserter(out), "{:.3f}", value);
        return;
    }
    // Formatting a double for every digit it has costs more than all else of a line.
    const auto thousandths = static_cast<std::uint64_t>(std::llround(value * 1000));
    const auto part = static_cast<unsigned>(thousandths % 1000);
    append(out, fmt::format_int(thousandths / 1000).c_str());
    out.push_back('.');
    for (const unsigned digit : {part / 100, part / 10 % 10, part % 10}) {
        out.push_back(static_cast<char>('0' + digit));
    }
}

void append_value(fmt::memory_buffer& out, const LogField::Value& value, bool json) {
    const auto visitor = [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
            const auto clean = redacted(v);
            const std::string_view text = clean ? *clean : v;
            if (!json && is_plain(text)) append(out, text);
            else append_quoted(out, text);
        } else if constexpr (std::is_same_v<T, double>) {
            append_number(out, v);
        } else if constexpr (std::is_same_v<T, bool>) {
            append(out, v ? "true" : "false");
        } else {
            const fmt::format_int text(v);
            append(out, {text.data(), text.size()});
        }
    };
    std::visit(visitor, value);
}

void append_line(fmt::memory_buffer& out, LogFormat format, LogLevel level, std::string_view time,
                 std::string_view message, std::span<const LogField> fields) {
    const auto clean_message = redacted(message);
    if (clean_message) message = *clean_message;
    const bool json = format == LogFormat::json;
    if (json) {
        append(out, R"({"time":")");
        append(out, time);
        append(out, R"(","level":")");
        append(out, name_of(level));
        append(out, R"(","msg":)");
        append_quoted(out, message);
    } else {
        fmt::format_to(std::back_inserter(out), "{} {:<5} ", time, name_of(level));
        for (const char c : message) out.push_back(c >= ' ' && c != 0x7F ? c : '?');
    }
    for (const auto& field : fields) {
        append(out, json ? ",\"" : " ");
        append(out, field.key);
        append(out, json ? "\":" : "=");
        append_value(out, field.value, json);
    }
    if (json) out.push_back('}');
}

// "2026-01-31T23:59:59.123Z"
std::string_view time_text(std::chrono::system_clock::time_point now,
                           std::array<char, 24>& memory) {
    const auto day = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::milliseconds>(now - day));
    auto* at = memory.data();
    const auto put = [&](unsigned value, int digits, char end) {
        for (int i = digits - 1; i >= 0; --i, value /= 10) {
            at[i] = static_cast<char>('0' + value % 10);
        }
        at[digits] = end;
        at += digits + 1;
    };
    put(static_cast<unsigned>(static_cast<int>(date.year())), 4, '-');
    put(static_cast<unsigned>(date.month()), 2, '-');
    put(static_cast<unsigned>(date.day()), 2, 'T');
    put(static_cast<unsigned>(time.hours().count()), 2, ':');
    put(static_cast<unsigned>(time.minutes().count()), 2, ':');
    put(static_cast<unsigned>(time.seconds().count()), 2, '.');
    put(static_cast<unsigned>(time.subseconds().count()), 3, 'Z');
    return {memory.data(), memory.size()};
}

}  // namespace

std::string format_log_line(LogFormat format, LogLevel level, std::string_view time,
                            std::string_view message, std::span<const LogField> fields) {
    fmt::memory_buffer out;
    append_line(out, format, level, time, message, fields);
    return fmt::to_string(out);
}

// The lines that wait, and the thread that writes them to standard error.
struct Log::Sink {
    Sink() : thread([this] { run(); }) {}
    ~Sink() {
        {
            const std::lock_guard lock(mutex);
            ending = true;
        }
        changed.notify_all();
        thread.join();
    }

    void add(std::string_view line, bool urgent) {
        bool wake = false;
        {
            const std::lock_guard lock(mutex);
            if (waiting.size() + line.size() >= limit_bytes) {
                ++dropped;
                return;
            }
            wake = waiting.empty();
            waiting.append(line).push_back('\n');
            if ((urgent || waiting.size() >= enough_bytes) && !hurry) hurry = wake = true;
        }
        if (wake) changed.notify_all();
    }

    void flush() {
        std::unique_lock lock(mutex);
        hurry = true;
        changed.notify_all();
        changed.wait(lock, [this] { return waiting.empty() && !writing; });
    }

    void run() {
        std::string lines;  // keeps its memory for the next ones
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return ending || !waiting.empty(); });
            if (waiting.empty()) return;
            changed.wait_for(lock, gathering_time, [this] { return ending || hurry; });
            lines.clear();
            std::swap(lines, waiting);
            if (const auto lost = std::exchange(dropped, 0)) {
                lines += fmt::format("hubkeep: {} log lines were dropped\n", lost);
            }
            hurry = false;
            writing = true;
            lock.unlock();
            write_all(lines);
            if (lines.capacity() > 4 * enough_bytes) lines = {};
            lock.lock();
            writing = false;
            changed.notify_all();
        }
    }

    static void write_all(std::string_view text) {
        while (!text.empty()) {
            const auto count = ::write(STDERR_FILENO, text.data(), text.size());
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return;  // nobody reads the log: the service goes on
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    std::mutex mutex;  // guards the rest but the thread
    std::condition_variable changed;
    std::string waiting;
    std::uint64_t dropped = 0;
    bool hurry = false;
    bool writing = false;
    bool ending = false;
    std::thread thread;
};

Log::Log(LogLevel level, LogFormat format)
    : level_(level), format_(format), sink_(std::make_unique<Sink>()) {
    if (format_ == LogFormat::automatic) {
        format_ = isatty(STDERR_FILENO) != 0 ? LogFormat::text : LogFormat::json;
    }
}

Log::~Log() = default;

void Log::flush() {
    sink_->flush();
}

void Log::write(LogLevel level, std::string_view message, std::span<const LogField> fields) {
    if (!enabled(level)) return;
    std::array<char, 24> memory;
    const auto time = time_text(std::chrono::system_clock::now(), memory);
    fmt::memory_buffer line;
    append_line(line, format_, level, time, message, fields);
    sink_->add({line.data(), line.size()}, level >= LogLevel::warn);
}

}  // namespace hubkeep
