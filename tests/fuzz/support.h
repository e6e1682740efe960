// What fuzz targets share: bytes as text, a directory for targets that read files, a quiet log, and a peer that sends the
// input to a session of ours and takes what it answers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/net/loop.h"

namespace dovetail::tests {

inline std::string_view input_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A finding: what must never be true is. Says where, and aborts.
void refuse(bool broken, const char* file = __builtin_FILE(), int line = __builtin_LINE());

// Log lines are formatted and thrown away. Once per process is enough.
void silence_log();

// An empty directory in memory where there is one, removed with its content.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  // Aborts if that fails: the target would not test what it says.
  void write(const std::string& name, std::string_view bytes) const;

 private:
  std::string path_;
};

// Runs `ours` on one end of a socketpair while the other end sends the bytes, says that no more will come, and reads until
// we close. IoError ends a session and is no finding; what else is thrown is.
void converse(Loop& loop, std::string_view bytes, const std::function<Task<>(base::Fd)>& ours);

}  // namespace dovetail::tests
