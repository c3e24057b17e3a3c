#pragma once
// What the store's tests share: a folder that goes with the test, a log that says nothing, a way to
// await a task from a plain function, and content whose digest is known.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "common/digest.hpp"
#include "common/file.hpp"
#include "common/log.hpp"
#include "common/task.hpp"

namespace hubkeep::test {

class TempFolder {
  public:
    TempFolder() {
        char name[] = "/tmp/hubkeep-store-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~TempFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

inline Log& quiet() {
    static Log log(LogLevel::off, LogFormat::text);
    return log;
}

// Runs a task to its end on an io thread of its own, which is this thread.
template <typename T>
T run(Task<T> task) {
    asio::io_context context(1);
    std::optional<T> value;
    std::exception_ptr thrown;
    asio::co_spawn(context.get_executor(), std::move(task), [&](std::exception_ptr e, T result) {
        thrown = e;
        value = std::move(result);
    });
    context.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*value);
}

// Content of any size, different for each seed.
inline std::string content_of(std::size_t size, unsigned seed = 1) {
    std::string content(size, '\0');
    std::uint32_t state = seed * 2654435761u + 1;
    for (auto& byte : content) {
        state = state * 1664525u + 1013904223u;
        byte = static_cast<char>(state >> 24);
    }
    return content;
}

inline std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void spill(const fs::path& path, std::string_view content) {
    fs::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    ASSERT_TRUE(out.good()) << path;
}

inline std::string read_all(const File& file) {
    std::string content(*file.size(), '\0');
    const auto got = file.read_at(0, content);
    EXPECT_TRUE(got && *got == content.size());
    return content;
}

}  // namespace hubkeep::test
