// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/search_return.h"

#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/match.h"
#include "mda/message/envelope.h"
#include "mda/message/search.h"

namespace dovetail::mda::imap {

Result<SearchReturn> parse_search_return(ArgReader& args) {
  SearchReturn wanted;
  if (!args.accept("RETURN")) return wanted;
  auto list = args.list();
  if (!list) return permanent("SEARCH return options must be a list");
  wanted.extended = true;
  ArgReader inner(*list);
  while (!inner.at_end()) {
    if (inner.accept("MIN"))
      wanted.min = true;
    else if (inner.accept("MAX"))
      wanted.max = true;
    else if (inner.accept("ALL"))
      wanted.all = true;
    else if (inner.accept("COUNT"))
      wanted.count = true;
    else if (inner.accept("SAVE"))
      wanted.save = true;
    else
      return permanent("Unknown SEARCH return option");
  }
  // RFC 4731 3.1: RETURN () is RETURN (ALL).
  if (list->empty()) wanted.all = true;
  return wanted;
}

Task<SearchOutcome> search_criteria(Session& s, ArgReader& args, std::string charset) {
  SearchOutcome outcome;
  if (!known_charset(charset)) {
    outcome.ended = reply_no("[BADCHARSET] Unknown charset");
    co_return outcome;
  }
  auto criteria = parse_criteria(args);
  if (!criteria) {
    outcome.ended = reply_wrong(criteria.error().text);
    co_return outcome;
  }
  auto matcher = Matcher::create(s, std::move(*criteria), charset);
  if (!matcher) {
    outcome.ended = reply_wrong(matcher.error().text);
    co_return outcome;
  }
  auto found = co_await (*matcher)->find();
  if (!found) {
    outcome.ended = s.failed(found.error());
    co_return outcome;
  }
  outcome.uids = std::move(*found);
  outcome.asks_modseq = (*matcher)->asks_modseq();
  co_return outcome;
}

std::vector<uint32_t> numbers_of(const Session& s, const std::vector<Uid>& uids, bool by_uid) {
  if (by_uid) return uids;
  std::vector<uint32_t> numbers;
  numbers.reserve(uids.size());
  for (auto uid : uids) numbers.push_back(static_cast<uint32_t>(s.selected->view->seq_of(uid)));
  return numbers;
}

std::optional<Modseq> highest_modseq(const Session& s, const SearchOutcome& outcome) {
  if (!outcome.asks_modseq || outcome.uids.empty()) return std::nullopt;
  Modseq highest = 0;
  const auto& view = *s.selected->view;
  for (auto uid : outcome.uids) highest = std::max(highest, view.row(view.seq_of(uid)).modseq);
  return highest;
}

void put_esearch(Session& s, const Command& c, const SearchReturn& wanted,
                 const std::vector<uint32_t>& numbers, std::optional<Modseq> modseq) {
  if (wanted.save && !wanted.min && !wanted.max && !wanted.all && !wanted.count) return;
  std::string line = "* ESEARCH (TAG ";
  append_string(line, c.tag);
  line += ')';
  auto into = std::back_inserter(line);
  if (c.name.starts_with("UID ")) line += " UID";
  if (!numbers.empty()) {
    if (wanted.min) fmt::format_to(into, " MIN {}", numbers.front());
    if (wanted.max) fmt::format_to(into, " MAX {}", numbers.back());
    if (wanted.all) fmt::format_to(into, " ALL {}", SequenceSet::of(numbers).text());
  }
  if (wanted.count) fmt::format_to(into, " COUNT {}", numbers.size());
  if (modseq) fmt::format_to(into, " MODSEQ {}", *modseq);
  s.put(line + "\r\n");
}

Task<> put_numbers(Session& s, std::string_view name, const std::vector<uint32_t>& numbers,
                   std::optional<Modseq> modseq) {
  s.print("* {}", name);
  for (auto number : numbers) {
    s.print(" {}", number);
    if (s.wants_breath()) co_await s.breathe();
  }
  if (modseq) s.print(" (MODSEQ {})", *modseq);
  s.put("\r\n");
}

}  // namespace dovetail::mda::imap
