// One mailbox of a user: the messages and what may be done with them, each operation over a set
// under one lock. A back end (Maildir) derives from it. Numbers, search, quota and the words of
// IMAP are the callers' business.
//
// How to use it from a session:
//   auto box = co_await store.open("INBOX");         // Result<shared_ptr<Mailbox>>, null = no such
//   mailbox ViewPointer mine = (*box)->view();               // what the client knows auto now =
//   co_await (*box)->sync();              // looks at the disk ViewChange told = compare(*mine,
//   **now);         // tell the client, then mine = *now
// One Mailbox object serves all sessions of a process that have it open. Reading needs no lock and
// no sync.
//
// Errors: the text of a permanent Error is what the client is told behind NO, response code
// included ("[ALREADYEXISTS] Mailbox already exists"); a temporary one is for the log, and the
// client hears "Internal error occurred ...".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/net/task.h"
#include "mda/message/section.h"
#include "mda/storage/types.h"

namespace dovetail::mda {

enum class FlagChange { add, remove, replace };

struct FlagUpdate {
  FlagChange change = FlagChange::add;
  uint8_t flags = 0;
  std::vector<std::string> keywords;      // names; unknown ones are created (add, replace)
  std::optional<Modseq> unchanged_since;  // RFC 7162: rows with a higher modseq are left alone
};

struct FlagResult {
  std::vector<Uid> modified;  // failed UNCHANGEDSINCE
  ViewPointer view;           // after the change
};

struct SaveOptions {
  uint8_t flags = 0;
  std::vector<std::string> keywords;
  std::optional<int64_t> internal_date;  // seconds; none: now
  std::string guid;                      // empty: the file name
  std::string pop3_uidl;                 // kept in dovecot-uidlist
};

// Uids given, in the order of what was asked for. 0: no uid yet (delivery while the uidlist was
// locked).
struct Saved {
  uint32_t uid_validity = 0;
  std::vector<Uid> uids;
  std::vector<Uid>
      sources;  // COPY, MOVE: the messages that were still there, side by side with uids
};

// A message on its way in: bytes go to a file in tmp/, line ends become LF (mail_save_crlf = no).
// Destroying it before commit removes the file.
class Incoming {
 public:
  virtual ~Incoming() = default;
  // Bytes in any pieces, in either line end. Give pieces of some 64 KiB: each is a trip to the
  // pool.
  virtual Task<Result<void>> write(std::string bytes) = 0;
  // Octets so far with LF and with CRLF line ends.
  virtual uint64_t physical_size() const = 0;
  virtual uint64_t virtual_size() const = 0;
};

// What may be wanted about messages beyond their Row.
enum Want : unsigned {
  kWantSize = 1,  // virtual and physical size
  kWantDate = 2,  // INTERNALDATE, SAVEDATE
  kWantEnvelope = 4,
  kWantStructure = 8,  // BODY and BODYSTRUCTURE
  kWantGuid = 16,      // GUID and POP3 UIDL overrides
  kWantSortKeys = 32,  // for SORT and THREAD
};

struct MessageInfo {
  Uid uid = 0;
  bool gone = false;  // the file has vanished: answer without it, EXPUNGE comes with the next sync
  uint64_t virtual_size = 0;   // with CRLF line ends: RFC822.SIZE
  uint64_t physical_size = 0;  // as stored
  int64_t internal_date = 0;
  int64_t save_date = 0;
  std::string envelope;        // ready text inside ENVELOPE (...)
  std::string sort_keys;       // packed, see mda/message/sort_keys.h
  std::string body;            // ready text inside BODY (...)
  std::string body_structure;  // ready text inside BODYSTRUCTURE (...)
  std::string guid;
  std::string pop3_uidl;  // override from dovecot-uidlist; empty: none
  std::string pop3_order;
};

// An open message; the descriptor stays good after an expunge. Structure is parsed on demand, once.
class OpenMessage {
 public:
  virtual ~OpenMessage() = default;
  virtual int fd() const = 0;
  // The MIME tree with offsets; valid as long as this object.
  virtual Task<Result<const Structure*>> structure() = 0;
  // The header block up to and including the empty line, as stored (LF or CRLF), at most limit
  // octets.
  virtual Task<Result<std::string>> header() = 0;
  // A section found by find_section(); see mda/message/section.h. Size is exact for CRLF output.
  virtual Task<Result<SectionData>> section(const Section& section) = 0;
  // Up to `count` octets of a section from `offset`, both counted with CRLF line ends. Sequential
  // reads are cheap.
  virtual Task<Result<std::string>> read(const SectionData& data, uint64_t offset,
                                         size_t count) = 0;
};

struct ChangesSince {
  std::vector<Uid> changed;
  std::vector<Uid> vanished;  // exact if complete
  bool complete = true;  // false: the log does not reach back; every uid the client knows that is
                         // not there vanished
};

class Mailbox {
 public:
  virtual ~Mailbox() = default;

  // Name with namespace prefix, UTF-8, as given to Store::open.
  virtual const std::string& name() const = 0;
  virtual bool read_only() const = 0;  // the folder cannot be written
  // The last known view, never null once opened.
  virtual ViewPointer view() const = 0;

  // Looks for changes on disk: cheap if nothing has changed.
  virtual Task<Result<ViewPointer>> sync() = 0;
  // Moves what is in new/ to cur/ and gives the uids that are now \Recent for the caller (SELECT,
  // not EXAMINE).
  virtual Task<Result<std::vector<Uid>>> claim_recent() = 0;

  virtual Task<Result<FlagResult>> set_flags(std::vector<Uid> uids, FlagUpdate update) = 0;
  // Removes these messages; those already gone are no error. Gives the uids removed.
  virtual Task<Result<std::vector<Uid>>> expunge(std::vector<Uid> uids) = 0;

  // Saving: begin, write, then commit one or several (MULTIAPPEND: all or none) under one lock.
  virtual Task<Result<std::unique_ptr<Incoming>>> begin_save(SaveOptions options) = 0;
  virtual Task<Result<Saved>> commit(std::vector<std::unique_ptr<Incoming>> messages) = 0;
  // Delivery of a whole message: `prefix` (header lines added here) and then the file from
  // `offset`; the fastest way in, never reads the directory. If the uidlist stays locked the
  // message is there without a uid.
  virtual Task<Result<Saved>> deliver(std::string prefix, int fd, uint64_t offset,
                                      SaveOptions options) = 0;

  // Hard links where possible (maildir_copy_with_hardlinks). `to` may be this mailbox. All or none
  // for copy.
  virtual Task<Result<Saved>> copy(std::vector<Uid> uids, std::shared_ptr<Mailbox> to) = 0;
  virtual Task<Result<Saved>> move(std::vector<Uid> uids, std::shared_ptr<Mailbox> to) = 0;

  // In the order asked for; wants is a set of Want bits. Cheap where cached; give up to 64 uids at
  // a time.
  virtual Task<Result<std::vector<MessageInfo>>> info(std::vector<Uid> uids, unsigned wants) = 0;
  // Null: the message has gone.
  virtual Task<Result<std::unique_ptr<OpenMessage>>> open_message(Uid uid) = 0;

  virtual Task<Result<ChangesSince>> changes_since(Modseq since) = 0;
  // Sum of virtual sizes of all messages (STATUS SIZE, quota).
  virtual Task<Result<uint64_t>> total_size() = 0;

  // Directories to watch for changes of others (IDLE, NOTIFY).
  virtual std::vector<std::string> watch_paths() const = 0;
};

}  // namespace dovetail::mda
