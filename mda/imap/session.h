// One IMAP session after login: what it holds, how commands answer, how the client is told of changes (RFC 3501 5.2).
// Commands are one file each (cmd_*.cc) and work on the Session; the loop over them is session.cc, the table commands.cc,
// telling of changes selected.cc.
//
// The client knows the mailbox as it was at the last sync: Selected::view. Message numbers are positions in that view and
// nothing else. Flags the client has already been told of since (by FETCH or STORE.SILENT) lie over it in `told`, so that
// the next sync does not repeat them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/log.h"
#include "common/net/pool.h"
#include "mda/imap/command_reader.h"
#include "mda/imap/imap_settings.h"
#include "mda/imap/sequence_set.h"
#include "mda/storage/store.h"

namespace dovetail::mda::imap {

class ChangeWatcher;

// What the worker gives a session.
struct SessionEnvironment {
  std::shared_ptr<Store> store;
  net::Pool* pool = nullptr;
  ChangeWatcher* watcher = nullptr;  // null: IDLE looks every mailbox_idle_check_interval only
  std::shared_ptr<const ImapSettings> settings;
  Logger log{"imap"};       // named "imap(user)<pid><session>"
  std::string login_tag{};  // to be answered with OK [CAPABILITY ...] Logged in; empty: none
  std::string input{};      // read by the login process behind that command
};

// Speaks IMAP until the client leaves, then logs the "Disconnected:" line. Never throws.
Task<> run_imap(Conn& conn, SessionEnvironment environment);

struct Reply {
  enum class Status : uint8_t {
    ok,
    no,
    bad,
    wrong
  };  // wrong: BAD Error in IMAP command NAME: text
  Status status = Status::ok;
  std::string text{};  // with its response code, without a final dot
};
inline Reply reply_ok(std::string text) {
  return {Reply::Status::ok, std::move(text)};
}
inline Reply reply_no(std::string text) {
  return {Reply::Status::no, std::move(text)};
}
inline Reply reply_bad(std::string text) {
  return {Reply::Status::bad, std::move(text)};
}
inline Reply reply_wrong(std::string text) {
  return {Reply::Status::wrong, std::move(text)};
}

// Flags of a message as the client was last told.
struct ToldFlags {
  uint8_t flags = 0;
  KeywordSet keywords = 0;
  Modseq modseq = 0;  // 0: not told
};

struct Selected {
  std::shared_ptr<Mailbox> box;
  ViewPointer view;           // what the client knows
  bool read_only = false;     // EXAMINE, or the folder cannot be written
  std::vector<Uid> recent{};  // \Recent in this session, ascending
  size_t recent_told = 0;
  std::vector<std::string> keywords{};  // as in the last FLAGS response
  std::unordered_map<Uid, ToldFlags> told{};

  ToldFlags flags_of(const Row& row) const;
  bool is_recent(const Row& row) const;
};

// For imap_logout_format.
struct SessionCounts {
  uint64_t deleted = 0, expunged = 0, trashed = 0, appended = 0;
  uint64_t hdr_count = 0, hdr_bytes = 0, body_count = 0, body_bytes = 0;
};

enum class TellExpunges : uint8_t { no, yes };

class Session {
 public:
  Session(Conn& conn, SessionEnvironment environment);

  Conn& conn;
  Store& store;
  const ImapSettings& settings;
  net::Pool& pool;
  Logger log;
  CommandReader reader;
  std::optional<Selected> selected;
  bool condstore = false;         // MODSEQ is told with every change (RFC 7162 3.1)
  std::vector<Uid> saved_result;  // SEARCHRES, ascending
  SessionCounts counts;

  Task<> run();
  ChangeWatcher* watcher() const { return environment_.watcher; }

  void put(std::string_view text) { reader.put(text); }
  template <class... A>
  void print(base::FormatString<A...> text, A&&... args) {
    reader.put(fmt::format(text, std::forward<A>(args)...));
  }
  // In loops that produce or compute much: sends when much has collected, lets other sessions go every 2 ms.
  bool wants_breath() const;
  Task<> breathe();

  // Ends the session after the present command: "* BYE text" to the client if there is one, reason to the log.
  void disconnect(std::string_view bye, std::string reason);
  void logged_out() { disconnect("", "Logged out"); }

  // Looks at the disk and tells the client. An error is logged.
  Task<Result<void>> sync(TellExpunges expunges, bool with_uid);
  // Tells what differs between the client's view and this one, without looking at the disk.
  Task<Result<void>> tell(ViewPointer now, TellExpunges expunges, bool with_uid);
  // FLAGS and PERMANENTFLAGS of the selected mailbox, if `view` has keywords the client has not heard of.
  void tell_keywords(const View& view);
  void put_flags_lines();
  // "\Seen \Recent kw"
  void append_flags(std::string& out, const Row& row, const ToldFlags& flags) const;
  // RFC 7162 3.1: the first use of a CONDSTORE command enables it.
  void enable_condstore();

  // The command's mailbox name as the store knows it; errors are NO texts.
  Result<std::string> mailbox_name(const std::string& wire) const;
  // NO with the store's text, or "Internal error occurred" and a log line.
  Reply failed(const Error& error) const;

 private:
  friend Task<> run_imap(Conn& conn, SessionEnvironment environment);
  Task<> execute(Command& command);
  Task<Reply> dispatch(Command& command);
  void answer(const Command& command, const Reply& reply, base::Milliseconds started);
  void log_end() const;
  std::string command_status() const;

  SessionEnvironment environment_;
  std::string running_;  // name of the command in progress or of the last one
  base::Milliseconds running_since_{0};
  bool is_running_ = false;
  bool ending_ = false;
  std::string end_reason_;
  unsigned bad_commands_ = 0;
  base::Milliseconds breath_{0};
};

}  // namespace dovetail::mda::imap
