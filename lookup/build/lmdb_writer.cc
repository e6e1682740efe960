// lmdb tables: NAME.lmdb, one LMDB environment without lock file; readers and writers exclude each other with flock, as
// the incumbent's do. A new table replaces the entries of the old one in a single transaction.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "lookup/build/writers.h"

namespace dovetail::lookup {
namespace {

constexpr size_t kSmallestMap = size_t{16} << 20;

MDB_val mdb_value(std::string& text) {
  return MDB_val{text.size(), text.data()};
}

class LmdbWriter final : public Writer {
 public:
  LmdbWriter(std::string path, KeyEnd key_end) : path_(std::move(path)), key_end_(key_end) {}
  LmdbWriter(const LmdbWriter&) = delete;
  ~LmdbWriter() override {
    if (transaction_) mdb_txn_abort(transaction_);
    if (environment_) mdb_env_close(environment_);
  }

  Result<void> open(const WriteOptions& options) {
    int flags = options.truncate || options.create ? O_RDWR | O_CREAT : O_RDWR;
    lock_ = Fd(::open(path_.c_str(), flags | O_CLOEXEC, options.mode));
    if (!lock_) return config_error(format("open database {}: {}", path_, strerror(errno)));
    while (flock(lock_.get(), LOCK_EX) != 0) {
      if (errno != EINTR) return config_error(format("lock {}: {}", path_, strerror(errno)));
    }
    // The map is address space, not disk: the file grows only by what is written.
    struct stat now {};
    if (fstat(lock_.get(), &now) != 0)
      return config_error(format("fstat {}: {}", path_, strerror(errno)));
    auto map =
        std::max({kSmallestMap, options.expected_bytes * 8, static_cast<size_t>(now.st_size) * 2});
    int error = mdb_env_create(&environment_);
    if (!error) error = mdb_env_set_mapsize(environment_, map);
    if (!error)
      error = mdb_env_open(environment_, path_.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, options.mode);
    if (!error) error = mdb_txn_begin(environment_, nullptr, 0, &transaction_);
    if (!error) error = mdb_dbi_open(transaction_, nullptr, 0, &database_);
    if (!error && options.truncate) error = mdb_drop(transaction_, database_, 0);
    if (error) return config_error(format("open database {}: {}", path_, mdb_strerror(error)));
    return {};
  }

  Result<bool> insert(std::string_view key, std::string_view value) override {
    int error = put(key, value, MDB_NOOVERWRITE);
    if (error == MDB_KEYEXIST) return false;
    if (error) return failure(error);
    return true;
  }

  Result<void> replace(std::string_view key, std::string_view value) override {
    int error = put(key, value, 0);
    if (error) return failure(error);
    return {};
  }

  Result<bool> remove(std::string_view key) override {
    bool removed = false;
    for (bool nul : {true, false}) {
      if (nul ? key_end_ == KeyEnd::without_nul : key_end_ == KeyEnd::with_nul) continue;
      key_ = key;
      if (nul) key_ += '\0';
      MDB_val stored = mdb_value(key_);
      int error =
          stored.mv_size ? mdb_del(transaction_, database_, &stored, nullptr) : MDB_NOTFOUND;
      if (error && error != MDB_NOTFOUND) return failure(error);
      removed = removed || error == 0;
    }
    return removed;
  }

  Result<void> finish() override {
    int error = mdb_txn_commit(std::exchange(transaction_, nullptr));
    if (error) return failure(error);
    mdb_env_close(std::exchange(environment_, nullptr));
    lock_.reset();
    return {};
  }

  const std::string& path() const override { return path_; }
  std::string shown_name() const override { return "lmdb:" + path_.substr(0, path_.rfind('.')); }

 private:
  int put(std::string_view key, std::string_view value, unsigned flags) {
    key_ = key;
    value_ = value;
    if (key_end_ == KeyEnd::with_nul) {
      key_ += '\0';
      value_ += '\0';
    }
    MDB_val stored_key = mdb_value(key_), stored_value = mdb_value(value_);
    return mdb_put(transaction_, database_, &stored_key, &stored_value, flags);
  }

  Error failure(int error) const {
    return config_error(format("database {}: {}", path_, mdb_strerror(error)));
  }

  std::string path_;
  KeyEnd key_end_;
  Fd lock_;
  MDB_env* environment_ = nullptr;
  MDB_txn* transaction_ = nullptr;
  MDB_dbi database_ = 0;
  std::string key_, value_;
};

}  // namespace

Result<std::unique_ptr<Writer>> open_lmdb_writer(std::string_view, const std::string& name,
                                                 const WriteOptions& options) {
  auto writer = std::make_unique<LmdbWriter>(name + ".lmdb", options.key_end);
  auto opened = writer->open(options);
  if (!opened) return opened.error();
  return std::unique_ptr<Writer>(std::move(writer));
}

}  // namespace dovetail::lookup
