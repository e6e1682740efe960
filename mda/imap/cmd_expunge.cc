// EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1). The sync behind it tells the client what went.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/message_set.h"

namespace dovetail::mda::imap {

Task<Reply> cmd_expunge(Session& s, Command& c) {
  std::vector<Uid> among;
  if (is_uid_command(c)) {
    ArgReader args(c.args());
    auto uids = take_message_set(s, args, true);
    if (!uids) co_return reply_wrong(uids.error().text);
    among = std::move(*uids);
  }
  // A read-only mailbox has nothing to remove; as the incumbent, that is no error.
  if (s.selected->read_only) co_return reply_ok("Expunge completed");
  auto now = co_await s.selected->box->sync();
  if (!now) co_return s.failed(now.error());
  auto chosen = SequenceSet::of(among);
  auto uids = deleted_uids(**now, is_uid_command(c) ? &chosen : nullptr);
  if (!uids.empty()) {
    auto removed = co_await s.selected->box->expunge(std::move(uids));
    if (!removed) co_return s.failed(removed.error());
    s.counts.expunged += removed->size();
  }
  co_return reply_ok("Expunge completed");
}

}  // namespace dovetail::mda::imap
