// The commands after login: one function each, in a file of its own, and the table that names them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "mda/imap/session.h"

namespace dovetail::mda::imap {

enum CommandFlag : unsigned {
  kNeedsMailbox = 1,   // BAD No mailbox selected
  kSync = 2,           // afterwards the client is told of all changes
  kSyncNoExpunge = 4,  // of all but expunges: message numbers must not move (RFC 3501 7.4.1)
};

struct CommandEntry {
  std::string_view name;
  Task<Reply> (*run)(Session& session, Command& command);
  unsigned flags;
};
const CommandEntry* find_command(std::string_view name);

inline bool is_uid_command(const Command& command) {
  return command.name.starts_with("UID ");
}

Task<Reply> cmd_append(Session& s, Command& c);
Task<Reply> cmd_capability(Session& s, Command& c);
Task<Reply> cmd_close(Session& s, Command& c);
Task<Reply> cmd_copy(Session& s, Command& c);
Task<Reply> cmd_create(Session& s, Command& c);
Task<Reply> cmd_delete(Session& s, Command& c);
Task<Reply> cmd_enable(Session& s, Command& c);
Task<Reply> cmd_expunge(Session& s, Command& c);
Task<Reply> cmd_fetch(Session& s, Command& c);
Task<Reply> cmd_id(Session& s, Command& c);
Task<Reply> cmd_idle(Session& s, Command& c);
Task<Reply> cmd_list(Session& s, Command& c);
Task<Reply> cmd_logout(Session& s, Command& c);
Task<Reply> cmd_lsub(Session& s, Command& c);
Task<Reply> cmd_move(Session& s, Command& c);
Task<Reply> cmd_namespace(Session& s, Command& c);
Task<Reply> cmd_noop(Session& s, Command& c);
Task<Reply> cmd_rename(Session& s, Command& c);
Task<Reply> cmd_search(Session& s, Command& c);
Task<Reply> cmd_select(Session& s, Command& c);
Task<Reply> cmd_sort(Session& s, Command& c);
Task<Reply> cmd_status(Session& s, Command& c);
Task<Reply> cmd_store(Session& s, Command& c);
Task<Reply> cmd_subscribe(Session& s, Command& c);
Task<Reply> cmd_thread(Session& s, Command& c);
Task<Reply> cmd_unselect(Session& s, Command& c);

}  // namespace dovetail::mda::imap
