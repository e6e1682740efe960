// What the client is told of the selected mailbox: EXISTS, RECENT, EXPUNGE, FETCH, FLAGS (RFC 3501 7.2.6, 7.3, 7.4).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/session.h"

namespace dovetail::mda::imap {

namespace {

struct FlagName {
  uint8_t flag;
  std::string_view name;
};
constexpr FlagName kFlagNames[] = {
    {kAnswered, "\\Answered"}, {kFlagged, "\\Flagged"}, {kDeleted, "\\Deleted"},
    {kSeen, "\\Seen"},         {kDraft, "\\Draft"},
};

// One FETCH response about a change; false: the client knows all of it.
bool append_flag_change(Session& s, const View& now, size_t seq_for_client, const Row& row,
                        bool with_uid) {
  auto& selected = *s.selected;
  auto told = selected.told.find(row.uid);
  auto& before = selected.view->row(seq_for_client);
  auto known = told == selected.told.end() ? ToldFlags{before.flags, before.keywords, before.modseq}
                                           : told->second;
  bool flags_differ = known.flags != row.flags || known.keywords != row.keywords;
  bool modseq_differs = s.condstore && known.modseq != row.modseq;
  selected.told[row.uid] = {row.flags, row.keywords, row.modseq};
  if (!flags_differ && !modseq_differs) return false;
  s.tell_keywords(now);
  auto line = format("* {} FETCH (", seq_for_client);
  if (with_uid) fmt::format_to(std::back_inserter(line), "UID {} ", row.uid);
  if (s.condstore) fmt::format_to(std::back_inserter(line), "MODSEQ ({})", row.modseq);
  if (flags_differ) {
    line += s.condstore ? " FLAGS (" : "FLAGS (";
    s.append_flags(line, row, {row.flags, row.keywords, row.modseq});
    line += ')';
  }
  s.put(line + ")\r\n");
  return true;
}

}  // namespace

ToldFlags Selected::flags_of(const Row& row) const {
  auto found = told.find(row.uid);
  if (found != told.end()) return found->second;
  return {row.flags, row.keywords, row.modseq};
}

bool Selected::is_recent(const Row& row) const {
  return std::binary_search(recent.begin(), recent.end(), row.uid);
}

void Session::append_flags(std::string& out, const Row& row, const ToldFlags& flags) const {
  auto start = out.size();
  auto add = [&](std::string_view name) {
    if (out.size() > start) out += ' ';
    out += name;
  };
  for (const auto& known : kFlagNames) {
    if (flags.flags & known.flag) add(known.name);
  }
  if (selected->is_recent(row)) add("\\Recent");
  for (size_t bit = 0; bit < selected->keywords.size(); ++bit) {
    if ((flags.keywords >> bit & 1) && !selected->keywords[bit].empty())
      add(selected->keywords[bit]);
  }
}

void Session::put_flags_lines() {
  std::string names;
  for (const auto& known : kFlagNames) {
    if (!names.empty()) names += ' ';
    names += known.name;
  }
  for (const auto& keyword : selected->keywords) {
    if (!keyword.empty()) names += " " + keyword;
  }
  print("* FLAGS ({})\r\n", names);
  if (selected->read_only) {
    put("* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n");
  } else {
    print("* OK [PERMANENTFLAGS ({} \\*)] Flags permitted.\r\n", names);
  }
}

void Session::tell_keywords(const View& view) {
  if (view.keywords == selected->keywords) return;
  selected->keywords = view.keywords;
  put_flags_lines();
}

void Session::enable_condstore() {
  if (condstore) return;
  condstore = true;
  if (selected) print("* OK [HIGHESTMODSEQ {}] Highest\r\n", selected->view->highest_modseq);
}

Task<Result<void>> Session::sync(TellExpunges expunges, bool with_uid) {
  auto box = selected->box;
  auto now = co_await box->sync();
  if (!now) {
    log.error("{}", now.error().text);
    co_return now.error();
  }
  auto view = *now;
  if (!selected->read_only && view->unclaimed() > 0) {
    auto claimed = co_await box->claim_recent();
    if (!claimed) co_return claimed.error();
    auto& recent = selected->recent;
    recent.insert(recent.end(), claimed->begin(), claimed->end());
    std::sort(recent.begin(), recent.end());
    view = box->view();
  }
  co_return co_await tell(view, expunges, with_uid);
}

Task<Result<void>> Session::tell(ViewPointer now, TellExpunges expunges, bool with_uid) {
  if (now == selected->view) co_return Result<void>();
  auto before = selected->view;
  auto change = compare(*before, *now);
  if (change.uid_validity_changed) {
    disconnect("Mailbox UIDVALIDITY changed", "Mailbox UIDVALIDITY changed");
    co_return Result<void>();
  }
  for (auto seq : change.changed) {
    const auto& row = now->row(seq);
    auto seq_for_client = before->seq_of(row.uid);
    if (seq_for_client > 0) append_flag_change(*this, *now, seq_for_client, row, with_uid);
    if (wants_breath()) co_await breathe();
  }
  // Not the moment for expunges: the numbers stay, and so does the view. What was told of flags is in `told`.
  if (!change.expunged.empty() && expunges == TellExpunges::no) co_return Result<void>();
  for (auto seq = change.expunged.rbegin(); seq != change.expunged.rend(); ++seq) {
    print("* {} EXPUNGE\r\n", *seq);
    if (wants_breath()) co_await breathe();
  }
  selected->view = now;
  selected->told.clear();
  if (selected->read_only) {
    for (auto seq = change.first_new; seq <= now->count(); ++seq) {
      if (now->row(seq).unclaimed) selected->recent.push_back(now->row(seq).uid);
    }
  }
  std::erase_if(selected->recent, [&](Uid uid) { return now->seq_of(uid) == 0; });
  if (change.first_new <= now->count()) {
    tell_keywords(*now);
    print("* {} EXISTS\r\n", now->count());
  }
  if (selected->recent.size() != selected->recent_told) {
    selected->recent_told = selected->recent.size();
    print("* {} RECENT\r\n", selected->recent_told);
  }
  co_return Result<void>();
}

}  // namespace dovetail::mda::imap
