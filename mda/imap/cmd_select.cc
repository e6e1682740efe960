// SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2; CONDSTORE RFC 7162 3.1.8).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/commands.h"

namespace dovetail::mda::imap {

namespace {

// (CONDSTORE) is the only parameter there is.
Result<bool> parse_select_parameters(ArgReader& args) {
  bool condstore = false;
  auto list = args.list();
  if (!list) return condstore;
  for (const auto& parameter : *list) {
    if (!parameter.is("CONDSTORE")) return permanent("Unknown FETCH modifier");
    condstore = true;
  }
  return condstore;
}

// Whoever selects a mailbox for writing takes over what is in new/; with EXAMINE it stays \Recent for the next one.
Task<Result<void>> look_at_mailbox(Selected& selected) {
  auto box = selected.box;
  selected.view = box->view();
  if (selected.read_only) {
    for (const auto& chunk : selected.view->chunks()) {
      for (const auto& row : chunk->rows) {
        if (row.unclaimed) selected.recent.push_back(row.uid);
      }
    }
  } else if (selected.view->unclaimed() > 0) {
    auto claimed = co_await box->claim_recent();
    if (!claimed) co_return claimed.error();
    selected.recent = std::move(*claimed);
    std::sort(selected.recent.begin(), selected.recent.end());
    selected.view = box->view();
  }
  selected.recent_told = selected.recent.size();
  selected.keywords = selected.view->keywords;
  co_return Result<void>();
}

void put_select_lines(Session& s) {
  const auto& view = *s.selected->view;
  s.put_flags_lines();
  s.print("* {} EXISTS\r\n* {} RECENT\r\n", view.count(), s.selected->recent.size());
  if (auto unseen = view.first_unseen()) s.print("* OK [UNSEEN {}] First unseen.\r\n", unseen);
  s.print("* OK [UIDVALIDITY {}] UIDs valid\r\n", view.uid_validity);
  s.print("* OK [UIDNEXT {}] Predicted next UID\r\n", view.uid_next);
  s.print("* OK [HIGHESTMODSEQ {}] Highest\r\n", view.highest_modseq);
}

}  // namespace

Task<Reply> cmd_select(Session& s, Command& c) {
  ArgReader args(c.args());
  auto wire_name = args.astring();
  if (!wire_name) co_return reply_wrong("Invalid arguments");
  // Clients select again what they have selected: it stays open meanwhile.
  std::shared_ptr<Mailbox> before;
  if (s.selected) {
    before = s.selected->box;
    s.selected.reset();
    s.saved_result.clear();
    s.put("* OK [CLOSED] Previous mailbox closed.\r\n");
  }
  auto condstore = parse_select_parameters(args);
  if (!condstore) co_return reply_wrong(condstore.error().text);
  auto name = s.mailbox_name(*wire_name);
  if (!name) co_return s.failed(name.error());
  auto box = co_await s.store.open(*name);
  if (!box) co_return s.failed(box.error());
  if (!*box) co_return reply_no(format("Mailbox doesn't exist: {}", *name));

  bool examine = c.name == "EXAMINE";
  Selected selected;
  selected.box = std::move(*box);
  selected.read_only = examine || selected.box->read_only();
  auto looked = co_await look_at_mailbox(selected);
  if (!looked) co_return s.failed(looked.error());
  s.selected = std::move(selected);
  if (*condstore) s.condstore = true;
  put_select_lines(s);
  co_return reply_ok(format("[{}] {} completed", s.selected->read_only ? "READ-ONLY" : "READ-WRITE",
                            examine ? "Examine" : "Select"));
}

}  // namespace dovetail::mda::imap
