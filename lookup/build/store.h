// A table that a daemon itself keeps: what verify(8) knows of addresses, the caches behind proxywrite. It is held open and
// locked by its only user for as long as he lives (the incumbent does the same), so it also works after a change of root.
// A name of nothing is a table in memory. Work with the file is done on a pool, one job at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/net/loop.h"
#include "common/net/pool.h"
#include "lookup/build/writer.h"

namespace dovetail::lookup {

class Store {
 public:
  // type_name: "btree:/var/lib/postfix/verify_cache", "" for memory. owner: who the process will be; -1: as it is.
  static Result<std::unique_ptr<Store>> open(net::Loop& loop, std::string_view type_name,
                                             uid_t owner, gid_t group);

  Task<Result<Found>> find(std::string key);
  Task<Result<void>> put(std::string key, std::string value);
  Task<Result<bool>> remove(std::string key);
  // A walk; entries changed meanwhile may be missed.
  Task<Result<std::optional<Entry>>> next(bool first);

 private:
  Store(net::Loop& loop, std::unique_ptr<Writer> writer)
      : pool_(loop, 1), turn_(loop), writer_(std::move(writer)) {}

  net::Pool pool_;
  net::AsyncMutex turn_;
  std::unique_ptr<Writer> writer_;  // none: in memory
  std::map<std::string, std::string, std::less<>> memory_;
  std::string walked_;  // the key the walk through memory stands at
};

}  // namespace dovetail::lookup
