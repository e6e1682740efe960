// NOOP, CHECK (RFC 3501 6.1.2, 6.4.1) and LOGOUT (6.1.3). The loop over the commands tells what has changed.
// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/commands.h"

namespace dovetail::mda::imap {

Task<Reply> cmd_noop(Session&, Command& c) {
  co_return reply_ok(c.name == "CHECK" ? "Check completed" : "NOOP completed");
}

Task<Reply> cmd_logout(Session& s, Command&) {
  s.put("* BYE Logging out\r\n");
  s.logged_out();
  co_return reply_ok("Logout completed");
}

}  // namespace dovetail::mda::imap
