// Our index of one mailbox, "dovetail.index": what the Maildir itself does not say (modseqs, expunges, keywords beyond
// 26) and what is dear to find out again (sizes, dates, ready ENVELOPE and BODYSTRUCTURE texts). Never the truth: it
// may be removed at any time, and anything damaged in it is thrown away with one log line.
//
// One file: a header with the boot it was written in, then blocks, each {crc, type, length, columns}. A fold writes the
// state as few big blocks; after it small blocks are appended. Readers read what was added since; a new inode means a
// fold by somebody else. Writers hold an OFD lock. No fsync: a file of another boot counts only if its last block says
// that it was closed; else it is made anew, and the highest modseq is pushed past anything that may have been lost.
//
//   rows      uid[] flags[] keywords[] modseq[] place[]      expunges  uid[] modseq[]
//   facts     uid[] vsize[] psize[] date[] saved[] text[]    keyword   number, name
//   suffix    uid, what a file name has that flags and place do not say
//   folder    mtimes of new/ and cur/ at which the rows were right, so that the next process need not read them
//   stub      what dovecot.index.log looked like when we left it to the incumbent
//   mark      uidvalidity, uid_next, highest modseq, guid    closed    the last block of a clean end
//
// The texts (ENVELOPE, BODY, BODYSTRUCTURE, sort keys) lie in "dovetail.index.cache", found by offset, each with its
// own crc, so that a fold does not move them; one that finds more dead than living texts there writes it anew.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <unordered_map>
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
  uint32_t text_length = 0;
  uint8_t place = 0;  // IndexPlace bits
};

// Where a message's file lies and how its name ends.
enum IndexPlace : uint8_t {
  kPlaceNew = 1,     // in new/
  kPlacePlain = 2,   // no suffix at all
  kPlaceSuffix = 4,  // a suffix other than the one made from flags and keywords: see odd_suffix()
};

struct IndexTexts {
  std::string envelope, body, body_structure, sort_keys;
};

// The directories when the rows said all about them.
struct IndexFolder {
  struct Directory {
    int64_t seconds = 0, nanoseconds = 0;
    int64_t trusted_since =
        0;  // wall clock; 0: it was read. Else own changes were taken for granted since then,
    uint32_t own_changes = 0;  // so many
    bool known = false;
    bool operator==(const Directory&) const = default;
  };
  Directory fresh, cur;  // new/, cur/
  bool operator==(const IndexFolder&) const = default;
};

struct IndexStub {
  uint32_t size = 0, crc = 0;  // 0: none was left
  Modseq initial = 0;
  bool operator==(const IndexStub&) const = default;
};

// Above all modseqs given before this moment, whatever was lost: seconds since 1970, a million to each.
Modseq modseq_of_clock();

class FolderIndex {
 public:
  struct Access {
    mode_t mode = 0600;
    bool in_memory = false;  // nothing is written
  };
  FolderIndex(std::string directory, Access access, Logger log);
  ~FolderIndex();
  FolderIndex(const FolderIndex&) = delete;
  FolderIndex& operator=(const FolderIndex&) = delete;

  // Reads what was added. Nothing there, or damaged: starts empty, with modseqs above all given before.
  void refresh();
  bool try_lock();  // also refreshes; false: held by somebody else
  void unlock();

  const std::vector<IndexRow>& rows() const { return rows_; }
  const IndexRow* find(Uid uid) const;
  uint32_t uid_validity() const { return uid_validity_; }
  const std::string& guid() const { return guid_; }
  const IndexFolder& folder() const { return folder_; }
  const IndexStub& stub() const { return stub_; }
  std::string odd_suffix(Uid uid) const;
  bool in_memory() const { return access_.in_memory; }
  Uid uid_next() const { return uid_next_; }
  Modseq highest_modseq() const { return highest_modseq_; }
  // All expunges since this modseq are known.
  Modseq expunges_from() const { return expunges_from_; }
  const std::vector<Expunged>& expunges() const { return expunges_; }
  const std::vector<std::string>& keywords() const { return keywords_; }
  std::optional<IndexTexts> texts(const IndexRow& row);
  void forget_window() { window_ = std::string(); }  // after the last texts() of a batch

  // Changes: only while locked. Rows carry their modseq already.
  void reset(uint32_t uid_validity, const std::string& guid);  // another mailbox: forgets all rows
  void put_rows(const std::vector<IndexRow>& rows);
  void put_expunges(const std::vector<Expunged>& expunges);
  void put_keyword(unsigned number, const std::string& name);
  void put_mark(Uid uid_next);
  void raise_modseq(Modseq least);
  void put_suffix(Uid uid, const std::string& suffix);
  void put_folder(const IndexFolder& folder);
  void put_stub(const IndexStub& stub);
  // The last thing said by a process that has done with the mailbox.
  void put_closed();
  // Makes what was committed survive a loss of power: before something is removed that is said here only.
  void sync_to_disk();
  // Facts and texts are true for ever, and may be put with the lock not held by taking it for a moment.
  void put_facts(const std::vector<IndexRow>& rows);
  void put_texts(const std::vector<std::pair<Uid, IndexTexts>>& texts);
  // From now on commit() appends, however long the log is: a fold is no work for the loop's thread.
  void only_append() { only_append_ = true; }
  // Writes what was put. A failure turns the index into one in memory, with a warning.
  void commit();

 private:
  void start_empty();
  void load(std::string_view bytes);
  bool apply(unsigned type, std::string_view body);
  bool apply_rows(std::string_view body);
  bool apply_expunges(std::string_view body);
  bool apply_facts(std::string_view body);
  bool apply_suffix(std::string_view body);
  bool apply_folder(std::string_view body);
  bool apply_mark(std::string_view body);
  void fold();
  std::string folded() const;
  void compact_texts();
  bool read_log(bool fresh, uint64_t size);
  bool open_log();
  void begin_anew(std::string_view why);
  void write_out();
  void add_block(unsigned type, std::string_view body);
  void give_up(std::string_view doing);
  IndexRow* find_mutable(Uid uid);
  std::string file_path() const { return directory_ + "/dovetail.index"; }
  std::string cache_path() const { return directory_ + "/dovetail.index.cache"; }

  std::string directory_;
  Access access_;
  Logger log_;
  friend class OpenIndexes;
  Fd fd_, cache_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;  // OpenIndexes may not close the files now
  uint64_t inode_ = 0, offset_ = 0, folded_size_ = 0;
  bool locked_ = false, must_fold_ = false, closed_ = false, only_append_ = false;
  std::string pending_;
  std::string window_;  // of the cache file, where the last texts were
  uint64_t window_at_ = 0;

  std::vector<IndexRow> rows_;
  std::vector<Expunged> expunges_;
  std::vector<std::string> keywords_;
  std::unordered_map<Uid, std::string> suffixes_;
  std::string guid_;
  IndexFolder folder_;
  IndexStub stub_;
  uint32_t uid_validity_ = 0;
  Uid uid_next_ = 1;
  Modseq highest_modseq_ = 0, expunges_from_ = 0;
};

}  // namespace dovetail::mda
