// dovecot-uidlist, version 3 (version 1 is read and upgraded): which file has which uid.
//
//   3 V<uidvalidity> N<nextuid> G<mailbox guid> [other words, kept]
//   <uid> [<letter><value> ...] :<base name>
//
// Appending under the dotlock is enough for new messages; readers take no lock and read only what was added since, as
// long as the file is the same one. The header's N may lag: the next uid is at least the last line's + 1.
// The whole file is written anew (to dovecot-uidlist.tmp, then renamed) when its header changes or many lines are stale.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "mda/storage/maildir/dotlock.h"
#include "mda/storage/types.h"

namespace dovetail::mda {

struct UidlistHeader {
  unsigned version = 3;
  uint32_t uid_validity = 0;
  Uid next_uid = 1;
  std::string guid;
  std::string others;  // unknown words, each with a blank before it
};

struct UidlistEntry {
  Uid uid = 0;
  std::string fields;  // "W262 Pold-uidl-7": kept as it is
  std::string name;    // base name
};

// Value of one field ('W', 'S', 'P', 'O', 'G'); nullopt if it is not there.
std::optional<std::string> uidlist_field(std::string_view fields, char letter);

// Error texts are the incumbent's words behind "Corrupted header ".
Result<UidlistHeader> parse_uidlist_header(std::string_view line);
std::string format_uidlist_header(const UidlistHeader& header);
std::optional<UidlistEntry> parse_uidlist_line(std::string_view line, unsigned version);
std::string format_uidlist_line(const UidlistEntry& entry);

class Uidlist {
 public:
  struct Access {
    mode_t mode = 0600;
    gid_t group = static_cast<gid_t>(-1);
  };
  Uidlist(std::string path, std::string hostname, Access access)
      : path_(std::move(path)), hostname_(std::move(hostname)), access_(access) {}

  struct Read {
    bool missing = false;
    bool broken = false;    // see problem; treat as missing
    bool replaced = false;  // entries are the whole list, not what was added
    std::string problem;
    std::vector<UidlistEntry> entries;
  };
  // What is new since the last call.
  Result<Read> refresh();

  Result<bool> try_lock();  // false: held by somebody else
  void unlock() { lock_.reset(); }
  bool locked() const { return lock_.has_value(); }

  // Below: only while locked, and refreshed under the lock (append_new() needs no refresh).
  Result<void> append(const std::vector<UidlistEntry>& entries);
  Result<void> rewrite(const UidlistHeader& header, const std::vector<UidlistEntry>& entries);
  // Delivery: gives the next uids to these names by looking at the header and the last line only. nullopt: the file
  // is missing, broken or old, and the next scan has to do it.
  Result<std::optional<Uid>> append_new(const std::vector<UidlistEntry>& entries_without_uid,
                                        uint32_t& uid_validity);

  const UidlistHeader& header() const { return header_; }
  Uid next_uid() const { return std::max(header_.next_uid, last_uid_ + 1); }
  size_t lines() const { return lines_; }  // including stale ones
  const std::string& path() const { return path_; }

 private:
  Result<Read> read_whole(Fd fd, const struct stat& st);
  void parse_lines(std::string_view text, std::vector<UidlistEntry>& entries);

  std::string path_, hostname_;
  Access access_;
  std::optional<Dotlock> lock_;
  UidlistHeader header_;
  Uid last_uid_ = 0;
  size_t lines_ = 0;
  uint64_t inode_ = 0, offset_ = 0;
  timespec mtime_{};
  bool torn_ = false;  // the last line has no end: appending would glue lines together
};

}  // namespace dovetail::mda
