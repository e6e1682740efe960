// STORE and UID STORE (RFC 3501 6.4.6; UNCHANGEDSINCE RFC 7162 3.1.3). The FETCH responses come from the sync behind it;
// .SILENT marks the new flags as told, so that it has only a MODSEQ to say.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/flag_args.h"
#include "mda/imap/message_set.h"

namespace dovetail::mda::imap {

namespace {

struct StoreArgs {
  FlagUpdate update;
  bool silent = false;
};

Result<std::optional<Modseq>> parse_unchanged_since(ArgReader& args) {
  std::optional<Modseq> value;
  auto list = args.list();
  if (!list) return value;
  ArgReader inner(*list);
  while (!inner.at_end()) {
    if (!inner.accept("UNCHANGEDSINCE")) return permanent("Unknown STORE modifier");
    value = inner.number();
    if (!value) return permanent("Invalid UNCHANGEDSINCE modseq.");
  }
  return value;
}

Result<StoreArgs> parse_store_args(ArgReader& args, size_t max_keyword_length) {
  StoreArgs result;
  auto since = parse_unchanged_since(args);
  if (!since) return since.error();
  result.update.unchanged_since = *since;
  auto item = args.atom();
  if (!item || args.at_end()) return permanent("Invalid arguments");
  auto name = base::upper(*item);
  result.update.change = FlagChange::replace;
  if (name.starts_with('+')) result.update.change = FlagChange::add;
  if (name.starts_with('-')) result.update.change = FlagChange::remove;
  if (result.update.change != FlagChange::replace) name.erase(0, 1);
  result.silent = name == "FLAGS.SILENT";
  if (name != "FLAGS" && !result.silent) return permanent("Invalid arguments");
  Args rest;
  if (auto list = args.list()) {
    rest = *list;
  } else {
    while (!args.at_end()) rest.push_back(*args.next());
  }
  auto flags = parse_flag_args(rest, 0, max_keyword_length);
  if (!flags) return flags.error();
  result.update.flags = flags->flags;
  result.update.keywords = std::move(flags->keywords);
  return result;
}

// What the client has set itself it need not be told; its numbers and other people's changes it must.
void mark_as_told(Session& s, const View& now, const std::vector<Uid>& uids,
                  const std::vector<Uid>& modified) {
  for (auto uid : uids) {
    auto seq = now.seq_of(uid);
    if (seq == 0 || std::binary_search(modified.begin(), modified.end(), uid)) continue;
    const auto& row = now.row(seq);
    s.selected->told[uid] = {row.flags, row.keywords, 0};
  }
}

std::string modified_text(const View& view, const std::vector<Uid>& modified, bool by_uid) {
  SequenceSet set;
  for (auto uid : modified) {
    auto seq = view.seq_of(uid);
    if (seq > 0) set.add(by_uid ? uid : static_cast<uint32_t>(seq));
  }
  return set.text();
}

}  // namespace

Task<Reply> cmd_store(Session& s, Command& c) {
  bool by_uid = is_uid_command(c);
  ArgReader args(c.args());
  auto uids = take_message_set(s, args, by_uid);
  if (!uids) co_return reply_wrong(uids.error().text);
  auto store = parse_store_args(args, s.settings.mail_max_keyword_length);
  if (!store) co_return reply_wrong(store.error().text);
  if (s.selected->read_only) co_return reply_ok("Store ignored with read-only mailbox");
  if (store->update.unchanged_since) s.enable_condstore();
  if (uids->empty()) co_return reply_ok("Store completed");

  bool deletes = store->update.flags & kDeleted && store->update.change != FlagChange::remove;
  auto done = co_await s.selected->box->set_flags(*uids, std::move(store->update));
  if (!done) co_return s.failed(done.error());
  if (deletes) s.counts.deleted += uids->size() - done->modified.size();
  std::sort(done->modified.begin(), done->modified.end());
  if (store->silent) {
    s.tell_keywords(*done->view);
    mark_as_told(s, *done->view, *uids, done->modified);
  }
  if (done->modified.empty()) co_return reply_ok("Store completed");
  co_return reply_ok(format("[MODIFIED {}] Conditional store failed",
                            modified_text(*s.selected->view, done->modified, by_uid)));
}

}  // namespace dovetail::mda::imap
