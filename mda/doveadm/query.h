// doveadm's search queries (doveadm-search-query(7)): keys of IMAP SEARCH in any case, "mailbox NAME", parentheses, infix
// "or", "not", dates as 2024-01-31, 31-Jan-2024, seconds since 1970, or an age such as "2 weeks". They are brought into
// the form of IMAP SEARCH, which then does the work.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "mda/imap/args.h"

namespace dovetail::mda::doveadm {

struct SearchQuery {
  std::vector<std::string> masks;  // of mailboxes; empty: all
  imap::Args criteria;
};

// Errors are texts for "Fatal: ". `now` in seconds since 1970.
Result<SearchQuery> parse_search_query(const std::vector<std::string>& words, int64_t now);

}  // namespace dovetail::mda::doveadm
