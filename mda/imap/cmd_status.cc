// STATUS (RFC 3501 6.3.10; HIGHESTMODSEQ RFC 7162 3.1.7, SIZE RFC 8438).
// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/status.h"

#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/text_form.h"

namespace dovetail::mda::imap {

namespace {

struct StatusName {
  std::string_view name;
  StatusItem item;
};
// clang-format off
constexpr StatusName kStatusNames[] = {  // in the order they are answered
    {"MESSAGES",      kStatusMessages},
    {"RECENT",        kStatusRecent},
    {"UIDNEXT",       kStatusUidNext},
    {"UIDVALIDITY",   kStatusUidValidity},
    {"UNSEEN",        kStatusUnseen},
    {"HIGHESTMODSEQ", kStatusHighestModseq},
    {"SIZE",          kStatusSize},
    {"X-SIZE",        kStatusXSize},
    {"X-GUID",        kStatusXGuid},
};
// clang-format on

std::string status_value(Session& s, const Mailbox& box, StatusItem item, uint64_t size) {
  auto view = box.view();
  bool here = s.selected && s.selected->box.get() == &box;
  switch (item) {
    case kStatusMessages:
      return format("{}", view->count());
    case kStatusRecent:
      return format("{}", view->unclaimed() + (here ? s.selected->recent.size() : 0));
    case kStatusUidNext:
      return format("{}", view->uid_next);
    case kStatusUidValidity:
      return format("{}", view->uid_validity);
    case kStatusUnseen:
      return format("{}", view->without(kSeen));
    case kStatusHighestModseq:
      return format("{}", view->highest_modseq);
    case kStatusSize:
    case kStatusXSize:
      return format("{}", size);
    case kStatusXGuid:
      return view->guid;
  }
  return {};
}

}  // namespace

Result<unsigned> parse_status_items(const Args& list) {
  unsigned items = 0;
  for (const auto& arg : list) {
    if (!arg.is_atom()) return permanent("Status list contains non-atoms.");
    bool found = false;
    for (const auto& known : kStatusNames) {
      if (!arg.is(known.name)) continue;
      items |= known.item;
      found = true;
    }
    if (!found)
      return permanent(format("Invalid status item {}", base::upper(base::printable(arg.text))));
  }
  if (items == 0) return permanent("Empty status list");
  return items;
}

Task<Result<void>> put_status(Session& s, const std::string& wire_name,
                              std::shared_ptr<Mailbox> box, unsigned items) {
  if (items & kStatusHighestModseq) s.enable_condstore();
  uint64_t size = 0;
  if (items & (kStatusSize | kStatusXSize)) {
    auto total = co_await box->total_size();
    if (!total) co_return total.error();
    size = *total;
  }
  std::string line = "* STATUS ";
  append_astring(line, wire_name);
  char before = '(';
  line += ' ';
  for (const auto& known : kStatusNames) {
    if (!(items & known.item)) continue;
    line += before;
    fmt::format_to(std::back_inserter(line), "{} {}", known.name,
                   status_value(s, *box, known.item, size));
    before = ' ';
  }
  s.put(line + ")\r\n");
  co_return Result<void>();
}

Task<Reply> cmd_status(Session& s, Command& c) {
  ArgReader args(c.args());
  auto wire_name = args.astring();
  if (!wire_name || args.at_end()) co_return reply_wrong("Missing arguments");
  auto list = args.list();
  if (!list) co_return reply_wrong("Invalid arguments");
  auto items = parse_status_items(*list);
  if (!items) co_return reply_wrong(items.error().text);
  auto name = s.mailbox_name(*wire_name);
  if (!name) co_return s.failed(name.error());
  auto box = co_await s.store.open(*name);
  if (!box) co_return s.failed(box.error());
  if (!*box) co_return reply_no(format("Mailbox doesn't exist: {}", *name));
  auto put = co_await put_status(s, *wire_name, *box, *items);
  if (!put) co_return s.failed(put.error());
  // RFC 3501 6.3.10: a client should not ask this of the selected mailbox.
  bool here = s.selected && s.selected->box == *box;
  co_return reply_ok(here ? "[CLIENTBUG] Status on selected mailbox completed"
                          : "Status completed");
}

}  // namespace dovetail::mda::imap
