// doveadm's queries in the form of IMAP SEARCH, and the forms of its output.
// SPDX-License-Identifier: Apache-2.0
#include "mda/doveadm/query.h"

#include "common/base/text.h"
#include "mda/imap/criterion.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

std::string shown(const mda::imap::Args& args) {
  std::vector<std::string> words;
  for (const auto& arg : args)
    words.push_back(arg.is_list()     ? "(" + shown(arg.list) + ")"
                    : arg.is_string() ? "\"" + arg.text + "\""
                                      : arg.text);
  return base::join(words, " ");
}

std::string parsed(std::string_view text) {
  std::vector<std::string> words;
  for (auto word : base::split(text, '|')) words.emplace_back(word);
  auto query = mda::doveadm::parse_search_query(words, 1795176000);
  if (!query) return "error: " + query.error().text;
  mda::imap::ArgReader reader(query->criteria);
  auto understood = mda::imap::parse_criteria(reader);
  std::string masks = base::join(query->masks, ",");
  return format("[{}] {}{}", masks, shown(query->criteria),
                understood ? "" : " BAD " + understood.error().text);
}

}  // namespace

TEST_CASE("doveadm's search queries") {
  struct {
    const char *words, *expected;
  } rows[] = {
      {"all", "[] (all)"},
      {"mailbox|INBOX", "[INBOX] ALL"},
      {"mailbox|Tr*|seen|subject|two words", "[Tr*] (seen) (SUBJECT \"two words\")"},
      {"uid|3:5", "[] (UID 3:5)"},
      {"2:3", "[] (2:3)"},
      {"header|message-id|m1@", "[] (HEADER \"message-id\" \"m1@\")"},
      {"(|subject|two|or|uid|3|)", "[] ((OR (SUBJECT \"two\") (UID 3)))"},
      {"seen|or|draft|or|flagged|deleted", "[] (OR (OR (seen) (draft)) (flagged)) (deleted)"},
      {"not|(|seen|larger|5|)", "[] (NOT ((seen) (LARGER 5)))"},
      {"sentsince|2024-01-02", "[] (SENTSINCE \"02-Jan-2024\")"},
      {"savedbefore|3-Mar-2024", "[] (SAVEDBEFORE \"3-Mar-2024\")"},
      {"before|1704103200", "[] (BEFORE \"01-Jan-2024\")"},
      {"older|2weeks", "[] (OLDER 1209600)"},
      {"guid|abc", "[] (X-GUID \"abc\")"},
      {"since|someday", "error: Invalid search date parameter"},
      {"subject", "error: Missing parameter for SUBJECT"},
      {"mailbox", "error: Missing parameter for MAILBOX"},
      {"(|seen", "error: Missing ')'"},
      {"seen|)", "error: Unexpected ')'"},
      {"or|seen", "error: OR without a query before it"},
      {"seen|or", "error: Missing query"},
      {"not", "error: Missing query"},
      {"(|mailbox|INBOX|)", "error: MAILBOX inside OR, NOT or parentheses is not supported yet"},
      {"mailbox|A|or|mailbox|B",
       "error: MAILBOX inside OR, NOT or parentheses is not supported yet"},
      {"foo", "[] (foo) BAD Unknown argument FOO"},
  };
  for (const auto& row : rows) {
    INFO(row.words);
    CHECK(parsed(row.words) == row.expected);
  }
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "(|";
  CHECK(parsed(deep + "seen").starts_with("error: Query is too complex"));
}
