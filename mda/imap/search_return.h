// What SEARCH, SORT and THREAD share: RETURN options (ESEARCH RFC 4731, SEARCHRES RFC 5182, ESORT RFC 5267), charset, and
// the responses.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mda/imap/criterion.h"
#include "mda/imap/session.h"

namespace dovetail::mda::imap {

struct SearchReturn {
  bool extended = false;  // RETURN was there: ESEARCH instead of SEARCH or SORT
  bool min = false, max = false, all = false, count = false, save = false;
};

// RETURN (...) if it is there; errors are BAD texts.
Result<SearchReturn> parse_search_return(ArgReader& args);

// Finds what the criteria ask for; a Reply ends the command.
struct SearchOutcome {
  std::optional<Reply> ended{};
  std::vector<Uid> uids{};
  bool asks_modseq = false;
};
Task<SearchOutcome> search_criteria(Session& s, ArgReader& args, std::string charset);

// As message numbers, or left as UIDs.
std::vector<uint32_t> numbers_of(const Session& s, const std::vector<Uid>& uids, bool by_uid);
// "* ESEARCH (TAG "a") UID MIN 1 ..."; the numbers may be in SORT's order.
void put_esearch(Session& s, const Command& c, const SearchReturn& wanted,
                 const std::vector<uint32_t>& numbers, std::optional<Modseq> modseq);
// "* SEARCH 1 2 3" or "* SORT ...".
Task<> put_numbers(Session& s, std::string_view name, const std::vector<uint32_t>& numbers,
                   std::optional<Modseq> modseq);
// RFC 7162 3.1.5: the highest modseq of what was found.
std::optional<Modseq> highest_modseq(const Session& s, const SearchOutcome& outcome);

}  // namespace dovetail::mda::imap
