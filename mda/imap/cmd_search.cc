// SEARCH and UID SEARCH (RFC 3501 6.4.4; ESEARCH RFC 4731, SEARCHRES RFC 5182, WITHIN RFC 5032).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/search_return.h"

namespace dovetail::mda::imap {

namespace {

// RFC 5182 2.1: with MIN or MAX alone only those are saved.
void save_search_result(Session& s, const SearchReturn& wanted, const std::vector<Uid>& uids) {
  if ((wanted.min || wanted.max) && !wanted.all && !wanted.count && !uids.empty()) {
    s.saved_result.clear();
    if (wanted.min) s.saved_result.push_back(uids.front());
    if (wanted.max && (!wanted.min || uids.size() > 1)) s.saved_result.push_back(uids.back());
    return;
  }
  s.saved_result = uids;
}

}  // namespace

Task<Reply> cmd_search(Session& s, Command& c) {
  bool by_uid = is_uid_command(c);
  ArgReader args(c.args());
  auto wanted = parse_search_return(args);
  if (!wanted) co_return reply_wrong(wanted.error().text);
  std::string charset = "UTF-8";
  if (args.accept("CHARSET")) {
    auto name = args.astring();
    if (!name) co_return reply_wrong("Invalid charset argument.");
    charset = *name;
  }
  auto outcome = co_await search_criteria(s, args, charset);
  if (outcome.ended) {
    // RFC 5182 2.1: a failed SEARCH with SAVE empties the result.
    if (wanted->save && outcome.ended->status == Reply::Status::no) s.saved_result.clear();
    co_return std::move(*outcome.ended);
  }
  auto modseq = highest_modseq(s, outcome);
  auto numbers = numbers_of(s, outcome.uids, by_uid);
  if (wanted->save) save_search_result(s, *wanted, outcome.uids);
  if (wanted->extended) {
    put_esearch(s, c, *wanted, numbers, modseq);
  } else {
    co_await put_numbers(s, "SEARCH", numbers, modseq);
  }
  co_return reply_ok("Search completed");
}

}  // namespace dovetail::mda::imap
