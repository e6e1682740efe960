// IDLE (RFC 2177): tells of changes as they happen, until the client says DONE. The watcher wakes us when a directory of
// the mailbox changes; without it (or where it can't see changes, NFS) the mailbox is looked at now and then.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mda/imap/change_watcher.h"
#include "mda/imap/commands.h"

namespace dovetail::mda::imap {

namespace {

using base::Milliseconds;

// Ends with the line the client sent.
Task<std::string> wait_for_done(Session& s, net::Event& changed) {
  auto keepalive = s.settings.imap_idle_notify_interval;
  auto last_word = base::monotonic_now();
  bool broken = false;
  for (;;) {
    auto wait = s.settings.mailbox_idle_check_interval;
    if (keepalive.count() > 0) {
      wait =
          std::min(wait, std::max(last_word + keepalive - base::monotonic_now(), Milliseconds(1)));
    }
    auto woken = co_await s.conn.wait_input(changed, wait);
    if (woken == Conn::Woken::input) co_return co_await s.reader.read_plain_line();
    auto before = s.reader.bytes_out();
    if (s.selected && !broken) {
      auto synced = co_await s.sync(TellExpunges::yes, false);
      // It may have been deleted. Said once; what the client does next gets the error again.
      if (!synced) s.print("* NO {}\r\n", s.failed(synced.error()).text);
      broken = !synced;
    }
    if (s.reader.bytes_out() != before) {
      last_word = base::monotonic_now();
    } else if (keepalive.count() > 0 && base::monotonic_now() - last_word >= keepalive) {
      s.put("* OK Still here\r\n");
      last_word = base::monotonic_now();
    }
  }
}

}  // namespace

Task<Reply> cmd_idle(Session& s, Command&) {
  net::Event changed(s.conn.loop());
  ChangeWatcher::Subscription subscription;
  if (s.selected && s.watcher()) {
    subscription = s.watcher()->subscribe(s.selected->box->watch_paths(), changed);
  }
  s.put("+ idling\r\n");
  if (s.selected) {
    auto synced = co_await s.sync(TellExpunges::yes, false);
    if (!synced) co_return s.failed(synced.error());
  }
  auto line = co_await wait_for_done(s, changed);
  if (!base::iequals(base::trim_right(line, " "), "DONE")) co_return reply_bad("Expected DONE");
  if (s.selected) {
    auto synced = co_await s.sync(TellExpunges::yes, false);
    if (!synced) co_return s.failed(synced.error());
  }
  co_return reply_ok("Idle completed");
}

}  // namespace dovetail::mda::imap
