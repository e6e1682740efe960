// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/fetch_items.h"

#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/text_form.h"
#include "mda/message/envelope.h"

namespace dovetail::mda::imap {

namespace {

struct FetchName {
  std::string_view name;
  FetchItem::Kind kind;
};

// clang-format off
constexpr FetchName kFetchNames[] = {
    {"FLAGS",         FetchItem::Kind::flags},
    {"UID",           FetchItem::Kind::uid},
    {"MODSEQ",        FetchItem::Kind::modseq},
    {"INTERNALDATE",  FetchItem::Kind::internal_date},
    {"RFC822.SIZE",   FetchItem::Kind::size},
    {"SAVEDATE",      FetchItem::Kind::save_date},
    {"X-GUID",        FetchItem::Kind::guid},
    {"X-MAILBOX",     FetchItem::Kind::mailbox},
    {"X-REAL-UID",    FetchItem::Kind::real_uid},
    {"ENVELOPE",      FetchItem::Kind::envelope},
    {"BODY",          FetchItem::Kind::body},
    {"BODYSTRUCTURE", FetchItem::Kind::body_structure},
    {"PREVIEW",       FetchItem::Kind::preview},
};
struct FetchSectionName {
  std::string_view name;
  Section::What what;
  bool peek;
};
constexpr FetchSectionName kFetchSections[] = {
    {"RFC822",        Section::all,    false},
    {"RFC822.HEADER", Section::header, true},
    {"RFC822.TEXT",   Section::text,   false},
};
struct FetchMacro {
  std::string_view name;
  std::vector<FetchItem::Kind> kinds;
};
// clang-format on

Error bad_section() {
  return permanent("Invalid BODY[..] parameter: Unknown section");
}

// "]", "]<0.10>" or "]<5>" (the latter two of BODY[..]<partial>).
Result<void> parse_fetch_partial(std::string_view text, FetchItem& item) {
  if (text.empty()) return {};
  if (text.front() != '<' || text.back() != '>')
    return permanent("Invalid BODY[..] parameter: Garbage after ']'");
  auto [offset, count] = base::cut(text.substr(1, text.size() - 2), '.');
  auto from = base::parse_number<uint64_t>(offset);
  auto most = count ? base::parse_number<uint64_t>(*count) : std::optional<uint64_t>(UINT64_MAX);
  if (!from || *from > UINT32_MAX || !most || *most == 0) {
    return permanent("Invalid BODY[..] parameter: Invalid partial range");
  }
  item.partial = true;
  item.offset = *from;
  item.count = *most;
  item.label += format("<{}>", *from);
  return {};
}

// HEADER.FIELDS (a "b"): the names follow as a list; they are answered in upper case, as they were quoted.
Result<void> parse_field_names(ArgReader& args, FetchItem& item, std::string& echo) {
  auto list = args.list();
  if (!list || list->empty())
    return permanent("Invalid BODY[..] parameter: Missing or empty fields-list");
  echo += " (";
  for (const auto& name : *list) {
    if (!name.is_astring())
      return permanent("Invalid BODY[..] parameter: fields-list contains non-strings");
    if (echo.back() != '(') echo += ' ';
    auto upper = base::upper(name.text);
    if (name.is_string()) {
      append_string(echo, upper);
    } else {
      echo += upper;
    }
    item.section.fields.push_back(name.text);
  }
  echo += ')';
  return {};
}

// The section between the brackets, which the command parser has cut at blanks and lists.
Result<FetchItem> parse_fetch_body(std::string_view word, bool peek, ArgReader& args) {
  FetchItem item;
  item.kind = FetchItem::Kind::section;
  item.peek = peek;
  auto open = word.find('[');
  auto close = word.find(']', open);
  auto inside = word.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
  auto section = parse_section(inside);
  if (!section) return bad_section();
  item.section = std::move(*section);
  auto echo = base::upper(inside);
  bool wants_names = item.section.what == Section::header_fields ||
                     item.section.what == Section::header_fields_not;
  if (wants_names != (close == std::string_view::npos)) return bad_section();
  auto behind = wants_names ? std::string_view() : word.substr(close + 1);
  if (wants_names) {
    auto names = parse_field_names(args, item, echo);
    if (!names) return names.error();
    auto end = args.peek();
    if (!end || !end->is_atom() || !end->text.starts_with(']')) return bad_section();
    behind = std::string_view(end->text).substr(1);
    args.skip();
  }
  item.label = format("BODY[{}]", echo);
  auto partial = parse_fetch_partial(behind, item);
  if (!partial) return partial.error();
  return item;
}

Result<void> parse_fetch_item(ArgReader& args, FetchItems& items) {
  auto word = args.atom();
  if (!word) return permanent("FETCH list contains non-atoms.");
  auto name = base::upper(*word);
  if (name.starts_with("BODY[") || name.starts_with("BODY.PEEK[")) {
    auto item = parse_fetch_body(*word, name.starts_with("BODY.PEEK["), args);
    if (!item) return item.error();
    items.add(std::move(*item));
    return {};
  }
  for (const auto& known : kFetchNames) {
    if (known.name != name) continue;
    items.add({known.kind});
    // RFC 8970: PREVIEW (LAZY); it is always at hand here.
    if (known.kind == FetchItem::Kind::preview) args.list();
    return {};
  }
  for (const auto& known : kFetchSections) {
    if (known.name != name) continue;
    FetchItem item{FetchItem::Kind::section, known.peek, std::string(known.name)};
    item.section.what = known.what;
    items.add(std::move(item));
    return {};
  }
  return permanent(format("Unknown parameter: {}", base::printable(name)));
}

}  // namespace

bool FetchItems::has(FetchItem::Kind kind) const {
  return std::any_of(items.begin(), items.end(),
                     [kind](const FetchItem& item) { return item.kind == kind; });
}

void FetchItems::add(FetchItem item) {
  for (const auto& there : items) {
    if (there.kind == item.kind && there.label == item.label) return;
  }
  auto at = items.end();
  if (item.from_row())
    at = std::find_if(items.begin(), items.end(), [](auto& other) { return !other.from_row(); });
  items.insert(at, std::move(item));
}

void FetchItems::add_first(FetchItem::Kind kind) {
  if (!has(kind)) items.insert(items.begin(), {kind});
}

bool FetchItems::sets_seen() const {
  return std::any_of(items.begin(), items.end(), [](const FetchItem& item) { return !item.peek; });
}

Result<FetchItems> parse_fetch_items(ArgReader& args) {
  static const FetchMacro macros[] = {
      {"ALL",
       {FetchItem::Kind::flags, FetchItem::Kind::internal_date, FetchItem::Kind::size,
        FetchItem::Kind::envelope}},
      {"FAST", {FetchItem::Kind::flags, FetchItem::Kind::internal_date, FetchItem::Kind::size}},
      {"FULL",
       {FetchItem::Kind::flags, FetchItem::Kind::internal_date, FetchItem::Kind::size,
        FetchItem::Kind::envelope, FetchItem::Kind::body}},
  };
  FetchItems items;
  if (auto list = args.list()) {
    ArgReader inner(*list);
    if (inner.at_end()) return permanent("FETCH list is empty");
    while (!inner.at_end()) {
      auto item = parse_fetch_item(inner, items);
      if (!item) return item.error();
    }
    return items;
  }
  if (args.at_end()) return permanent("Missing arguments");
  for (const auto& macro : macros) {
    if (!args.peek()->is(macro.name)) continue;
    args.skip();
    for (auto kind : macro.kinds) items.add({kind});
    return items;
  }
  auto item = parse_fetch_item(args, items);
  if (!item) return item.error();
  return items;
}

}  // namespace dovetail::mda::imap
