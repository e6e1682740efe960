// hash and btree tables by way of the Berkeley DB library. As the incumbent: the file is locked exclusively (flock) before
// it is touched and while it is written, and a new table is written into the same file, so that readers that have it open
// see either the old content, a lock, or the new content.
// SPDX-License-Identifier: Apache-2.0
#include <db.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "lookup/build/writer.h"
#include "lookup/build/writers.h"

namespace dovetail::lookup {
namespace {

constexpr size_t kSmallestCache = size_t{16} << 20;
constexpr size_t kLargestCache = size_t{512} << 20;

DBT dbt_of(std::string& text) {
  DBT dbt{};
  dbt.data = text.data();
  dbt.size = static_cast<u_int32_t>(text.size());
  return dbt;
}

class BdbWriter final : public Writer {
 public:
  BdbWriter(std::string path, Fd lock, DB* database, KeyEnd key_end)
      : path_(std::move(path)), lock_(std::move(lock)), database_(database), key_end_(key_end) {}
  BdbWriter(const BdbWriter&) = delete;
  ~BdbWriter() override {
    close_cursor();
    if (database_) database_->close(database_, DB_NOSYNC);
  }

  Result<bool> insert(std::string_view key, std::string_view value) override {
    int error = put(key, value, DB_NOOVERWRITE);
    if (error == DB_KEYEXIST) return false;
    if (error) return failure("write", error);
    return true;
  }

  Result<void> replace(std::string_view key, std::string_view value) override {
    int error = put(key, value, 0);
    if (error) return failure("write", error);
    return {};
  }

  Result<bool> remove(std::string_view key) override {
    bool removed = false;
    for (bool nul : {true, false}) {
      if (nul ? key_end_ == KeyEnd::without_nul : key_end_ == KeyEnd::with_nul) continue;
      key_ = key;
      if (nul) key_ += '\0';
      DBT stored = dbt_of(key_);
      int error = database_->del(database_, nullptr, &stored, 0);
      if (error && error != DB_NOTFOUND) return failure("delete", error);
      removed = removed || error == 0;
    }
    return removed;
  }

  Result<Found> find(std::string_view key) override {
    for (bool nul : {true, false}) {
      if (nul ? key_end_ == KeyEnd::without_nul : key_end_ == KeyEnd::with_nul) continue;
      key_ = key;
      if (nul) key_ += '\0';
      DBT stored = dbt_of(key_), value{};
      int error = database_->get(database_, nullptr, &stored, &value, 0);
      if (error == DB_NOTFOUND) continue;
      if (error) return failure("read", error);
      return Found(text_of(value));
    }
    return Found();
  }

  Result<std::optional<Entry>> next(bool first) override {
    if (first) close_cursor();
    if (!cursor_) {
      int error = database_->cursor(database_, nullptr, &cursor_, 0);
      if (error) return failure("walk", error);
    }
    DBT key{}, value{};
    int error = cursor_->get(cursor_, &key, &value, first ? DB_FIRST : DB_NEXT);
    if (error == DB_NOTFOUND) return std::optional<Entry>();
    if (error) return failure("walk", error);
    return std::optional(Entry(text_of(key), text_of(value)));
  }

  Result<void> sync() override {
    int error = database_->sync(database_, 0);
    if (error) return failure("write", error);
    return {};
  }

  Result<void> finish() override {
    close_cursor();
    int error = database_->close(std::exchange(database_, nullptr), 0);
    if (error) return failure("close", error);
    if (fsync(lock_.get()) != 0) return errno_error("close database " + path_, errno);
    lock_.reset();
    return {};
  }

  const std::string& path() const override { return path_; }

 private:
  void close_cursor() {
    if (auto* cursor = std::exchange(cursor_, nullptr)) cursor->close(cursor);
  }
  static std::string text_of(const DBT& dbt) {
    std::string out(static_cast<const char*>(dbt.data), dbt.size);
    if (!out.empty() && out.back() == '\0') out.pop_back();
    return out;
  }

  int put(std::string_view key, std::string_view value, u_int32_t flags) {
    key_ = key;
    value_ = value;
    if (key_end_ != KeyEnd::without_nul) {
      key_ += '\0';
      value_ += '\0';
    }
    DBT stored_key = dbt_of(key_), stored_value = dbt_of(value_);
    return database_->put(database_, nullptr, &stored_key, &stored_value, flags);
  }

  Error failure(std::string_view doing, int error) const {
    return config_error(format("{} database {}: {}", doing, path_, db_strerror(error)));
  }

  std::string path_;
  Fd lock_;
  DB* database_;
  DBC* cursor_ = nullptr;
  KeyEnd key_end_;
  std::string key_, value_;
};

Result<Fd> lock_database(const std::string& path, const WriteOptions& options) {
  int flags = options.truncate || options.create ? O_RDWR | O_CREAT : O_RDWR;
  Fd file(::open(path.c_str(), flags | O_CLOEXEC, options.mode));
  if (!file) return config_error(format("open database {}: {}", path, strerror(errno)));
  while (flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return config_error(format("lock {}: {}", path, strerror(errno)));
  }
  if (options.truncate && ftruncate(file.get(), 0) != 0) {
    return config_error(format("truncate {}: {}", path, strerror(errno)));
  }
  return file;
}

// All buckets at once: a table that grows splits each of them again and again. The library wants to know how many pairs
// fill a page, too, or does not use their number.
void presize_hash(DB& database, const WriteOptions& options) {
  constexpr size_t kPage = 4096, kHeader = 32, kPairOverhead = 8;
  if (options.expected_entries < 4096) return;  // small tables stay small files
  auto pair = options.expected_bytes / options.expected_entries + kPairOverhead;
  auto fill = std::clamp<size_t>((kPage - kHeader) / pair, 1, 512);
  database.set_pagesize(&database, kPage);
  database.set_h_ffactor(&database, static_cast<u_int32_t>(fill));
  database.set_h_nelem(
      &database, static_cast<u_int32_t>(std::min<size_t>(options.expected_entries, UINT32_MAX)));
}

}  // namespace

Result<std::unique_ptr<Writer>> open_bdb_writer(std::string_view type, const std::string& name,
                                                const WriteOptions& options) {
  auto path = name + ".db";
  auto lock = lock_database(path, options);
  if (!lock) return lock.error();
  DB* database = nullptr;
  if (int error = db_create(&database, nullptr, 0); error) return config_error(db_strerror(error));
  auto writer = std::make_unique<BdbWriter>(path, std::move(*lock), database, options.key_end);
  // Everything stays in memory until the end: pages written out of order are what makes building slow.
  auto cache = std::clamp(options.expected_bytes * 3, kSmallestCache, kLargestCache);
  database->set_cachesize(database, 0, static_cast<u_int32_t>(cache), 1);
  database->set_errfile(database, nullptr);
  bool hash = type == "hash";
  if (hash && options.truncate) presize_hash(*database, options);
  u_int32_t flags = options.truncate ? DB_CREATE | DB_TRUNCATE : options.create ? DB_CREATE : 0;
  int error = database->open(database, nullptr, path.c_str(), nullptr, hash ? DB_HASH : DB_BTREE,
                             flags, 0644);
  if (error) return config_error(format("open database {}: {}", path, db_strerror(error)));
  return std::unique_ptr<Writer>(std::move(writer));
}

}  // namespace dovetail::lookup
