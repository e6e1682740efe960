// LIST with its extended forms (RFC 3501 6.3.8, RFC 5258, SPECIAL-USE RFC 6154, STATUS RFC 5819), XLIST, and LSUB (6.3.9).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/status.h"
#include "mda/imap/text_form.h"
#include "mda/message/envelope.h"
#include "mda/storage/mutf7.h"

namespace dovetail::mda::imap {

namespace {

struct ListArgs {
  ListQuery query;
  std::vector<std::string> patterns;  // as on the wire, without the reference
  std::string reference;
  bool extended = false;  // anything of RFC 5258 was used: \NonExistent, and only what is asked for
  bool return_subscribed = false, return_children = false, return_special_use = false;
  unsigned status_items = 0;
};

Result<void> parse_list_selection(const Args& list, ListArgs& result) {
  result.extended = true;
  for (const auto& option : list) {
    if (option.is("SUBSCRIBED")) {
      result.query.subscribed_only = result.return_subscribed = true;
    } else if (option.is("RECURSIVEMATCH")) {
      result.query.recursive_match = true;
    } else if (option.is("SPECIAL-USE")) {
      result.query.special_use_only = result.return_special_use = true;
    } else if (!option.is("REMOTE")) {  // there are no remote mailboxes
      return permanent("Unknown select options");
    }
  }
  // RFC 5258 3: RECURSIVEMATCH needs something to match.
  if (result.query.recursive_match && !result.query.subscribed_only &&
      !result.query.special_use_only) {
    return permanent("RECURSIVEMATCH must not be the only selection.");
  }
  return {};
}

Result<void> parse_list_return(const Args& list, ListArgs& result) {
  result.extended = true;
  ArgReader args(list);
  while (!args.at_end()) {
    if (args.accept("SUBSCRIBED")) {
      result.return_subscribed = true;
    } else if (args.accept("CHILDREN")) {
      result.return_children = true;
    } else if (args.accept("SPECIAL-USE")) {
      result.return_special_use = true;
    } else if (args.accept("STATUS")) {
      auto names = args.list();
      if (!names) return permanent("Invalid STATUS return options");
      auto items = parse_status_items(*names);
      if (!items) return items.error();
      result.status_items = *items;
    } else {
      return permanent("Unknown return options");
    }
  }
  return {};
}

Result<void> parse_list_patterns(ArgReader& args, ListArgs& result) {
  if (auto list = args.list()) {
    result.extended = true;
    for (const auto& pattern : *list) {
      if (!pattern.is_astring()) return permanent("Invalid pattern list");
      result.patterns.push_back(pattern.text);
    }
  } else {
    auto pattern = args.astring();
    if (!pattern) return permanent("Invalid pattern list");
    result.patterns.push_back(*pattern);
  }
  return {};
}

Result<ListArgs> parse_list_args(ArgReader& args, bool may_be_extended) {
  ListArgs result;
  if (auto list = may_be_extended ? args.list() : nullptr) {
    auto selection = parse_list_selection(*list, result);
    if (!selection) return selection.error();
  }
  auto reference = args.astring();
  if (!reference) return permanent("Invalid reference");
  result.reference = *reference;
  auto patterns = parse_list_patterns(args, result);
  if (!patterns) return patterns.error();
  if (may_be_extended && args.accept("RETURN")) {
    auto list = args.list();
    if (!list) return permanent("Invalid return options");
    auto options = parse_list_return(*list, result);
    if (!options) return options.error();
  }
  if (!result.extended) result.return_children = result.return_special_use = true;
  for (const auto& pattern : result.patterns) {
    auto whole = result.reference + pattern;
    // A name that is no mUTF-7 cannot be that of a mailbox; it stays as it is and matches nothing.
    auto utf8 = mutf7_to_utf8(whole).value_or(whole);
    result.query.patterns.push_back(base::iequals(utf8, "INBOX") ? "INBOX" : utf8);
  }
  result.query.want_subscribed = result.return_subscribed || result.query.subscribed_only;
  return result;
}

std::string list_attributes(const ListArgs& args, const ListEntry& entry) {
  std::string out;
  auto add = [&out](std::string_view attribute) {
    if (!out.empty()) out += ' ';
    out += attribute;
  };
  if (args.query.lsub) {
    if (!entry.exists && !entry.subscribed) add("\\Noselect");
    if (!entry.special_use.empty()) add(entry.special_use);
    return out;
  }
  if (args.return_subscribed && entry.subscribed) add("\\Subscribed");
  if (!entry.exists) add(args.extended ? "\\NonExistent" : "\\Noselect");
  if (args.return_children) add(entry.has_children ? "\\HasChildren" : "\\HasNoChildren");
  if (args.return_special_use && !entry.special_use.empty()) add(entry.special_use);
  return out;
}

Task<Result<void>> put_list_entry(Session& s, const ListArgs& args, const ListEntry& entry) {
  auto wire_name = utf8_to_mutf7(entry.name).value_or(entry.name);
  auto line = format("* {} ({}) ", args.query.lsub ? "LSUB" : "LIST", list_attributes(args, entry));
  append_string(line, std::string_view(&entry.separator, 1));
  line += ' ';
  append_astring(line, wire_name);
  if (args.query.recursive_match && entry.child_subscribed)
    line += " (\"CHILDINFO\" (\"SUBSCRIBED\"))";
  s.put(line + "\r\n");
  if (args.status_items == 0 || !entry.exists) co_return Result<void>();
  auto box = co_await s.store.open(entry.name);
  if (!box) co_return box.error();
  if (!*box) co_return Result<void>();
  co_return co_await put_status(s, wire_name, *box, args.status_items);
}

// RFC 3501 6.3.8: an empty pattern asks for the separator and the root of the reference.
void put_list_root(Session& s, const ListArgs& args) {
  auto separator = s.store.list().separator(args.reference);
  std::string line = format("* {} (\\Noselect) ", args.query.lsub ? "LSUB" : "LIST");
  append_string(line, std::string_view(&separator, 1));
  s.put(line + " \"\"\r\n");
}

Task<Reply> run_list(Session& s, ListArgs args, std::string_view completed) {
  if (!args.extended && args.patterns.front().empty()) {
    put_list_root(s, args);
    co_return reply_ok(std::string(completed));
  }
  auto entries = co_await s.store.list().list(args.query);
  if (!entries) co_return s.failed(entries.error());
  for (const auto& entry : *entries) {
    auto put = co_await put_list_entry(s, args, entry);
    // One mailbox that cannot be opened must not hide the others.
    if (!put) s.log.error("{}: {}", entry.name, put.error().text);
    if (s.wants_breath()) co_await s.breathe();
  }
  co_return reply_ok(std::string(completed));
}

}  // namespace

Task<Reply> cmd_list(Session& s, Command& c) {
  ArgReader args(c.args());
  auto parsed = parse_list_args(args, c.name == "LIST");
  if (!parsed) co_return reply_wrong(parsed.error().text);
  co_return co_await run_list(s, std::move(*parsed), "List completed");
}

Task<Reply> cmd_lsub(Session& s, Command& c) {
  ArgReader args(c.args());
  auto parsed = parse_list_args(args, false);
  if (!parsed) co_return reply_wrong(parsed.error().text);
  parsed->query.lsub = parsed->query.subscribed_only = parsed->query.want_subscribed = true;
  co_return co_await run_list(s, std::move(*parsed), "Lsub completed");
}

}  // namespace dovetail::mda::imap
