// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/criterion.h"

#include "common/base/text.h"
#include "mda/imap/arg_parser.h"
#include "mda/imap/fetch_items.h"
#include "tests/catch.h"

namespace dovetail::mda::imap {

namespace {

Args parsed(const std::string& line) {
  ArgParser parser({});
  REQUIRE(parser.line(line) == ArgParser::State::done);
  return parser.args();
}

std::string criteria_error(const std::string& line) {
  auto args = parsed(line);
  ArgReader reader(args);
  auto criteria = parse_criteria(reader);
  return criteria ? "" : criteria.error().text;
}

std::string fetch_labels(const std::string& line) {
  auto args = parsed(line);
  ArgReader reader(args);
  auto items = parse_fetch_items(reader);
  if (!items) return "!" + items.error().text;
  std::string out;
  for (const auto& item : items->items) {
    if (!out.empty()) out += ' ';
    out += item.label.empty() ? format("#{}", static_cast<int>(item.kind)) : item.label;
    if (!item.peek) out += '*';
    if (item.partial) out += format("@{}+{}", item.offset, item.count);
  }
  return out;
}

}  // namespace

TEST_CASE("search criteria and their errors") {
  struct Row {
    std::string line, error;
  };
  const Row rows[] = {
      {"ALL", ""},
      {"1:3,* UID 4:*", ""},
      {"NOT OR (SEEN FLAGGED) DELETED", ""},
      {"HEADER Message-ID \"\"", ""},
      {"MODSEQ 5", ""},
      {"MODSEQ \"/flags/\\\\draft\" all 620162338", ""},
      {"SINCE 1-Feb-2020 SENTBEFORE \" 2-Feb-2020\"", ""},
      {"OLDER 60 YOUNGER 5", ""},
      {"", "Missing search parameters"},
      {"FOO", "Unknown argument FOO"},
      {"SINCE 1-Foo-2024", "Invalid search date parameter"},
      {"LARGER x", "Invalid parameter for LARGER"},
      {"OLDER 0", "Invalid search interval parameter"},
      {"NOT", "Missing parameter for NOT"},
      {"OR SEEN", "Missing parameter for OR"},
      {"SUBJECT", "Missing parameter for SUBJECT"},
      {"()", "Empty list not allowed"},
      {"0", "Invalid messageset"},
      {"UID x", "Invalid UID messageset"},
      {"MAILBOX INBOX", "Unknown argument MAILBOX"},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    CHECK(criteria_error(row.line) == row.error);
  }
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "NOT ";
  CHECK(criteria_error(deep + "SEEN") == "Query is too complex");
}

TEST_CASE("fetch items, sections and macros") {
  struct Row {
    std::string line, expect;
  };
  const Row rows[] = {
      {"FLAGS", "#0"},
      {"FAST", "#0 #3 #4"},
      {"(FLAGS FLAGS UID)", "#0 #1"},
      {"(BODY.PEEK[] UID)", "#1 BODY[]"},
      {"BODY[TEXT]<6.4>", "BODY[TEXT]<6>*@6+4"},
      {"BODY[HEADER.FIELDS (Subject \"From\" x-none)]",
       "BODY[HEADER.FIELDS (SUBJECT \"FROM\" X-NONE)]*"},
      {"BODY.PEEK[header.fields.not (a)]<0.9>", "BODY[HEADER.FIELDS.NOT (A)]<0>@0+9"},
      {"BODY.PEEK[2.mime]", "BODY[2.MIME]"},
      {"(RFC822.HEADER RFC822)", "RFC822.HEADER RFC822*"},
      {"(ENVELOPE BODY BODYSTRUCTURE)", "#9 #10 #11"},
      {"FOO", "!Unknown parameter: FOO"},
      {"()", "!FETCH list is empty"},
      {"BODY[HEADER.FIELDS]", "!Invalid BODY[..] parameter: Unknown section"},
      {"BODY[HEADER.FIELDS ()]", "!Invalid BODY[..] parameter: Missing or empty fields-list"},
      {"BODY[TEXT", "!Invalid BODY[..] parameter: Unknown section"},
      {"BODY[]<1.0>", "!Invalid BODY[..] parameter: Invalid partial range"},
      {"BODY[]x", "!Invalid BODY[..] parameter: Garbage after ']'"},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    CHECK(fetch_labels(row.line) == row.expect);
  }
}

}  // namespace dovetail::mda::imap
