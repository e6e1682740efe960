// A directory of its own for each test of the store.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "common/base/file.h"

namespace dovetail::mda {

struct TestDirectory {
  std::string path;
  TestDirectory() {
    char name[] = "/tmp/dovetail-storage-XXXXXX";
    path = mkdtemp(name);
  }
  ~TestDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories(std::filesystem::path(path + "/" + name).parent_path());
    auto fd = base::open_file(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd) (void)base::write_all(fd->get(), text);
  }
  std::string read(const std::string& name) const {
    auto text = base::read_file(path + "/" + name);
    return text ? *text : std::string("(cannot be read)");
  }
  bool exists(const std::string& name) const { return base::file_exists(path + "/" + name); }
};

}  // namespace dovetail::mda
