// Damaged Berkeley DB files: whatever the bytes, lookups and walks end and read nothing outside the file.
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "common/base/file.h"
#include "lookup/bdb_reader.h"

using dovetail::Fd;
using dovetail::lookup::BdbReader;

namespace {

void read_table(const uint8_t* data, size_t size, BdbReader::Kind kind, size_t cache) {
  Fd file(memfd_create("bdb_fuzz", MFD_CLOEXEC));
  if (!file || write(file.get(), data, size) != static_cast<ssize_t>(size)) return;
  auto reader = BdbReader::open(std::move(file), kind, cache);
  if (!reader) return;
  // The second time from pages that are kept.
  for (std::string_view key : {"k", "root", "", "k", "root", ""}) (void)reader->find(key);
  bool first = true;
  for (int entries = 0; entries < 1000; ++entries) {
    auto entry = reader->next(first);
    if (!entry || !*entry) break;
    first = false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (size_t cache : {size_t{0}, size_t{1} << 16}) {
    read_table(data, size, BdbReader::Kind::hash, cache);
    read_table(data, size, BdbReader::Kind::btree, cache);
  }
  return 0;
}
