// hash:NAME and btree:NAME, the Berkeley DB file NAME.db. Readers take the shared lock the writer (postmap) excludes; on
// the loop nobody waits for it: a busy table is asked again shortly after. Keys may end with a NUL (Sendmail's way) or not:
// both are tried until one has been found. Manual: DATABASE_README.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/lock.h"
#include "common/base/text.h"
#include "common/net/loop.h"
#include "conf/units.h"
#include "lookup/bdb_reader.h"
#include "lookup/source.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr base::Milliseconds kBusyPause{10};
constexpr long kLargestReadBuffer = 1L << 30;

class BdbTable final : public Table {
 public:
  BdbTable(net::Loop& loop, std::string table, BdbReader reader, const OpenOptions& options)
      : Table(std::move(table), Keys::fixed),
        loop_(loop),
        reader_(std::move(reader)),
        options_(options) {}

  std::optional<Result<Found>> try_now(std::string_view key) override {
    if (held_) return find(key);
    auto locked = base::try_flock(reader_.fd(), base::LockKind::shared);
    if (!locked) return Result<Found>(locked.error());
    if (!*locked) return std::nullopt;
    auto found = refreshed_find(key);
    flock(reader_.fd(), LOCK_UN);
    return found;
  }

  void hold() override {
    auto locked = base::try_flock(reader_.fd(), base::LockKind::shared);
    held_ = locked && *locked && reader_.refresh();
    if (!held_) release();
  }

  void release() override {
    flock(reader_.fd(), LOCK_UN);
    held_ = false;
  }

  Task<Result<Found>> lookup(std::string_view key) override {
    for (;;) {
      auto found = try_now(key);
      if (found) co_return std::move(*found);
      co_await loop_.sleep(kBusyPause);
    }
  }

  Result<std::optional<Entry>> next(bool first) override {
    auto entry = reader_.next(first);
    if (!entry || !*entry) return entry;
    strip_nul((*entry)->first);
    strip_nul((*entry)->second);
    auto value = content((*entry)->second);
    if (!value) return value.error();
    (*entry)->second = std::move(*value);
    return entry;
  }

 private:
  static void strip_nul(std::string& text) {
    if (!text.empty() && text.back() == '\0') text.pop_back();
  }

  // A value made by postmap -F is a file's content in base64.
  Result<std::string> content(const std::string& value) const {
    if (!options_.values_are_files) return value;
    auto decoded = base::unbase64(value);
    if (!decoded) return temporary("table value is not in BASE64 format");
    return *decoded;
  }

  Result<Found> refreshed_find(std::string_view key) {
    auto refreshed = reader_.refresh();
    if (!refreshed) return refreshed.error();
    return find(key);
  }

  Result<Found> find(std::string_view key) {
    for (bool nul : {true, false}) {
      if (nul ? !try_with_nul_ : !try_without_nul_) continue;
      stored_key_ = key;
      if (nul) stored_key_ += '\0';
      auto found = reader_.find(stored_key_);
      if (!found) return found.error();
      if (!*found) continue;
      (nul ? try_without_nul_ : try_with_nul_) = false;
      strip_nul(**found);
      if (!options_.values_are_files) return found;
      auto value = content(**found);
      if (!value) return value.error();
      return Found(std::move(*value));
    }
    return Found();
  }

  net::Loop& loop_;
  BdbReader reader_;
  OpenOptions options_;
  bool try_with_nul_ = true;
  bool try_without_nul_ = true;
  bool held_ = false;
  std::string stored_key_;
};

Opened open_bdb(const OpenContext& context, std::string_view type, const std::string& name,
                BdbReader::Kind kind) {
  auto path = name + ".db";
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return config_error(format("open database {}: {}", path, strerror(errno)));
  warn_if_older(name, path, file.get(), context.options.log);
  // Only at opening one may wait: a table being made is empty until its writer is done.
  while (flock(file.get(), LOCK_SH) != 0 && errno == EINTR) {
  }
  int fd = file.get();
  auto cache = context.options.read_cache;
  if (cache == 0) {
    auto configured = conf::parse_long(context.main_cf.get("berkeley_db_read_buffer_size"));
    cache = static_cast<size_t>(std::clamp(configured.value_or(0), 0L, kLargestReadBuffer));
  }
  auto reader = BdbReader::open(std::move(file), kind, cache);
  if (!reader) return config_error(format("open database {}: {}", path, reader.error().text));
  flock(fd, LOCK_UN);
  return std::unique_ptr<Table>(std::make_unique<BdbTable>(
      context.loop, format("{}:{}", type, path), std::move(*reader), context.options));
}

}  // namespace

Opened open_hash(const OpenContext& context, std::string_view type, const std::string& name) {
  return open_bdb(context, type, name, BdbReader::Kind::hash);
}

Opened open_btree(const OpenContext& context, std::string_view type, const std::string& name) {
  return open_bdb(context, type, name, BdbReader::Kind::btree);
}

}  // namespace dovetail::lookup
