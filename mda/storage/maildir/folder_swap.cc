// The incumbent's index files beside a Maildir: taken over on first sight, and a log left for it when we go; see
// folder.h and foreign_index.h.
//
// While we work the family is gone, or is the log we left. Anything else means that the incumbent has written: what only
// its index knows is imported, both directories are read, and the family is removed. Its index would be wrong after our
// first change, and a wrong index is worse for it than none.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/lock.h"
#include "common/base/text.h"
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/index_types.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

namespace {

constexpr size_t kLargestForeignFile = size_t{512} << 20;
constexpr std::string_view kFamilyLog = "/dovecot.index.log";
constexpr std::string_view kFamily[] = {"/dovecot.index", "/dovecot.index.log",
                                        "/dovecot.index.log.2", "/dovecot.index.cache",
                                        "/dovecot.index.backup"};
// The incumbent's list of mailboxes caches what it thinks of each of them.
constexpr std::string_view kListFamily[] = {"/dovecot.list.index", "/dovecot.list.index.log",
                                            "/dovecot.list.index.log.2",
                                            "/dovecot.list.index.cache"};

std::string foreign_bytes(const std::string& path) {
  auto bytes = base::read_file(path, kLargestForeignFile);
  return bytes ? std::move(*bytes) : std::string();
}

// The incumbent locks its log while it writes; false: it is at work right now.
bool foreign_log_is_quiet(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return true;
  auto held = base::try_ofd_lock(fd.get(), base::LockKind::exclusive);
  return !held || *held;
}

}  // namespace

MaildirFolder::~MaildirFolder() {
  index_.only_append();
  hand_back();
}

MaildirFolder::FamilyState MaildirFolder::family_state() const {
  FamilyState state;
  struct stat st {};
  if (stat(format("{}{}", paths_.index, kFamilyLog).c_str(), &st) != 0) return state;
  state.there = true;
  state.inode = st.st_ino;
  state.size = static_cast<uint64_t>(st.st_size);
  state.mtime = st.st_mtim;
  return state;
}

// Is what lies there the log we left, untouched?
bool MaildirFolder::family_is_ours() {
  index_.refresh();
  const IndexStub& stub = index_.stub();
  if (stub.size == 0 || base::file_exists(paths_.index + "/dovecot.index")) return false;
  std::string bytes = foreign_bytes(format("{}{}", paths_.index, kFamilyLog));
  return bytes.size() == stub.size && crc32c(bytes) == stub.crc;
}

// Looked at in every sync(); false: busy.
Result<bool> MaildirFolder::import_family() {
  if (index_.in_memory()) return true;
  FamilyState now = family_state();
  bool same = now.there == family_.there && now.inode == family_.inode &&
              now.size == family_.size && now.mtime.tv_sec == family_.mtime.tv_sec &&
              now.mtime.tv_nsec == family_.mtime.tv_nsec;
  if (same && (now.there || opened_)) return true;
  if (!now.there && !base::file_exists(paths_.index + "/dovecot.index")) {
    family_ = now;
    return true;
  }
  if (now.there && family_is_ours()) {
    family_ = now;
    return true;
  }
  if (!lock_index()) return false;
  auto locked = uidlist_.try_lock();
  bool quiet = locked && *locked && foreign_log_is_quiet(format("{}{}", paths_.index, kFamilyLog));
  if (quiet) {
    ForeignIndex foreign;
    foreign.read_main(foreign_bytes(paths_.index + "/dovecot.index"));
    foreign.read_log(foreign_bytes(paths_.index + "/dovecot.index.log.2"));
    foreign.read_log(foreign_bytes(paths_.index + "/dovecot.index.log"));
    foreign.read_cache(foreign_bytes(paths_.index + "/dovecot.index.cache"));
    import_rows(foreign);
    index_.sync_to_disk();
    if (!index_.in_memory()) remove_family();
    family_ = family_state();
  }
  uidlist_.unlock();
  index_.unlock();
  if (!locked) return locked.error();
  return quiet;
}

// Keywords with a letter come from the file names; the others get numbers of our own.
KeywordSet MaildirFolder::import_keywords(const ForeignIndex& foreign,
                                          const ForeignMessage& message,
                                          std::vector<std::optional<unsigned>>& numbers) {
  KeywordSet set = 0;
  for (uint16_t keyword : message.keywords) {
    if (keyword >= numbers.size()) continue;
    std::optional<unsigned>& number = numbers[keyword];
    const std::string& name = foreign.keywords()[keyword];
    if (!number && !name.empty()) {
      size_t next = std::max<size_t>(kKeywordLetters, index_.keywords().size());
      if (next >= kMaxKeywords) {
        log_.warning("Mailbox {}: keyword {} is one too many and was not taken over", paths_.name,
                     base::printable(name));
        number = kMaxKeywords;
      } else {
        index_.put_keyword(static_cast<unsigned>(next), name);
        number = static_cast<unsigned>(next);
      }
    }
    if (number && *number < kMaxKeywords) set |= KeywordSet{1} << *number;
  }
  return set;
}

void MaildirFolder::import_rows(const ForeignIndex& foreign) {
  const UidlistHeader& header = uidlist_.header();
  bool listed = header.uid_validity != 0;
  uint32_t validity = listed ? header.uid_validity : foreign.uid_validity();
  if (index_.uid_validity() != validity || (listed && index_.guid() != header.guid))
    index_.reset(validity, header.guid);
  index_.raise_modseq(std::max(foreign.highest_modseq(), modseq_of_clock()) + 1);
  cur_ = new_ = {};
  others_wrote_ = true;
  index_.put_folder({});
  if (foreign.uid_validity() != validity) return;
  index_.put_mark(foreign.uid_next());
  std::vector<std::optional<unsigned>> numbers(foreign.keywords().size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    auto known = [&](const std::vector<std::string>& names, size_t from) {
      for (size_t n = from; n < names.size() && !numbers[i]; ++n) {
        if (base::iequals(names[n], foreign.keywords()[i])) numbers[i] = static_cast<unsigned>(n);
      }
    };
    known(keywords_, 0);
    known(index_.keywords(), kKeywordLetters);
  }
  std::vector<IndexRow> rows, facts;
  for (const ForeignMessage& message : foreign.messages()) {
    const IndexRow* ours = index_.find(message.uid);
    IndexRow row;
    row.uid = message.uid;
    row.flags = message.flags;
    row.keywords = import_keywords(foreign, message, numbers);
    row.modseq = message.modseq != 0 ? message.modseq : foreign.highest_modseq();
    // What our clients were told of this message is no longer so: it has changed just now.
    bool differs = ours != nullptr && (ours->flags != row.flags || ours->keywords != row.keywords);
    if (differs && row.modseq <= ours->modseq) row.modseq = index_.highest_modseq();
    if (ours != nullptr) row.modseq = std::max(row.modseq, ours->modseq);
    rows.push_back(row);
    // A date of ours is older: the incumbent took it from the file, which was renamed since.
    row.save_date = ours != nullptr && ours->save_date != 0 ? 0 : message.save_date;
    if (row.save_date != 0) facts.push_back(row);
  }
  index_.put_rows(rows);
  index_.put_facts(facts);
  log_.info("Mailbox {}: took over {} messages and {} keywords from dovecot.index*", paths_.name,
            rows.size(), foreign.keywords().size());
}

void MaildirFolder::remove_family() {
  for (std::string_view name : kFamily) unlink(format("{}{}", paths_.index, name).c_str());
  if (!base::file_exists(paths_.index + "/maildirfolder")) {
    for (std::string_view name : kListFamily) unlink(format("{}{}", paths_.index, name).c_str());
  }
  index_.put_stub({});
}

StubContents MaildirFolder::stub_contents() const {
  StubContents contents;
  contents.initial_modseq = index_.highest_modseq() + 1;
  contents.created = static_cast<uint32_t>(base::wall_now().seconds);
  contents.uid_validity = index_.uid_validity();
  bool high = std::any_of(index_.rows().begin(), index_.rows().end(),
                          [](const IndexRow& row) { return row.keywords >> kKeywordLetters != 0; });
  if (!high) return contents;  // all else stands in the uidlist and the file names
  contents.keywords = keywords_;
  contents.keywords.resize(std::max<size_t>(kKeywordLetters, index_.keywords().size()));
  for (size_t i = kKeywordLetters; i < index_.keywords().size(); ++i)
    contents.keywords[i] = index_.keywords()[i];
  contents.first_recent = index_.uid_next();
  for (const IndexRow& row : index_.rows()) {
    contents.rows.push_back({row.uid, row.flags, row.keywords});
    if (row.place & kPlaceNew) contents.first_recent = std::min(contents.first_recent, row.uid);
  }
  return contents;
}

void MaildirFolder::hand_back() {
  if (!opened_ || index_.in_memory() || !base::file_exists(paths_.index + "/dovetail.index"))
    return;
  if (!index_.try_lock()) return;
  FamilyState now = family_state();
  bool untouched = !now.there || (now.inode == family_.inode && now.size == family_.size);
  bool changed = !now.there || index_.stub().initial != index_.highest_modseq() + 1;
  if (untouched && changed && index_.uid_validity() != 0 && !index_.in_memory()) {
    std::string log = make_stub_log(stub_contents());
    // First what we know of it, then the file: it must never look like the incumbent's.
    index_.put_stub({static_cast<uint32_t>(log.size()), crc32c(log), index_.highest_modseq() + 1});
    index_.commit();
    auto done = replace_index_file(format("{}{}", paths_.index, kFamilyLog), log, file_mode_);
    if (!done) log_.warning("Mailbox {}: {}", paths_.name, done.error().text);
    family_ = family_state();
  }
  index_.put_closed();
  index_.unlock();
}

}  // namespace dovetail::mda
