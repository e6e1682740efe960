// SPDX-License-Identifier: Apache-2.0
#include "lookup/maps.h"

#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::lookup {

const Found* LookupCache::find(const Table& table, std::string_view key) const {
  auto at = answers_.find(std::make_pair(&table, std::string(key)));
  return at == answers_.end() ? nullptr : &at->second;
}

void LookupCache::remember(const Table& table, std::string_view key, const Found& found) {
  answers_.insert_or_assign(std::make_pair(&table, std::string(key)), found);
}

Maps::Maps(std::string title, std::vector<std::shared_ptr<Table>> tables, const Logger& log)
    : title_(std::move(title)), tables_(std::move(tables)), log_(log) {
  for (auto& table : tables_) given_.push_back(table->name());
}

Result<Maps> Maps::open(net::Loop& loop, const conf::MainCf& main_cf, std::string_view title,
                        std::string_view value, const OpenOptions& options) {
  std::vector<std::shared_ptr<Table>> tables;
  auto words = conf::split_list(value);
  for (auto& word : words) {
    auto table = open_table(loop, main_cf, word, options);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
  }
  Maps maps(std::string(title), std::move(tables), options.log);
  maps.given_ = std::move(words);
  return maps;
}

Task<Result<Found>> Maps::lookup(std::string_view key, Keys part, LookupCache* cache) const {
  if (key.empty()) co_return Found();
  for (size_t index = 0; index < tables_.size(); ++index) {
    auto& table = tables_[index];
    if (part == Keys::fixed && table->keys() == Keys::pattern) continue;
    if (cache) {
      if (auto* known = cache->find(*table, key)) {
        if (*known) co_return *known;
        continue;
      }
    }
    auto now = table->try_now(key);
    if (!now) {
      auto found = co_await table->lookup(key);
      now.emplace(std::move(found));
    }
    auto judged = judge(index, key, std::move(*now));
    if (!judged) co_return judged;
    if (cache) cache->remember(*table, key, *judged);
    if (*judged) co_return judged;
  }
  co_return Found();
}

bool Maps::changed() const {
  for (auto& table : tables_) {
    if (table->changed()) return true;
  }
  return false;
}

Result<Found> Maps::judge(size_t index, std::string_view key, Result<Found> found) const {
  if (!found) {
    log_.warning("{} lookup error for \"{}\"", given_[index],
                 base::printable(key.substr(0, 100), true));
    if (found.error().fault == Fault::config) log_.warning("{}", found.error().text);
    return temporary(found.error().text);
  }
  if (*found && (*found)->empty()) {
    log_.warning("{} lookup of {} returns an empty string result", title_,
                 base::printable(key, true));
    log_.warning("{} should return NO RESULT in case of NOT FOUND", title_);
    return temporary("empty string result");
  }
  return found;
}

}  // namespace dovetail::lookup
