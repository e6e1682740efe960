// CLOSE (RFC 3501 6.4.2) expunges silently, UNSELECT (RFC 3691) does not.
// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/commands.h"
#include "mda/imap/message_set.h"

namespace dovetail::mda::imap {

Task<Reply> cmd_close(Session& s, Command&) {
  if (!s.selected->read_only) {
    auto uids = deleted_uids(*s.selected->box->view(), nullptr);
    if (!uids.empty()) {
      auto removed = co_await s.selected->box->expunge(std::move(uids));
      // The client leaves the mailbox whatever happens: what could not be removed stays \Deleted.
      if (!removed) s.log.error("{}", removed.error().text);
      if (removed) s.counts.expunged += removed->size();
    }
  }
  s.selected.reset();
  s.saved_result.clear();
  co_return reply_ok("Close completed");
}

Task<Reply> cmd_unselect(Session& s, Command&) {
  s.selected.reset();
  s.saved_result.clear();
  co_return reply_ok("Unselect completed");
}

}  // namespace dovetail::mda::imap
