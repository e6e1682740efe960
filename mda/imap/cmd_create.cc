// CREATE (RFC 3501 6.3.3, USE: RFC 6154 3), DELETE (6.3.4), RENAME (6.3.5), SUBSCRIBE and UNSUBSCRIBE (6.3.6, 6.3.7).
// What a name may be and what happens on disk is the mailbox list's.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/commands.h"

namespace dovetail::mda::imap {

namespace {

// (USE (\Archive \Drafts)); other parameters are refused. "" if there are none.
Result<std::string> parse_create_use(ArgReader& args) {
  std::string uses;
  auto list = args.list();
  if (!list) return uses;
  ArgReader inner(*list);
  while (!inner.at_end()) {
    if (!inner.accept("USE")) return permanent("Unknown parameter");
    auto names = inner.list();
    if (!names) return permanent("Invalid USE parameter");
    for (const auto& name : *names) {
      if (!name.is_atom()) return permanent("Invalid USE parameter");
      uses += uses.empty() ? name.text : " " + name.text;
    }
  }
  return uses;
}

}  // namespace

Task<Reply> cmd_create(Session& s, Command& c) {
  ArgReader args(c.args());
  auto wire_name = args.astring();
  if (!wire_name) co_return reply_wrong("Missing arguments");
  auto uses = parse_create_use(args);
  if (!uses) co_return reply_wrong(uses.error().text);
  auto name = s.mailbox_name(*wire_name);
  if (!name) co_return s.failed(name.error());
  auto created = co_await s.store.list().create(*name, *uses);
  if (!created) co_return s.failed(created.error());
  co_return reply_ok("Create completed");
}

Task<Reply> cmd_delete(Session& s, Command& c) {
  ArgReader args(c.args());
  auto wire_name = args.astring();
  if (!wire_name) co_return reply_wrong("Missing arguments");
  auto name = s.mailbox_name(*wire_name);
  if (!name) co_return s.failed(name.error());
  if (*name == "INBOX") co_return reply_no("INBOX can't be deleted");
  // RFC 3501 leaves it open; as the incumbent, the mailbox is left first.
  if (s.selected && s.selected->box->name() == *name) {
    s.selected.reset();
    s.put("* OK [CLOSED] Previous mailbox closed.\r\n");
  }
  auto removed = co_await s.store.list().remove(*name);
  if (!removed) co_return s.failed(removed.error());
  co_return reply_ok("Delete completed");
}

Task<Reply> cmd_rename(Session& s, Command& c) {
  ArgReader args(c.args());
  auto wire_from = args.astring();
  auto wire_to = wire_from ? args.astring() : nullptr;
  if (!wire_to) co_return reply_wrong("Missing arguments");
  auto from = s.mailbox_name(*wire_from);
  if (!from) co_return s.failed(from.error());
  auto to = s.mailbox_name(*wire_to);
  if (!to) co_return s.failed(to.error());
  auto renamed = co_await s.store.list().rename(*from, *to);
  if (!renamed) co_return s.failed(renamed.error());
  co_return reply_ok("Rename completed");
}

Task<Reply> cmd_subscribe(Session& s, Command& c) {
  bool on = c.name == "SUBSCRIBE";
  ArgReader args(c.args());
  auto wire_name = args.astring();
  if (!wire_name) co_return reply_wrong("Missing arguments");
  auto name = s.mailbox_name(*wire_name);
  if (!name) co_return s.failed(name.error());
  if (on) {
    auto exists = co_await s.store.list().exists(*name);
    if (!exists) co_return s.failed(exists.error());
    if (!*exists) co_return reply_no(format("Mailbox doesn't exist: {}", *name));
  }
  auto done = co_await s.store.list().subscribe(*name, on);
  if (!done) co_return s.failed(done.error());
  co_return reply_ok(on ? "Subscribe completed" : "Unsubscribe completed");
}

}  // namespace dovetail::mda::imap
