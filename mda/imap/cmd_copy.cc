// COPY (RFC 3501 6.4.7), MOVE (RFC 6851) and their UID forms; COPYUID RFC 4315 3.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/message_set.h"

namespace dovetail::mda::imap {

namespace {

struct CopyJob {
  std::vector<Uid> uids;
  std::shared_ptr<Mailbox> to;
};

// Both commands begin alike: the messages, then the mailbox, which must be there. A Reply ends the command.
Task<std::optional<Reply>> prepare_copy(Session& s, Command& c, CopyJob& job) {
  ArgReader args(c.args());
  auto set = args.peek() ? *args.peek() : Arg{};
  auto wire_name = c.args().size() > 1 && c.args()[1].is_astring() ? &c.args()[1].text : nullptr;
  if (!set.is_atom() || !wire_name) co_return reply_wrong("Invalid arguments");
  auto uids = take_message_set(s, args, is_uid_command(c));
  if (!uids) co_return reply_wrong(uids.error().text);
  auto name = s.mailbox_name(*wire_name);
  if (!name) co_return s.failed(name.error());
  auto to = co_await s.store.open(*name);
  if (!to) co_return s.failed(to.error());
  if (!*to) co_return reply_no(format("[TRYCREATE] Mailbox doesn't exist: {}", *name));
  if (uids->empty()) co_return reply_ok("No messages found");
  job.uids = std::move(*uids);
  job.to = std::move(*to);
  co_return std::nullopt;
}

std::string copyuid(const Saved& saved) {
  SequenceSet from, to;
  for (auto uid : saved.sources) from.add(uid);
  for (auto uid : saved.uids) to.add(uid);
  return format("[COPYUID {} {} {}]", saved.uid_validity, from.text(), to.text());
}

void count_trashed(Session& s, const CopyJob& job, const Saved& saved) {
  if (base::iequals(job.to->name(), "Trash")) s.counts.trashed += saved.uids.size();
}

}  // namespace

Task<Reply> cmd_copy(Session& s, Command& c) {
  CopyJob job;
  auto ended = co_await prepare_copy(s, c, job);
  if (ended) co_return std::move(*ended);
  auto saved = co_await s.selected->box->copy(job.uids, job.to);
  if (!saved) co_return s.failed(saved.error());
  if (saved->uids.empty()) co_return reply_ok("No messages found");
  count_trashed(s, job, *saved);
  co_return reply_ok(format("{} Copy completed", copyuid(*saved)));
}

Task<Reply> cmd_move(Session& s, Command& c) {
  CopyJob job;
  auto ended = co_await prepare_copy(s, c, job);
  if (ended) co_return std::move(*ended);
  if (s.selected->read_only) co_return reply_no("[NOPERM] Mailbox is read-only");
  auto saved = co_await s.selected->box->move(job.uids, job.to);
  if (!saved) co_return s.failed(saved.error());
  if (saved->uids.empty()) co_return reply_ok("No messages found");
  count_trashed(s, job, *saved);
  s.counts.expunged += saved->uids.size();
  // RFC 6851 4.3: before the EXPUNGE responses, so the client can connect the two.
  s.print("* OK {} Moved UIDs.\r\n", copyuid(*saved));
  co_return reply_ok("Move completed");
}

}  // namespace dovetail::mda::imap
