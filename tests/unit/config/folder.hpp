#pragma once
// A folder that lives as long as a test, and files in it with the mode that the test wants.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace hubkeep {

class Folder {
  public:
    Folder() {
        std::string name = ::testing::TempDir() + "hubkeep-config-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path(const std::string& name) const { return path_ / name; }
    std::string write(const std::string& name, const std::string& content, unsigned mode = 0600) {
        const auto file = path(name);
        std::ofstream(file, std::ios::binary) << content;
        ::chmod(file.c_str(), mode);
        return file;
    }

  private:
    std::filesystem::path path_;
};

}  // namespace hubkeep
