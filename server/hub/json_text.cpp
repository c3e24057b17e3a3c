#include "server/hub/json_text.hpp"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace hubkeep {
namespace {

// Lets Boost.JSON check a text without building values.
struct Ignore {
    using Error = boost::system::error_code;
    using Text = boost::json::string_view;
    static constexpr std::size_t max_object_size = max_json_size;
    static constexpr std::size_t max_array_size = max_json_size;
    static constexpr std::size_t max_key_size = max_json_size;
    static constexpr std::size_t max_string_size = max_json_size;

    bool on_document_begin(Error&) { return true; }
    bool on_document_end(Error&) { return true; }
    bool on_object_begin(Error&) { return true; }
    bool on_object_end(std::size_t, Error&) { return true; }
    bool on_array_begin(Error&) { return true; }
    bool on_array_end(std::size_t, Error&) { return true; }
    bool on_key_part(Text, std::size_t, Error&) { return true; }
    bool on_key(Text, std::size_t, Error&) { return true; }
    bool on_string_part(Text, std::size_t, Error&) { return true; }
    bool on_string(Text, std::size_t, Error&) { return true; }
    bool on_number_part(Text, Error&) { return true; }
    bool on_int64(std::int64_t, Text, Error&) { return true; }
    bool on_uint64(std::uint64_t, Text, Error&) { return true; }
    bool on_double(double, Text, Error&) { return true; }
    bool on_bool(bool, Error&) { return true; }
    bool on_null(Error&) { return true; }
    bool on_comment_part(Text, Error&) { return true; }
    bool on_comment(Text, Error&) { return true; }
};

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// A place in a text that is known to be JSON.
class Cursor {
  public:
    explicit Cursor(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

    std::size_t at() const { return at_; }
    bool ended() const { return at_ >= text_.size(); }
    char peek() const { return ended() ? '\0' : text_[at_]; }
    std::string_view since(std::size_t begin) const { return text_.substr(begin, at_ - begin); }
    void step() { ++at_; }

    void skip_space() {
        while (!ended() && is_space(text_[at_])) ++at_;
    }

    void skip_string() {
        for (++at_; !ended() && text_[at_] != '"'; ++at_) {
            if (text_[at_] == '\\') ++at_;
        }
        ++at_;
    }

    void skip_value() {
        std::size_t depth = 0;
        do {
            const char c = peek();
            if (c == '"') {
                skip_string();
                continue;
            }
            if (depth == 0 && c != '{' && c != '[') return skip_word();
            if (c == '{' || c == '[') ++depth;
            if (c == '}' || c == ']') --depth;
            ++at_;
        } while (depth > 0 && !ended());
    }

  private:
    // A number, true, false or null.
    void skip_word() {
        while (!ended() && !is_space(text_[at_]) && text_[at_] != ',' && text_[at_] != '}' &&
               text_[at_] != ']') {
            ++at_;
        }
    }

    std::string_view text_;
    std::size_t at_;
};

// `quoted` with its quotes. Only a text with escapes needs the parser.
std::string decoded(std::string_view quoted) {
    if (!quoted.contains('\\')) return std::string(quoted.substr(1, quoted.size() - 2));
    boost::system::error_code error;
    const auto value = boost::json::parse({quoted.data(), quoted.size()}, error);
    if (error || !value.is_string()) return {};
    return std::string(value.get_string().data(), value.get_string().size());
}

// Removes the comma at the end of `out`, which stood before the member that is left out.
void drop_comma(std::string& out) {
    auto end = out.size();
    while (end > 0 && is_space(out[end - 1])) --end;
    if (end > 0 && out[end - 1] == ',') out.resize(end - 1);
}

}  // namespace

Result<void> check_json(std::string_view text) {
    if (text.size() > max_json_size) {
        return fail(ErrorKind::protocol,
                    fmt::format("The Hub sent a JSON document of {} bytes; the limit is {}.",
                                text.size(), max_json_size));
    }
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    boost::json::basic_parser<Ignore> parser(options);
    boost::system::error_code error;
    const auto parsed = parser.write_some(false, text.data(), text.size(), error);
    if (!error && parsed != text.size()) error = boost::json::error::extra_data;
    if (!error && !parser.done()) error = boost::json::error::incomplete;
    if (!error) return {};
    return fail(ErrorKind::protocol,
                fmt::format("The Hub sent a document that is not JSON ({} at byte {}).",
                            error.message(), parsed));
}

std::string without_members(std::string_view checked,
                            const std::function<bool(std::string_view key)>& unwanted) {
    std::string out;
    std::size_t copied = 0;
    Cursor cursor(checked);
    while (!cursor.ended()) {
        if (cursor.peek() != '"') {
            cursor.step();
            continue;
        }
        const auto begin = cursor.at();
        cursor.skip_string();
        const auto key = cursor.since(begin);
        cursor.skip_space();
        // Only a key is followed by a colon.
        if (cursor.peek() != ':' || !unwanted(decoded(key))) continue;
        cursor.step();
        cursor.skip_space();
        cursor.skip_value();
        const auto end = cursor.at();
        cursor.skip_space();
        out.append(checked.substr(copied, begin - copied));
        copied = end;
        if (cursor.peek() == ',') {
            cursor.step();
            cursor.skip_space();
            copied = cursor.at();
        } else {
            drop_comma(out);
        }
    }
    return out.append(checked.substr(copied));
}

std::optional<std::string_view> member_text(std::string_view checked, std::string_view name) {
    std::optional<std::string_view> found;
    Cursor cursor(checked);
    cursor.skip_space();
    if (cursor.peek() != '{') return std::nullopt;
    cursor.step();
    for (cursor.skip_space(); cursor.peek() == '"'; cursor.skip_space()) {
        const auto key_begin = cursor.at();
        cursor.skip_string();
        const auto key = cursor.since(key_begin);
        cursor.skip_space();
        cursor.step();  // the colon
        cursor.skip_space();
        const auto begin = cursor.at();
        cursor.skip_value();
        // The last of doubled keys counts, as for every parser that clients use.
        if (decoded(key) == name) found = cursor.since(begin);
        cursor.skip_space();
        if (cursor.peek() == ',') cursor.step();
    }
    return found;
}

JsonElements::JsonElements(std::string_view checked) : text_(checked) {
    Cursor cursor(text_);
    cursor.skip_space();
    if (cursor.peek() == '[') cursor.step();
    else text_ = {};
    at_ = cursor.at();
}

std::optional<std::string_view> JsonElements::next() {
    Cursor cursor(text_, at_);
    cursor.skip_space();
    if (cursor.ended() || cursor.peek() == ']') return std::nullopt;
    const auto begin = cursor.at();
    cursor.skip_value();
    const auto element = cursor.since(begin);
    cursor.skip_space();
    if (cursor.peek() == ',') cursor.step();
    at_ = cursor.at();
    return element;
}

std::optional<std::string> as_string(std::string_view value_text) {
    if (value_text.size() < 2 || value_text.front() != '"') return std::nullopt;
    return decoded(value_text);
}

std::optional<bool> as_bool(std::string_view value_text) {
    if (value_text == "true") return true;
    if (value_text == "false") return false;
    return std::nullopt;
}

}  // namespace hubkeep
