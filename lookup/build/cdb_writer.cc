// cdb tables, D. J. Bernstein's constant data base: written beside NAME.cdb as NAME.cdb.tmp and renamed over it, never
// changed. Format: 256 (position, slots) pairs; records (key length, value length, key, value); 256 tables of
// (hash, position) slots; all numbers 32 bits, little end first.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "lookup/build/writers.h"
#include "lookup/cdb_format.h"

namespace dovetail::lookup {
namespace {

class CdbWriter final : public Writer {
 public:
  CdbWriter(const std::string& name, KeyEnd key_end) : path_(name + ".cdb"), key_end_(key_end) {}
  ~CdbWriter() override {
    if (file_) unlink(temporary_path().c_str());
  }

  Result<void> open(mode_t mode) {
    file_ = Fd(::open(temporary_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, mode));
    if (!file_)
      return config_error(format("open database {}: {}", temporary_path(), strerror(errno)));
    while (flock(file_.get(), LOCK_EX) != 0) {
      if (errno != EINTR)
        return config_error(format("lock {}: {}", temporary_path(), strerror(errno)));
    }
    if (ftruncate(file_.get(), 0) != 0) {
      return config_error(format("truncate {}: {}", temporary_path(), strerror(errno)));
    }
    return {};
  }

  Result<bool> insert(std::string_view key, std::string_view value) override {
    return entries_.emplace(stored(key), stored(value)).second;
  }
  Result<void> replace(std::string_view key, std::string_view value) override {
    entries_.insert_or_assign(stored(key), stored(value));
    return {};
  }
  Result<bool> remove(std::string_view) override {
    return config_error("a cdb table cannot be changed");
  }

  Result<void> finish() override {
    auto written = base::write_all(file_.get(), content());
    if (!written)
      return config_error(format("write database {}: {}", temporary_path(), written.error().text));
    if (fsync(file_.get()) != 0 || rename(temporary_path().c_str(), path_.c_str()) != 0) {
      return config_error(
          format("rename database {} to {}: {}", temporary_path(), path_, strerror(errno)));
    }
    file_.reset();
    return {};
  }

  const std::string& path() const override { return path_; }
  std::string shown_name() const override { return path_.substr(0, path_.rfind('.')); }

 private:
  std::string temporary_path() const { return path_ + ".tmp"; }

  std::string stored(std::string_view text) const {
    std::string copy(text);
    if (key_end_ == KeyEnd::with_nul) copy += '\0';
    return copy;
  }

  std::string content() const {
    std::string bytes(kCdbHeader, '\0');
    std::array<std::vector<std::pair<uint32_t, uint32_t>>, 256> tables;
    for (auto& [key, value] : entries_) {
      auto hash = cdb_hash(key);
      tables[hash & 255].emplace_back(hash, static_cast<uint32_t>(bytes.size()));
      cdb_append(bytes, static_cast<uint32_t>(key.size()));
      cdb_append(bytes, static_cast<uint32_t>(value.size()));
      bytes += key;
      bytes += value;
    }
    for (size_t at = 0; at < tables.size(); ++at) {
      auto slots = static_cast<uint32_t>(tables[at].size() * 2);
      cdb_put(bytes, at * 8, static_cast<uint32_t>(bytes.size()));
      cdb_put(bytes, at * 8 + 4, slots);
      std::vector<std::pair<uint32_t, uint32_t>> slot(slots);
      for (auto& entry : tables[at]) {
        auto free = (entry.first >> 8) % slots;
        while (slot[free].second) free = (free + 1) % slots;
        slot[free] = entry;
      }
      for (auto& entry : slot) {
        cdb_append(bytes, entry.first);
        cdb_append(bytes, entry.second);
      }
    }
    return bytes;
  }

  std::string path_;
  KeyEnd key_end_;
  Fd file_;
  std::unordered_map<std::string, std::string> entries_;
};

}  // namespace

Result<std::unique_ptr<Writer>> open_cdb_writer(std::string_view, const std::string& name,
                                                const WriteOptions& options) {
  auto writer = std::make_unique<CdbWriter>(name, options.key_end);
  auto opened = writer->open(options.mode);
  if (!opened) return opened.error();
  return std::unique_ptr<Writer>(std::move(writer));
}

}  // namespace dovetail::lookup
