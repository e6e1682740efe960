// State of the index and what is put into it; see folder_index.h. The file itself is index_file.cc.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/index/folder_index.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/index_types.h"

namespace dovetail::mda {

namespace {

constexpr size_t kMostExpunges = 65536;

bool index_row_before(const IndexRow& row, Uid uid) {
  return row.uid < uid;
}

}  // namespace

FolderIndex::FolderIndex(std::string directory, Access access, Logger log)
    : directory_(std::move(directory)), access_(access), log_(std::move(log)) {
  start_empty();
}

Modseq modseq_of_clock() {
  base::Wall now = base::wall_now();
  return (static_cast<Modseq>(now.seconds) << 20) + static_cast<Modseq>(now.microseconds) + 1;
}

void FolderIndex::start_empty() {
  rows_.clear();
  expunges_.clear();
  keywords_.clear();
  suffixes_.clear();
  guid_.clear();
  folder_ = {};
  stub_ = {};
  closed_ = false;
  uid_validity_ = 0;
  uid_next_ = 1;
  highest_modseq_ = std::max(highest_modseq_ + 1, modseq_of_clock());
  expunges_from_ = highest_modseq_;
}

const IndexRow* FolderIndex::find(Uid uid) const {
  auto row = std::lower_bound(rows_.begin(), rows_.end(), uid, index_row_before);
  return row != rows_.end() && row->uid == uid ? &*row : nullptr;
}

IndexRow* FolderIndex::find_mutable(Uid uid) {
  auto row = std::lower_bound(rows_.begin(), rows_.end(), uid, index_row_before);
  return row != rows_.end() && row->uid == uid ? &*row : nullptr;
}

bool FolderIndex::apply_rows(std::string_view body) {
  NumberReader in(body);
  uint32_t count = in.get<uint32_t>();
  if (count > body.size()) return false;
  std::vector<IndexRow> rows(count);
  for (IndexRow& row : rows) row.uid = in.get<uint32_t>();
  for (IndexRow& row : rows) row.flags = in.get<uint8_t>();
  for (IndexRow& row : rows) row.keywords = in.get<uint64_t>();
  for (IndexRow& row : rows) row.modseq = in.get<uint64_t>();
  for (IndexRow& row : rows) row.place = in.get<uint8_t>();
  if (in.bad()) return false;
  for (const IndexRow& row : rows) {
    if (row.uid == 0) return false;
  }
  rows_.reserve(rows_.empty() ? rows.size() : 0);
  for (const IndexRow& row : rows) {
    highest_modseq_ = std::max(highest_modseq_, row.modseq);
    if (!(row.place & kPlaceSuffix)) suffixes_.erase(row.uid);
    if (rows_.empty() || rows_.back().uid < row.uid) {
      rows_.push_back(row);
    } else if (IndexRow* known = find_mutable(row.uid)) {
      known->flags = row.flags;
      known->keywords = row.keywords;
      known->modseq = row.modseq;
      known->place = row.place;
    } else {
      rows_.insert(std::lower_bound(rows_.begin(), rows_.end(), row.uid, index_row_before), row);
    }
  }
  return true;
}

bool FolderIndex::apply_expunges(std::string_view body) {
  NumberReader in(body);
  uint32_t count = in.get<uint32_t>();
  if (count > body.size()) return false;
  std::vector<Expunged> gone(count);
  for (Expunged& one : gone) one.uid = in.get<uint32_t>();
  for (Expunged& one : gone) one.modseq = in.get<uint64_t>();
  if (in.bad()) return false;
  std::vector<Uid> uids;
  for (const Expunged& one : gone) {
    uids.push_back(one.uid);
    suffixes_.erase(one.uid);
    highest_modseq_ = std::max(highest_modseq_, one.modseq);
    expunges_.push_back(one);
  }
  std::sort(uids.begin(), uids.end());
  auto is_gone = [&](const IndexRow& row) {
    return std::binary_search(uids.begin(), uids.end(), row.uid);
  };
  rows_.erase(std::remove_if(rows_.begin(), rows_.end(), is_gone), rows_.end());
  if (expunges_.size() > kMostExpunges) {
    size_t drop = expunges_.size() - kMostExpunges / 2;
    expunges_from_ = expunges_[drop - 1].modseq;
    expunges_.erase(expunges_.begin(), expunges_.begin() + static_cast<long>(drop));
  }
  return true;
}

bool FolderIndex::apply_facts(std::string_view body) {
  NumberReader in(body);
  uint32_t count = in.get<uint32_t>();
  if (count > body.size()) return false;
  std::vector<IndexRow> facts(count);
  for (IndexRow& row : facts) row.uid = in.get<uint32_t>();
  for (IndexRow& row : facts) row.virtual_size = in.get<uint64_t>();
  for (IndexRow& row : facts) row.physical_size = in.get<uint64_t>();
  for (IndexRow& row : facts) row.internal_date = in.get<int64_t>();
  for (IndexRow& row : facts) row.save_date = in.get<int64_t>();
  for (IndexRow& row : facts) row.text_offset = in.get<uint64_t>();
  for (IndexRow& row : facts) row.text_length = in.get<uint32_t>();
  if (in.bad()) return false;
  for (const IndexRow& fact : facts) {
    IndexRow* row = find_mutable(fact.uid);
    if (row == nullptr) continue;
    if (fact.virtual_size > 0) row->virtual_size = fact.virtual_size;
    if (fact.physical_size > 0) row->physical_size = fact.physical_size;
    if (fact.internal_date != 0) row->internal_date = fact.internal_date;
    if (fact.save_date != 0) row->save_date = fact.save_date;
    if (fact.text_offset == 0) continue;
    row->text_offset = fact.text_offset;
    row->text_length = fact.text_length;
  }
  return true;
}

bool FolderIndex::apply_mark(std::string_view body) {
  NumberReader in(body);
  uid_validity_ = in.get<uint32_t>();
  uid_next_ = std::max(uid_next_, in.get<uint32_t>());
  highest_modseq_ = std::max(highest_modseq_, in.get<uint64_t>());
  expunges_from_ = in.get<uint64_t>();
  guid_ = std::string(in.text(in.left()));
  return !in.bad();
}

bool FolderIndex::apply_suffix(std::string_view body) {
  NumberReader in(body);
  Uid uid = in.get<uint32_t>();
  if (in.bad()) return false;
  suffixes_[uid] = std::string(in.text(in.left()));
  return true;
}

bool FolderIndex::apply_folder(std::string_view body) {
  NumberReader in(body);
  IndexFolder folder;
  for (IndexFolder::Directory* one : {&folder.fresh, &folder.cur}) {
    one->known = in.get<uint8_t>() != 0;
    one->seconds = in.get<int64_t>();
    one->nanoseconds = in.get<int64_t>();
    one->trusted_since = in.get<int64_t>();
    one->own_changes = in.get<uint32_t>();
  }
  if (in.bad()) return false;
  folder_ = folder;
  return true;
}

// One block's meaning; false if it makes no sense.
bool FolderIndex::apply(unsigned type, std::string_view body) {
  NumberReader in(body);
  switch (type) {
    case kIndexRows:
      return apply_rows(body);
    case kIndexExpunges:
      return apply_expunges(body);
    case kIndexFacts:
      return apply_facts(body);
    case kIndexKeyword: {
      uint32_t number = in.get<uint32_t>();
      std::string_view name = in.text(in.left());
      if (in.bad() || number >= kMaxKeywords) return false;
      if (keywords_.size() <= number) keywords_.resize(number + 1);
      keywords_[number] = std::string(name);
      return true;
    }
    case kIndexMark:
      return apply_mark(body);
    case kIndexSuffix:
      return apply_suffix(body);
    case kIndexFolder:
      return apply_folder(body);
    case kIndexStub:
      stub_.size = in.get<uint32_t>();
      stub_.crc = in.get<uint32_t>();
      stub_.initial = in.get<uint64_t>();
      return !in.bad();
    case kIndexClosed:
      return true;
    default:
      return false;
  }
}

void FolderIndex::add_block(unsigned type, std::string_view body) {
  apply(type, body);
  closed_ = type == kIndexClosed;
  if (!access_.in_memory) pending_ += make_block(type, body);
}

void FolderIndex::reset(uint32_t uid_validity, const std::string& guid) {
  IndexStub stub = stub_;
  start_empty();
  uid_validity_ = uid_validity;
  guid_ = guid;
  stub_ = stub;
  fold();
}

void FolderIndex::put_rows(const std::vector<IndexRow>& rows) {
  if (!rows.empty()) add_block(kIndexRows, index_rows_body(rows.data(), rows.size()));
}

void FolderIndex::put_facts(const std::vector<IndexRow>& rows) {
  if (!rows.empty()) add_block(kIndexFacts, index_facts_body(rows.data(), rows.size()));
}

void FolderIndex::put_expunges(const std::vector<Expunged>& expunges) {
  if (!expunges.empty())
    add_block(kIndexExpunges, index_expunges_body(expunges.data(), expunges.size()));
}

void FolderIndex::put_keyword(unsigned number, const std::string& name) {
  std::string body;
  put_number<uint32_t>(body, number);
  add_block(kIndexKeyword, body + name);
}

void FolderIndex::put_mark(Uid uid_next) {
  if (uid_next <= uid_next_) return;
  uid_next_ = uid_next;
  add_block(kIndexMark,
            index_mark_body({uid_validity_, uid_next_, highest_modseq_, expunges_from_, guid_}));
}

void FolderIndex::raise_modseq(Modseq least) {
  if (least <= highest_modseq_) return;
  highest_modseq_ = least;
  add_block(kIndexMark,
            index_mark_body({uid_validity_, uid_next_, highest_modseq_, expunges_from_, guid_}));
}

void FolderIndex::put_suffix(Uid uid, const std::string& suffix) {
  add_block(kIndexSuffix, index_suffix_body(uid, suffix));
}

void FolderIndex::put_folder(const IndexFolder& folder) {
  if (folder != folder_) add_block(kIndexFolder, index_folder_body(folder));
}

void FolderIndex::put_stub(const IndexStub& stub) {
  if (stub != stub_) add_block(kIndexStub, index_stub_body(stub));
}

void FolderIndex::put_closed() {
  if (!closed_) add_block(kIndexClosed, {});
}

std::string FolderIndex::odd_suffix(Uid uid) const {
  auto known = suffixes_.find(uid);
  return known == suffixes_.end() ? std::string() : known->second;
}

}  // namespace dovetail::mda
