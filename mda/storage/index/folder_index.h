// Our index of one mailbox, "dovetail.index": what the Maildir itself does not say (modseqs, expunges, keywords beyond
// 26) and what is dear to find out again (sizes, dates, ready ENVELOPE and BODYSTRUCTURE texts). Never the truth: it
// may be removed at any time, and anything damaged in it is thrown away with one log line.
//
// One file: a header, then blocks, each {crc, type, length, columns}. A fold writes the state as few big blocks;
// after it small blocks are appended. Readers read what was added since; a new inode means a fold by somebody else.
// Writers hold an OFD lock. No fsync: after a boot the highest modseq is pushed past anything that may have been lost.
//
//   rows      uid[] flags[] keywords[] modseq[]        expunges  uid[] modseq[]
//   facts     uid[] vsize[] psize[] date[] saved[]     keyword   number, name
//   texts     uid, envelope, body, bodystructure       mark      uidvalidity, uid_next, highest modseq
//
// The texts lie in "dovetail.index.cache", found by offset, each with its own crc, so that a fold does not move them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/log.h"
#include "mda/storage/types.h"

namespace dovetail::mda {

struct IndexRow {
  Uid uid = 0;
  uint8_t flags = 0;
  KeywordSet keywords = 0;
  Modseq modseq = 0;
  uint64_t virtual_size = 0, physical_size = 0;  // 0: not known (a message is never empty)
  int64_t internal_date = 0, save_date = 0;      // 0: not known
  uint64_t text_offset = 0;                      // in the cache file + 1; 0: none
};

struct IndexTexts {
  std::string envelope, body, body_structure;
};

class FolderIndex {
 public:
  struct Access {
    mode_t mode = 0600;
    bool in_memory = false;  // nothing is written
  };
  FolderIndex(std::string directory, Access access, Logger log);

  // Reads what was added. Nothing there, or damaged: starts empty, with modseqs above all given before.
  void refresh();
  bool try_lock();  // also refreshes; false: held by somebody else
  void unlock();

  const std::vector<IndexRow>& rows() const { return rows_; }
  const IndexRow* find(Uid uid) const;
  uint32_t uid_validity() const { return uid_validity_; }
  Uid uid_next() const { return uid_next_; }
  Modseq highest_modseq() const { return highest_modseq_; }
  // All expunges since this modseq are known.
  Modseq expunges_from() const { return expunges_from_; }
  const std::vector<Expunged>& expunges() const { return expunges_; }
  const std::vector<std::string>& keywords() const { return keywords_; }
  std::optional<IndexTexts> texts(const IndexRow& row);

  // Changes: only while locked. Rows carry their modseq already.
  void reset(uint32_t uid_validity);  // another mailbox: forgets all rows
  void put_rows(const std::vector<IndexRow>& rows);
  void put_expunges(const std::vector<Expunged>& expunges);
  void put_keyword(unsigned number, const std::string& name);
  void put_mark(Uid uid_next);
  void raise_modseq(Modseq least);
  // Facts and texts are true for ever, and may be put with the lock not held by taking it for a moment.
  void put_facts(const std::vector<IndexRow>& rows);
  void put_texts(const std::vector<std::pair<Uid, IndexTexts>>& texts);
  // Writes what was put. A failure turns the index into one in memory, with a warning.
  void commit();

 private:
  void start_empty();
  void load(std::string_view bytes);
  bool apply(unsigned type, std::string_view body);
  bool apply_rows(std::string_view body);
  bool apply_expunges(std::string_view body);
  bool apply_facts(std::string_view body);
  void fold();
  void write_out();
  void add_block(unsigned type, std::string_view body);
  void give_up(std::string_view doing);
  IndexRow* find_mutable(Uid uid);
  std::string file_path() const { return directory_ + "/dovetail.index"; }
  std::string cache_path() const { return directory_ + "/dovetail.index.cache"; }

  std::string directory_;
  Access access_;
  Logger log_;
  Fd fd_, cache_;
  uint64_t inode_ = 0, offset_ = 0, folded_size_ = 0;
  bool locked_ = false;
  std::string pending_;

  std::vector<IndexRow> rows_;
  std::vector<Expunged> expunges_;
  std::vector<std::string> keywords_;
  uint32_t uid_validity_ = 0;
  Uid uid_next_ = 1;
  Modseq highest_modseq_ = 0, expunges_from_ = 0;
};

}  // namespace dovetail::mda
