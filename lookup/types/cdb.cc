// cdb:NAME, the constant data base NAME.cdb, read with pread; it is replaced by rename, so what is open stays whole.
// Manual: DATABASE_README.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "lookup/cdb_format.h"
#include "lookup/source.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

class CdbTable final : public InstantTable {
 public:
  CdbTable(std::string table, Fd file, const OpenOptions& options)
      : InstantTable(std::move(table), Keys::fixed), file_(std::move(file)), options_(options) {}
  int fd() const { return file_.get(); }

 protected:
  Result<Found> answer(std::string_view key) override {
    for (bool nul : {false, true}) {
      std::string stored(key);
      if (nul) stored += '\0';
      auto found = find(stored);
      if (!found) return found.error();
      if (!*found) continue;
      if (!(*found)->empty() && (*found)->back() == '\0') (*found)->pop_back();
      if (!options_.values_are_files) return found;
      auto content = base::unbase64(**found);
      if (!content) return temporary("table value is not in BASE64 format");
      return Found(std::move(*content));
    }
    return Found();
  }

 private:
  Result<std::string> bytes_at(size_t offset, size_t count) const {
    if (count > (size_t{1} << 27)) return temporary("Invalid argument");
    std::string bytes(count, '\0');
    ssize_t got = pread(file_.get(), bytes.data(), count, static_cast<off_t>(offset));
    if (got < 0) return temporary(strerror(errno));
    if (static_cast<size_t>(got) != count) return temporary("Invalid argument");
    return bytes;
  }

  Result<Found> find(const std::string& key) const {
    auto hash = cdb_hash(key);
    auto table = bytes_at((hash & 255) * 8, 8);
    if (!table) return table.error();
    auto start = cdb_number(*table, 0), slots = cdb_number(*table, 4);
    for (uint32_t tried = 0; tried < slots; ++tried) {
      auto slot = bytes_at(start + size_t{8} * (((hash >> 8) + tried) % slots), 8);
      if (!slot) return slot.error();
      auto position = cdb_number(*slot, 4);
      if (position == 0) break;
      if (cdb_number(*slot, 0) != hash) continue;
      auto lengths = bytes_at(position, 8);
      if (!lengths) return lengths.error();
      if (cdb_number(*lengths, 0) != key.size()) continue;
      auto stored = bytes_at(position + size_t{8}, key.size());
      if (!stored) return stored.error();
      if (*stored != key) continue;
      auto value = bytes_at(position + 8 + key.size(), cdb_number(*lengths, 4));
      if (!value) return value.error();
      return Found(std::move(*value));
    }
    return Found();
  }

  Fd file_;
  OpenOptions options_;
};

}  // namespace

Opened open_cdb(const OpenContext& context, std::string_view type, const std::string& name) {
  auto path = name + ".cdb";
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return config_error(format("open database {}: {}", path, strerror(errno)));
  warn_if_older(name, path, file.get(), context.options.log);
  return std::unique_ptr<Table>(
      std::make_unique<CdbTable>(format("{}:{}", type, path), std::move(file), context.options));
}

}  // namespace dovetail::lookup
