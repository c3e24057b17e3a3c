// The file is read as yaml-cpp's stream of events rather than as its tree: that gives a position
// for every key, sees duplicates, and can refuse aliases and depth before anything is built.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>

#include "config/schema.hpp"
#include "config/sources.hpp"
#include "config/text.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_depth = 8;
constexpr std::size_t max_problems = 50;

using YAML::Mark;

// Writes events again, as the flow style in which settings of maps are handed on.
class FlowText {
  public:
    void scalar(const std::string& value) {
        separate();
        text_ += '"';
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\') text_ += '\\';
            if (byte < ' ' || byte == 0x7F) text_ += fmt::format("\\x{:02x}", byte);
            else text_ += c;
        }
        text_ += '"';
    }
    void null() {
        separate();
        text_ += "null";
    }
    void open(bool is_map) {
        separate();
        text_ += is_map ? '{' : '[';
        levels_.push_back({is_map, 0});
    }
    // True when the outermost list or map is closed.
    bool close() {
        text_ += levels_.back().is_map ? '}' : ']';
        levels_.pop_back();
        return levels_.empty();
    }
    const std::string& text() const { return text_; }
    std::size_t depth() const { return levels_.size(); }

  private:
    struct Level {
        bool is_map = false;
        std::size_t items = 0;  // keys and values
    };
    void separate() {
        if (levels_.empty()) return;
        auto& level = levels_.back();
        if (level.items != 0) text_ += level.is_map && level.items % 2 == 1 ? ": " : ", ";
        ++level.items;
    }
    std::string text_;
    std::vector<Level> levels_;
};

// What may stand under a name of the file.
enum class Place { setting, list, records, section, unknown };

class Reader : public YAML::EventHandler {
  public:
    Reader(const std::string& name, SettingSource& source) : name_(name), source_(source) {}

    void OnDocumentStart(const Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const Mark& mark, YAML::anchor_t) override { refuse_alias(mark); }
    void OnScalar(const Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override;
    void OnSequenceStart(const Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override;
    void OnSequenceEnd() override;
    void OnMapStart(const Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override;
    void OnMapEnd() override { close(); }

    std::string place(const Mark& mark) const {
        return fmt::format("{}:{}:{}", name_, mark.line + 1, mark.column + 1);
    }
    void problem(const Mark& mark, std::string_view text);

  private:
    // A map whose keys are being read, or a list or map whose content is not looked at.
    struct Frame {
        std::string section;
        bool ignored = false;
        bool is_list = false;  // of a setting: its items are joined to one text
        std::vector<std::string> items;
        bool value_is_next = false;
        Place under_key = Place::unknown;
        std::string key;  // full, of the list or of the value that is next
        Mark key_mark;
        std::map<std::string, int> lines;  // where each name was seen
    };

    [[noreturn]] static void refuse_alias(const Mark& mark) {
        throw YAML::ParserException(mark,
                                    "anchors and aliases (& and *) are not supported here; "
                                    "write the value out");
    }
    void check(const Mark& mark, const std::string& tag, YAML::anchor_t anchor) const;
    void read_key(const Mark& mark, const std::string& name);
    void open(const Mark& mark, bool is_map);
    void close();
    // The innermost map, when what comes next in it is a value.
    Frame* awaiting_value() {
        return !frames_.empty() && frames_.back().value_is_next ? &frames_.back() : nullptr;
    }
    static bool takes_text(Place place) {
        return place == Place::setting || place == Place::list || place == Place::records;
    }
    bool is_ignored() const { return !frames_.empty() && frames_.back().ignored; }

    const std::string& name_;
    SettingSource& source_;
    std::vector<Frame> frames_;
    std::optional<FlowText> records_;  // while the value of such a setting is read
};

void Reader::problem(const Mark& mark, std::string_view text) {
    if (source_.problems.size() >= max_problems) {
        throw YAML::ParserException(mark, "too many problems; the rest of the file was not read");
    }
    source_.problems.push_back(fmt::format("{}: {}", place(mark), text));
}

void Reader::check(const Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != 0) refuse_alias(mark);
    // "?" and "!" are how yaml-cpp says plain and quoted.
    if (!tag.empty() && tag != "?" && tag != "!") {
        throw YAML::ParserException(mark, "tags (!) are not supported here");
    }
}

void Reader::read_key(const Mark& mark, const std::string& name) {
    auto& frame = frames_.back();
    frame.value_is_next = true;
    frame.under_key = Place::unknown;
    frame.key_mark = mark;
    frame.key = frame.section.empty() ? name : frame.section + "." + name;
    const auto [seen, is_new] = frame.lines.emplace(name, mark.line + 1);
    if (!is_new) {
        problem(mark,
                fmt::format("{} was already given on line {}", in_quotes(name), seen->second));
    } else if (const auto* const setting = find_setting(frame.key)) {
        // A dotted name at the top would be the same setting written in a second way.
        if (name.find('.') == std::string::npos) {
            frame.under_key = setting->is_records ? Place::records
                              : setting->is_list  ? Place::list
                                                  : Place::setting;
        }
    } else if (is_section(frame.key)) {
        frame.under_key = Place::section;
    }
    if (!is_new || frame.under_key != Place::unknown) return;
    std::vector<std::string> here;
    std::string meant;
    for (const auto& setting : schema()) {
        if (setting.section() == frame.section) here.emplace_back(setting.name());
        if (frame.section.empty()) here.emplace_back(setting.section());
        const bool is_elsewhere = setting.name() == name || setting.key == name;
        if (!meant.empty() || !is_elsewhere) continue;
        const auto where = setting.section().empty()
                               ? std::string("at the top")
                               : fmt::format("under \"{}\"", setting.section());
        meant = fmt::format(" (did you mean \"{}\" {}?)", setting.name(), where);
    }
    if (meant.empty()) meant = did_you_mean(name, here);
    const auto under = frame.section.empty() ? "" : fmt::format(" under \"{}\"", frame.section);
    problem(mark, fmt::format("unknown key {}{}{}", in_quotes(name), under, meant));
}

void Reader::OnScalar(const Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                      const std::string& value) {
    check(mark, tag, anchor);
    if (records_) return records_->scalar(value);
    if (is_ignored()) return;
    if (frames_.empty())
        return problem(mark, "the file must hold settings such as \"listen: 8090\"");
    if (frames_.back().is_list) {
        // The joined text could not tell it from two.
        if (value.contains(',')) return problem(mark, "an item of a list must not hold a comma");
        return frames_.back().items.push_back(value);
    }
    auto* const frame = awaiting_value();
    if (frame == nullptr) return read_key(mark, value);
    frame->value_is_next = false;
    if (takes_text(frame->under_key)) {
        source_.given.push_back({frame->key, value, place(mark)});
    } else if (frame->under_key == Place::section) {
        problem(mark,
                fmt::format("\"{}\" takes settings below it, indented, not a value", frame->key));
    }
}

void Reader::OnNull(const Mark& mark, YAML::anchor_t anchor) {
    check(mark, "", anchor);
    if (records_) return records_->null();
    if (frames_.empty() || is_ignored()) return;  // an empty file is a good one
    if (frames_.back().is_list) return problem(mark, "an item of the list is empty");
    auto* const frame = awaiting_value();
    if (frame == nullptr) return read_key(mark, "null");
    frame->value_is_next = false;
    // A section whose keys are all comments is a good one.
    if (!takes_text(frame->under_key)) return;
    // The mark of nothing may be that of the next line.
    problem(frame->key_mark,
            fmt::format("\"{}\" has no value; give one (\"\" for none) or remove the line",
                        frame->key));
}

void Reader::open(const Mark& mark, bool is_map) {
    const auto depth = frames_.size() + (records_ ? records_->depth() : 0);
    if (depth >= max_depth) throw YAML::ParserException(mark, "nested too deeply");
    Frame inner;
    auto* const outer = awaiting_value();
    if (records_ || (outer != nullptr && outer->under_key == Place::records && !is_map)) {
        if (!records_) records_.emplace();
        return records_->open(is_map);
    }
    if (frames_.empty()) {
        inner.ignored = !is_map;
        if (!is_map) problem(mark, "the file must hold settings, not a list");
    } else if (is_ignored()) {
        inner.ignored = true;
    } else if (frames_.back().is_list) {
        problem(mark, "an item of a list must be a plain value");
        inner.ignored = true;
    } else if (outer != nullptr && outer->under_key == Place::list && !is_map) {
        inner.is_list = true;
        inner.key = outer->key;
        inner.key_mark = mark;
        outer->value_is_next = false;
    } else if (outer == nullptr) {
        problem(mark, "a key must be a plain name");
        inner.ignored = true;
        frames_.back().value_is_next = true;
        frames_.back().under_key = Place::unknown;
    } else {
        outer->value_is_next = false;
        inner.ignored = !is_map || outer->under_key != Place::section;
        inner.section = outer->key;
        if (takes_text(outer->under_key)) {
            problem(mark, fmt::format("\"{}\" takes {}, not a {}", outer->key,
                                      outer->under_key == Place::setting ? "one value" : "a list",
                                      is_map ? "map" : "list"));
        } else if (outer->under_key == Place::section && !is_map) {
            problem(mark, fmt::format("\"{}\" takes settings below it, not a list", outer->key));
        }
    }
    frames_.push_back(std::move(inner));
}

void Reader::close() {
    if (!records_) return frames_.pop_back();
    if (!records_->close()) return;
    auto& frame = frames_.back();
    frame.value_is_next = false;
    source_.given.push_back({frame.key, records_->text(), place(frame.key_mark)});
    records_.reset();
}

void Reader::OnSequenceEnd() {
    const auto& frame = frames_.back();
    if (frame.is_list && !records_) {
        const auto text = fmt::format("{}", fmt::join(frame.items, ", "));
        source_.given.push_back({frame.key, text, place(frame.key_mark)});
    }
    close();
}

void Reader::OnSequenceStart(const Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
    check(mark, tag, anchor);
    open(mark, false);
}

void Reader::OnMapStart(const Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                        YAML::EmitterStyle::value) {
    check(mark, tag, anchor);
    open(mark, true);
}

}  // namespace

SettingSource read_yaml(const std::string& name, const std::string& content) {
    SettingSource source;
    Reader reader(name, source);
    try {
        std::istringstream stream(content);
        YAML::Parser parser(stream);
        parser.HandleNextDocument(reader);
        if (parser.HandleNextDocument(reader)) {
            source.problems.push_back(name + ": holds more than one document; remove the ---");
        }
    } catch (const YAML::Exception& error) {
        source.problems.push_back(
            fmt::format("{}: {}", reader.place(error.mark), printable(error.msg)));
    }
    return source;
}

}  // namespace hubkeep
