// One Maildir folder, by blocking calls: what Mailbox runs in the pool. Used by one job at a time; the view it leaves
// behind is immutable. Correctness rests on the files: uidlist under its dotlock, flags in the names, our index for
// modseqs. Others (the incumbent, shells, other MDAs) may change anything at any moment.
//
// A call that needs a lock somebody else holds gives false ("busy"), having changed nothing: the caller waits on the
// loop and calls again. After a while it gives up with the incumbent's "Timeout while waiting for lock".
//
// cur/ and new/ are judged by their mtimes. Directory times tick in some milliseconds, so a directory changed just
// before it was read is read again once. Our own renames move the time too: it is noted as seen if the directory was
// unchanged before, and every 30 seconds of that the directory is read anyway. Our index remembers these times, so that
// the next process finds the rows there and reads neither directory if nothing has changed since.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/log.h"
#include "common/base/text.h"
#include "mda/storage/index/folder_index.h"
#include "mda/storage/index/foreign_index.h"
#include "mda/storage/mailbox.h"
#include "mda/storage/maildir/uidlist.h"
#include "mda/storage/settings.h"
#include "mda/storage/view_edit.h"

namespace dovetail::mda {

struct FolderPaths {
  std::string name;          // for log lines
  std::string mail;          // holds cur/ new/ tmp/
  std::string control;       // holds dovecot-uidlist, dovecot-keywords
  std::string control_root;  // holds dovecot-uidvalidity
  std::string index;         // holds our index
  bool index_in_memory = false;
};

// A file in tmp/ that is to become a message.
struct StagedFile {
  std::string tmp_path;
  std::string base;  // the name it wants, sizes included
  uint8_t flags = 0;
  std::vector<std::string> keywords;
  std::string fields;  // of its uidlist line
  uint64_t physical_size = 0, virtual_size = 0;
};

class MaildirFolder {
 public:
  MaildirFolder(FolderPaths paths, std::shared_ptr<const StoreSettings> settings, Logger log);
  ~MaildirFolder();
  MaildirFolder(const MaildirFolder&) = delete;
  MaildirFolder& operator=(const MaildirFolder&) = delete;

  // Makes the directories (and maildirfolder for a subfolder) if they are missing.
  Result<void> create(bool marker);
  // The uidlist of a folder just created, with this GUID.
  Result<void> create_list(const std::string& guid);
  ViewPointer view() const { return view_; }
  const FolderPaths& paths() const { return paths_; }

  Result<bool> sync();
  Result<bool> claim_recent(std::vector<Uid>& claimed);
  Result<bool> set_flags(const std::vector<Uid>& uids, const FlagUpdate& update,
                         std::vector<Uid>& modified);
  Result<bool> expunge(const std::vector<Uid>& uids, std::vector<Uid>& gone);
  // Moves staged files in under the uidlist lock; all or none.
  Result<bool> commit(std::vector<StagedFile>& files, Saved& saved);
  // Deliveries: each for itself, without reading anything; with `without_uid` no lock is needed and the uids are 0.
  struct Arrival {
    StagedFile& file;
    Saved& saved;
    Result<void>& done;
  };
  bool deliver(const std::vector<Arrival>& arrivals, bool without_uid);
  // Hard links (or copies) of messages of another folder into our tmp/. Messages that have gone are left out.
  Result<std::vector<StagedFile>> stage_copies(MaildirFolder& from, const std::vector<Uid>& uids,
                                               std::vector<Uid>& sources);
  Result<std::vector<MessageInfo>> info(const std::vector<Uid>& uids, unsigned wants,
                                        size_t most_opened = SIZE_MAX);
  // -1 inside: the message has gone.
  Result<Fd> open_message(Uid uid);
  ChangesSince changes_since(Modseq since);
  // The incumbent may have the mailbox now: a log for it whose modseqs begin above ours. Also done by the destructor
  // if anything was changed. Nothing is written for a folder that was never synced.
  void hand_back();

  std::string tmp_path(std::string_view name) const {
    return format("{}/tmp/{}", paths_.mail, name);
  }
  mode_t file_mode() const { return file_mode_; }
  const StoreSettings& settings() const { return *settings_; }
  MimeLimits mime_limits() const;

 private:
  struct DirectoryState {
    timespec mtime{};
    bool scanned = false;
    bool racy = false;  // read within the tick of its last change
    int64_t trusted_at =
        0;  // monotonic ms of the first own change taken for granted since it was read
    int64_t trusted_since = 0;  // the same by the wall clock, for the index
    uint32_t own_changes = 0;
  };
  // A directory's time, taken before it is read.
  struct Sample {
    timespec mtime{};
    bool racy = false;
  };
  struct Found {
    std::string file;
    bool in_new = false;
  };
  using FoundFiles = std::unordered_map<std::string, Found>;

  // folder_sync.cc
  Sample sample(const char* which) const;
  static bool must_scan(const DirectoryState& state, const Sample& now);
  Result<bool> scan_and_merge(Sample fresh, Sample cur, bool whole);
  Result<void> scan(const char* which, FoundFiles& found);
  void fix_duplicate(const char* which, const std::string& first, const std::string& second,
                     FoundFiles& found);
  static void note_scanned(DirectoryState& state, const Sample& seen);
  bool take_uidlist(Uidlist::Read read);
  Result<bool> merge(FoundFiles& found, bool whole);
  bool merge_known(FoundFiles& found, bool whole, ViewEdit& edit);
  Result<bool> merge_unknown(FoundFiles& found, ViewEdit& edit);
  Result<bool> assign_uids(std::vector<std::string> names, std::vector<Row>& added,
                           FoundFiles& found);
  Result<void> rewrite_uidlist();
  Result<UidlistHeader> new_list_header();
  Result<void> make_uidlist();
  Row row_from_file(Uid uid, const Found& found) const;
  Result<void> reload_keywords();
  // folder_view.cc: brings an edit, the index and the view together.
  bool lock_index();
  void put_index_rows(const std::vector<Row>& rows);
  // folder_warm.cc: what the index remembers of the directories.
  bool warm_open(std::vector<UidlistEntry>& entries);
  std::optional<Row> row_from_index(const IndexRow& index, const std::string& base) const;
  void remember_folder();
  // folder_swap.cc: the incumbent's index files.
  struct FamilyState {
    uint64_t inode = 0, size = 0;
    timespec mtime{};
    bool there = false;
  };
  FamilyState family_state() const;
  bool family_is_ours();
  Result<bool> import_family();
  void import_rows(const ForeignIndex& foreign);
  KeywordSet import_keywords(const ForeignIndex& foreign, const ForeignMessage& message,
                             std::vector<std::optional<unsigned>>& numbers);
  void remove_family();
  StubContents stub_contents() const;
  void finish_edit(ViewEdit edit);
  void adopt_modseqs(ViewEdit& edit);
  void agree_with_index(View& view);
  std::shared_ptr<View> next_view(std::vector<View::ChunkPointer> chunks) const;
  void publish(ViewEdit edit);

  // folder_flags.cc
  void own_change_begins();
  void own_change_ended();
  Result<std::optional<KeywordSet>> keyword_set(const std::vector<std::string>& names);
  Result<bool> update_row(Row& row, const FlagUpdate& update, KeywordSet keywords);
  bool unlink_row(Row row);

  // folder_save.cc, folder_info.cc
  std::string path_of(const Row& row) const;
  Result<std::optional<Row>> find_again(const Row& row);
  void clean_tmp();
  Result<std::string> move_in(StagedFile& file, KeywordSet keywords);
  KeywordSet letters_of(const std::vector<std::string>& keywords);
  void list_arrivals(const std::vector<Arrival>& arrivals);
  Result<void> set_high_keywords(const std::vector<StagedFile>& files, const Saved& saved);
  Result<bool> fill_info(const Row& row, unsigned wants, MessageInfo& info, IndexRow& fact,
                         std::optional<IndexTexts>& texts, bool& parsed);
  void facts_from_names(const Row& row, IndexRow& fact) const;

  FolderPaths paths_;
  std::shared_ptr<const StoreSettings> settings_;
  Logger log_;
  mode_t directory_mode_ = 0700, file_mode_ = 0600;
  gid_t group_ = static_cast<gid_t>(-1);
  Uidlist uidlist_;
  FolderIndex index_;
  ViewPointer view_ = std::make_shared<View>();
  DirectoryState new_, cur_;
  std::unordered_map<std::string, UidlistEntry>
      listed_;                                   // uidlist lines whose file is not among the rows
  std::unordered_map<Uid, std::string> fields_;  // of rows that have any
  std::vector<std::string> keywords_;            // of dovecot-keywords
  timespec keywords_mtime_{};
  bool remap_ = true;  // the uidlist was replaced: uids of all rows are in question
  bool broken_ = false;
  bool others_wrote_ = false;  // index rows of others that are not in the view yet
  int64_t tmp_cleaned_at_ = 0;
  FamilyState family_;   // as last looked at: our own stub, or nothing
  bool opened_ = false;  // the first sync() has looked into the index
  bool new_was_current_ = false, cur_was_current_ = false;  // before an own change
};

}  // namespace dovetail::mda
