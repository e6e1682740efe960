// The ready texts beside the index, "dovetail.index.cache": one block for each message, type = uid; see folder_index.h.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>

#include "common/base/text.h"
#include "mda/message/file_bytes.h"
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/folder_index.h"
#include "mda/storage/index/index_types.h"
#include "mda/storage/index/open_indexes.h"

namespace dovetail::mda {

namespace {

constexpr uint64_t kTextWindow = 64 << 10;    // neighbours are asked for together
constexpr uint32_t kLongestText = 64 << 20;   // longer is damage
constexpr uint64_t kSmallTextFile = 1 << 20;  // not worth compacting

std::string index_text_block(Uid uid, const IndexTexts& texts) {
  std::string body;
  for (const std::string* one : {&texts.envelope, &texts.body, &texts.sort_keys})
    put_number<uint32_t>(body, static_cast<uint32_t>(one->size()));
  body += texts.envelope;
  body += texts.body;
  body += texts.sort_keys;
  body += texts.body_structure;
  return make_block(uid, body);
}

}  // namespace

std::optional<IndexTexts> FolderIndex::texts(const IndexRow& row) {
  if (row.text_offset == 0 || access_.in_memory || row.text_length > kLongestText)
    return std::nullopt;
  OpenIndexes::Use use(*this);
  if (!cache_) cache_ = Fd(::open(cache_path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!cache_) return std::nullopt;
  uint64_t at = row.text_offset - 1;
  if (at < window_at_ || at + row.text_length > window_at_ + window_.size()) {
    auto bytes = read_bytes_at(cache_.get(), at, std::max<uint64_t>(row.text_length, kTextWindow));
    if (!bytes) return std::nullopt;
    window_ = std::move(*bytes);
    window_at_ = at;
  }
  std::string_view bytes = std::string_view(window_).substr(at - window_at_);
  bool torn = false;
  auto block = read_block(bytes.substr(0, row.text_length), torn);
  if (!block || block->type != row.uid) return std::nullopt;
  NumberReader in(block->body);
  uint32_t envelope = in.get<uint32_t>(), body = in.get<uint32_t>(), sort_keys = in.get<uint32_t>();
  IndexTexts texts;
  texts.envelope = std::string(in.text(envelope));
  texts.body = std::string(in.text(body));
  texts.sort_keys = std::string(in.text(sort_keys));
  texts.body_structure = std::string(in.text(in.left()));
  if (in.bad()) return std::nullopt;
  return texts;
}

void FolderIndex::put_texts(const std::vector<std::pair<Uid, IndexTexts>>& texts) {
  if (access_.in_memory || texts.empty()) return;
  Fd out(::open(cache_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, access_.mode));
  struct stat st {};
  if (!out || fstat(out.get(), &st) != 0) return;
  uint64_t at = static_cast<uint64_t>(st.st_size);
  std::string blocks;
  std::vector<IndexRow> facts;
  for (const auto& [uid, text] : texts) {
    std::string block = index_text_block(uid, text);
    IndexRow fact;
    fact.uid = uid;
    fact.text_offset = at + blocks.size() + 1;
    fact.text_length = static_cast<uint32_t>(block.size());
    facts.push_back(fact);
    blocks += block;
  }
  if (base::write_all(out.get(), blocks))
    put_facts(facts);
  else if (ftruncate(out.get(), static_cast<off_t>(at)) != 0)
    unlink(cache_path().c_str());
}

// Called by a fold, which writes the new offsets. A crash in between leaves offsets that lead nowhere: each block says
// whose it is, and texts that cannot be read are made again.
void FolderIndex::compact_texts() {
  struct stat st {};
  if (stat(cache_path().c_str(), &st) != 0) return;
  auto size = static_cast<uint64_t>(st.st_size);
  uint64_t living = 0;
  for (const IndexRow& row : rows_) living += row.text_offset != 0 ? row.text_length : 0;
  if (size < kSmallTextFile || living * 2 > size) return;
  std::string kept;
  std::vector<uint64_t> offsets;
  for (const IndexRow& row : rows_) {
    auto text = texts(row);
    offsets.push_back(text ? kept.size() + 1 : 0);
    if (text) kept += index_text_block(row.uid, *text);
  }
  if (!replace_index_file(cache_path(), kept, access_.mode)) return;
  for (size_t i = 0; i < rows_.size(); ++i) rows_[i].text_offset = offsets[i];
  cache_.reset();
  window_.clear();
}

}  // namespace dovetail::mda
