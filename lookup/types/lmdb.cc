// lmdb:NAME, the LMDB environment NAME.lmdb: read from its memory map under a shared flock, which postmap excludes while
// it writes. Manual: lmdb_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "common/base/file.h"
#include "common/base/lock.h"
#include "common/base/text.h"
#include "common/net/loop.h"
#include "lookup/source.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr base::Milliseconds kLmdbBusyPause{10};

std::string lmdb_text(const MDB_val& value) {
  std::string text(static_cast<const char*>(value.mv_data), value.mv_size);
  if (!text.empty() && text.back() == '\0') text.pop_back();
  return text;
}

class LmdbTable final : public Table {
 public:
  LmdbTable(net::Loop& loop, std::string table, const OpenOptions& options)
      : Table(std::move(table), Keys::fixed), loop_(loop), options_(options) {}
  ~LmdbTable() override {
    if (cursor_) mdb_cursor_close(cursor_);
    if (walk_) mdb_txn_abort(walk_);
    if (environment_) mdb_env_close(environment_);
  }

  Result<void> open(const std::string& path) {
    auto bad = [&](const char* why) {
      return config_error(format("open database {}: {}", path, why));
    };
    file_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_) return bad(strerror(errno));
    while (flock(file_.get(), LOCK_SH) != 0 && errno == EINTR) {
    }
    int error = mdb_env_create(&environment_);
    if (!error)
      error =
          mdb_env_open(environment_, path.c_str(), MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0644);
    MDB_txn* transaction = nullptr;
    if (!error) error = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
    if (!error) error = mdb_dbi_open(transaction, nullptr, 0, &database_);
    if (transaction) mdb_txn_commit(transaction);
    flock(file_.get(), LOCK_UN);
    if (error) return bad(mdb_strerror(error));
    return {};
  }

  int fd() const { return file_.get(); }

  std::optional<Result<Found>> try_now(std::string_view key) override {
    auto locked = base::try_flock(file_.get(), base::LockKind::shared);
    if (!locked) return Result<Found>(locked.error());
    if (!*locked) return std::nullopt;
    auto found = locked_find(key);
    flock(file_.get(), LOCK_UN);
    return found;
  }

  Task<Result<Found>> lookup(std::string_view key) override {
    for (;;) {
      auto found = try_now(key);
      if (found) co_return std::move(*found);
      co_await loop_.sleep(kLmdbBusyPause);
    }
  }

  Result<std::optional<Entry>> next(bool first) override {
    if (!cursor_) {
      int error = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &walk_);
      if (!error) error = mdb_cursor_open(walk_, database_, &cursor_);
      if (error) return temporary(mdb_strerror(error));
    }
    MDB_val key{}, value{};
    int error = mdb_cursor_get(cursor_, &key, &value, first ? MDB_FIRST : MDB_NEXT);
    if (error == MDB_NOTFOUND) return std::optional<Entry>();
    if (error) return temporary(mdb_strerror(error));
    return std::optional<Entry>(std::in_place, lmdb_text(key), lmdb_text(value));
  }

 private:
  Result<Found> locked_find(std::string_view key) {
    MDB_txn* transaction = nullptr;
    int error = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
    if (error == MDB_MAP_RESIZED) {
      mdb_env_set_mapsize(environment_, 0);  // the writer needed more room: take over its size
      error = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
    }
    if (error) return temporary(mdb_strerror(error));
    Found found;
    for (bool nul : {false, true}) {
      std::string stored(key);
      if (nul) stored += '\0';
      if (stored.empty()) continue;
      MDB_val wanted{stored.size(), stored.data()}, value{};
      error = mdb_get(transaction, database_, &wanted, &value);
      if (error == MDB_NOTFOUND || error == MDB_BAD_VALSIZE) continue;
      if (error) break;
      found = lmdb_text(value);
      break;
    }
    mdb_txn_abort(transaction);
    if (error && error != MDB_NOTFOUND && error != MDB_BAD_VALSIZE)
      return temporary(mdb_strerror(error));
    if (found && options_.values_are_files) {
      auto content = base::unbase64(*found);
      if (!content) return temporary("table value is not in BASE64 format");
      found = std::move(content);
    }
    return found;
  }

  net::Loop& loop_;
  OpenOptions options_;
  Fd file_;
  MDB_env* environment_ = nullptr;
  MDB_dbi database_ = 0;
  MDB_txn* walk_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

}  // namespace

Opened open_lmdb(const OpenContext& context, std::string_view type, const std::string& name) {
  auto path = name + ".lmdb";
  auto table =
      std::make_unique<LmdbTable>(context.loop, format("{}:{}", type, path), context.options);
  auto opened = table->open(path);
  if (!opened) return opened.error();
  warn_if_older(name, path, table->fd(), context.options.log);
  return std::unique_ptr<Table>(std::move(table));
}

}  // namespace dovetail::lookup
