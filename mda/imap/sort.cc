// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/sort.h"

#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/session.h"
#include "mda/message/sort_keys.h"

namespace dovetail::mda::imap {

namespace {

constexpr size_t kSortBatch = 1024;

struct SortName {
  std::string_view name;
  SortKey::Kind kind;
};
// clang-format off
constexpr SortName kSortNames[] = {
    {"ARRIVAL",     SortKey::Kind::arrival},
    {"CC",          SortKey::Kind::cc},
    {"DATE",        SortKey::Kind::date},
    {"FROM",        SortKey::Kind::from},
    {"SIZE",        SortKey::Kind::size},
    {"SUBJECT",     SortKey::Kind::subject},
    {"TO",          SortKey::Kind::to},
    {"DISPLAYFROM", SortKey::Kind::display_from},
    {"DISPLAYTO",   SortKey::Kind::display_to},
};
// clang-format on

// A message and its values, one for each key.
struct SortEntry {
  Uid uid = 0;
  std::vector<SortValue> values{};
};

SortValue sort_value(SortKey::Kind kind, const MessageInfo& info, const SortKeys& keys) {
  switch (kind) {
    case SortKey::Kind::arrival:
      return {info.internal_date};
    case SortKey::Kind::size:
      return {static_cast<int64_t>(info.virtual_size)};
    case SortKey::Kind::date:
      return {keys.sent.value_or(info.internal_date)};
    case SortKey::Kind::subject:
      return {0, keys.base_subject};
    case SortKey::Kind::from:
      return {0, keys.from};
    case SortKey::Kind::to:
      return {0, keys.to};
    case SortKey::Kind::cc:
      return {0, keys.cc};
    case SortKey::Kind::display_from:
      return {0, keys.display_from};
    case SortKey::Kind::display_to:
      return {0, keys.display_to};
  }
  return {};
}

unsigned sort_wants(const std::vector<SortKey>& keys) {
  unsigned wants = 0;
  for (auto key : keys) {
    if (key.kind == SortKey::Kind::size) wants |= kWantSize;
    if (key.kind == SortKey::Kind::arrival || key.kind == SortKey::Kind::date) wants |= kWantDate;
    if (key.kind != SortKey::Kind::size && key.kind != SortKey::Kind::arrival)
      wants |= kWantSortKeys;
  }
  return wants;
}

bool sorts_before(const std::vector<SortKey>& keys, const SortEntry& a, const SortEntry& b) {
  for (size_t i = 0; i < keys.size(); ++i) {
    auto order = a.values[i] <=> b.values[i];
    if (order != 0) return keys[i].reverse ? order > 0 : order < 0;
  }
  return false;
}

}  // namespace

Result<std::vector<SortKey>> parse_sort_keys(const Args& list) {
  std::vector<SortKey> keys;
  bool reverse = false;
  for (const auto& arg : list) {
    if (!arg.is_atom()) return permanent("Invalid sort list argument.");
    if (arg.is("REVERSE")) {
      reverse = true;
      continue;
    }
    auto known = std::find_if(std::begin(kSortNames), std::end(kSortNames),
                              [&arg](const SortName& one) { return arg.is(one.name); });
    if (known == std::end(kSortNames)) {
      return permanent(format("Unknown sort argument: {}", base::upper(base::printable(arg.text))));
    }
    keys.push_back({known->kind, reverse});
    reverse = false;
  }
  if (reverse) return permanent("Sort list ends with REVERSE");
  if (keys.empty()) return permanent("Empty sort list");
  return keys;
}

Task<Result<std::vector<Uid>>> sort_messages(Session& session, std::vector<Uid> uids,
                                             std::vector<SortKey> keys) {
  std::vector<SortEntry> entries;
  entries.reserve(uids.size());
  auto wants = sort_wants(keys);
  for (size_t at = 0; at < uids.size(); at += kSortBatch) {
    std::vector<Uid> batch(uids.begin() + at,
                           uids.begin() + std::min(at + kSortBatch, uids.size()));
    auto infos = co_await session.selected->box->info(batch, wants);
    if (!infos) co_return infos.error();
    for (const auto& info : *infos) {
      SortEntry entry{info.uid};
      auto known = unpack_sort_keys(info.sort_keys).value_or(SortKeys{});
      for (auto key : keys) entry.values.push_back(sort_value(key.kind, info, known));
      if (!info.gone) entries.push_back(std::move(entry));
    }
    if (session.wants_breath()) co_await session.breathe();
  }
  auto before = [&keys](const SortEntry& a, const SortEntry& b) {
    return sorts_before(keys, a, b);
  };
  auto sort_all = [&] { std::stable_sort(entries.begin(), entries.end(), before); };
  co_await session.pool.run(sort_all);
  std::vector<Uid> sorted;
  sorted.reserve(entries.size());
  for (const auto& entry : entries) sorted.push_back(entry.uid);
  co_return sorted;
}

}  // namespace dovetail::mda::imap
