// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/sendmail/submission.h"

#include "tests/catch.h"

namespace dovetail::mta {
namespace {

// The records as text: "Nline|Lpiece|".
std::string shown_records(std::string_view bytes) {
  RecordDecoder decoder(1 << 20);
  Record record;
  std::string out;
  while (decoder.next(bytes, record) == RecordDecoder::State::record)
    out += record.type + record.data + '|';
  return out;
}

std::string content(std::string_view input, ContentRecords::Rules rules, size_t piece,
                    std::vector<std::string>* found = nullptr) {
  ContentRecords records(rules);
  std::string out;
  while (!input.empty()) {
    if (!records.add(input.substr(0, piece), out)) break;
    input.remove_prefix(std::min(piece, input.size()));
  }
  records.end(out);
  if (found) *found = records.recipients();
  return shown_records(out);
}

struct ContentRow {
  const char* name;
  std::string_view input, expected;
  ContentRecords::Rules rules;
};

TEST_CASE("lines become records however the input is cut") {
  const ContentRow rows[] = {
      {"plain", "Subject: x\n\nbody\n", "NSubject: x|N|Nbody|", {}},
      {"no final newline", "a\nb", "Na|Nb|", {}},
      {"a lone dot ends", "a\n.\nb\n", "Na|", {}},
      {"a lone dot with -i", "a\n.\nb\n", "Na|N.|Nb|", {.lone_dot_ends = false}},
      {"dot dot is text", "..\n", "N..|", {}},
      {"CRLF", "a\r\n\r\n.\r\nb\r\n", "Na|N|", {}},
      {"strict, first line LF", "a\nb\r\n", "Na|Nb\r|", {.fix_line_endings = "strict"}},
      {"strict, first line CRLF", "a\r\nb\r\n", "Na|Nb|", {.fix_line_endings = "strict"}},
      {"never", "a\r\n", "Na\r|", {.fix_line_endings = "never"}},
      {"From_ line",
       "From joe Mon\n>From x\nSubject: y\nFrom here\n",
       "NSubject: y|NFrom here|",
       {}},
      {"long line", "abcdefgh\nx\n", "Labc|Ldef|Ngh|Nx|", {.line_length_limit = 3}},
      {"empty", "", "", {}},
  };
  for (const ContentRow& row : rows) {
    INFO(row.name);
    CHECK(content(row.input, row.rules, 1000) == row.expected);
    CHECK(content(row.input, row.rules, 1) == row.expected);
  }
}

TEST_CASE("-t finds recipients in folded headers and stops at the body") {
  std::vector<std::string> found;
  ContentRecords::Rules rules{.extract_recipients = true};
  std::string_view input = "To: A <a@x>,\n b@y\nSubject: q\nBCC: \"c d\"@z\n\nTo: no@body\n";
  for (size_t piece : {size_t{1}, size_t{1000}}) {
    content(input, rules, piece, &found);
    CHECK(found == std::vector<std::string>{"a@x", "b@y", "c d@z"});
  }
  content("To: a@x\nResent-To: r@x\n\n", rules, 7, &found);
  CHECK(found == std::vector<std::string>{"r@x"});
}

TEST_CASE("the null sender and one address") {
  CHECK(sender_address("<>").empty());
  CHECK(sender_address("").empty());
  CHECK(sender_address("Joe <joe@x>") == "joe@x");
  CHECK(sender_address("joe") == "joe");
}

}  // namespace
}  // namespace dovetail::mta
