// SPDX-License-Identifier: Apache-2.0
#include "lookup/build/store.h"

#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"

namespace dovetail::lookup {

Result<std::unique_ptr<Store>> Store::open(net::Loop& loop, std::string_view type_name, uid_t owner,
                                           gid_t group) {
  if (type_name.empty()) return std::unique_ptr<Store>(new Store(loop, nullptr));
  auto [type, name] = base::cut(type_name, ':');
  if (!name || name->empty())
    return config_error(
        format("open dictionary: expecting \"type:name\" form instead of \"{}\"", type_name));
  WriteOptions options;
  options.create = true;
  options.mode = 0600;
  options.key_end = KeyEnd::without_nul;
  auto writer = open_writer(type, std::string(*name), options);
  if (!writer) return writer.error();
  auto kept = (*writer)->sync();
  if (!kept) return kept.error();
  bool given = owner == static_cast<uid_t>(-1) || ::geteuid() != 0 ||
               ::chown((*writer)->path().c_str(), owner, group) == 0;
  if (!given) return errno_error("change owner of " + (*writer)->path(), errno);
  return std::unique_ptr<Store>(new Store(loop, std::move(*writer)));
}

Task<Result<Found>> Store::find(std::string key) {
  if (!writer_) {
    auto at = memory_.find(key);
    co_return at == memory_.end() ? Found() : Found(at->second);
  }
  auto turn = co_await turn_.lock();
  auto job = [this, &key] { return writer_->find(key); };
  auto found = co_await pool_.run(job);
  co_return found;
}

Task<Result<void>> Store::put(std::string key, std::string value) {
  if (!writer_) {
    memory_[std::move(key)] = std::move(value);
    co_return Result<void>();
  }
  auto turn = co_await turn_.lock();
  auto job = [this, &key, &value]() -> Result<void> {
    auto written = writer_->replace(key, value);
    if (!written) return written;
    return writer_->sync();
  };
  auto done = co_await pool_.run(job);
  co_return done;
}

Task<Result<bool>> Store::remove(std::string key) {
  if (!writer_) co_return memory_.erase(key) > 0;
  auto turn = co_await turn_.lock();
  auto job = [this, &key]() -> Result<bool> {
    auto removed = writer_->remove(key);
    if (!removed || !*removed) return removed;
    auto synced = writer_->sync();
    if (!synced) return synced.error();
    return true;
  };
  auto done = co_await pool_.run(job);
  co_return done;
}

Task<Result<std::optional<Entry>>> Store::next(bool first) {
  if (!writer_) {
    auto at = first ? memory_.begin() : memory_.upper_bound(walked_);
    if (at == memory_.end()) co_return std::optional<Entry>();
    walked_ = at->first;
    co_return std::optional<Entry>(*at);
  }
  auto turn = co_await turn_.lock();
  auto job = [this, first] { return writer_->next(first); };
  auto entry = co_await pool_.run(job);
  co_return entry;
}

}  // namespace dovetail::lookup
