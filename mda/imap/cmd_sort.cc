// SORT and UID SORT (RFC 5256; RETURN options RFC 5267 3).
// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/commands.h"
#include "mda/imap/search_return.h"
#include "mda/imap/sort.h"

namespace dovetail::mda::imap {

Task<Reply> cmd_sort(Session& s, Command& c) {
  bool by_uid = is_uid_command(c);
  ArgReader args(c.args());
  auto wanted = parse_search_return(args);
  if (!wanted) co_return reply_wrong(wanted.error().text);
  auto list = args.list();
  if (!list) co_return reply_wrong("Missing or invalid sort list argument.");
  auto keys = parse_sort_keys(*list);
  if (!keys) co_return reply_wrong(keys.error().text);
  auto charset = args.astring();
  if (!charset) co_return reply_wrong("Missing charset argument.");
  auto outcome = co_await search_criteria(s, args, *charset);
  if (outcome.ended) co_return std::move(*outcome.ended);
  if (wanted->save) s.saved_result = outcome.uids;
  auto modseq = highest_modseq(s, outcome);
  auto sorted = co_await sort_messages(s, std::move(outcome.uids), std::move(*keys));
  if (!sorted) co_return s.failed(sorted.error());
  auto numbers = numbers_of(s, *sorted, by_uid);
  if (wanted->extended) {
    put_esearch(s, c, *wanted, numbers, modseq);
  } else {
    co_await put_numbers(s, "SORT", numbers, modseq);
  }
  co_return reply_ok("Sort completed");
}

}  // namespace dovetail::mda::imap
