// Header words, dates and base subjects.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/headers.h"

#include "mda/message/search.h"
#include "tests/catch.h"

using namespace dovetail;

TEST_CASE("encoded words are decoded, what is none stays") {
  struct Row {
    const char* text;
    const char* want;
  };
  const Row rows[] = {
      {" =?utf-8?Q?Gr=C3=BC=C3=9Fe_two?=",
       "Gr\xC3\xBC\xC3\x9F"
       "e two"},
      {"=?iso-8859-1?q?=FC?= x", "\xC3\xBC x"},
      {"=?utf-8?B?w7w=?=\r\n =?utf-8?b?w7w=?=", "\xC3\xBC\xC3\xBC"},
      {"=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "\xC3\xBC"},  // a character cut in two
      {"=?utf-8*de?Q?a?= b =?utf-8?Q?c?=", "a b c"},
      {"=?utf-8?X?a?= =?", "=?utf-8?X?a?= =?"},
      {"caf\xE9", "caf\xEF\xBF\xBD"},
      {"a\r\n\tb", "a b"},
      {"", ""},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(mda::decode_header(row.text) == row.want);
  }
}

TEST_CASE("base subjects follow RFC 5256") {
  struct Row {
    const char* text;
    const char* want;
    bool reply;
  };
  const Row rows[] = {
      {"Hello one", "HELLO ONE", false},
      {"Re: Hello one", "HELLO ONE", true},
      {"RE [x] : Fwd:  a   b (fwd)", "A B", true},
      {"[list] Fwd: (no subject)", "(NO SUBJECT)", true},
      {"[a] [b] c", "C", false},
      {"[only]", "[ONLY]", false},
      {"[Fwd: Re: x ]", "X", true},
      {"=?utf-8?Q?Re:_=C3=BC?=", "U\xCC\x88", true},
      {"Re:", "", true},
      {"", "", false},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    bool reply = false;
    CHECK(mda::base_subject(row.text, &reply) == row.want);
    CHECK(reply == row.reply);
  }
}

TEST_CASE("message dates are read leniently") {
  struct Row {
    const char* text;
    int64_t want;  // -1: none
  };
  const Row rows[] = {
      {"Mon, 01 Jan 2024 10:00:00 +0000", 1704103200},
      {"Tue, 2 Jan 2024 11:30 +0200", 1704187800},
      {"01 Jan 24 10:00:00 GMT", 1704103200},
      {"Mon (day), 1 Jan 2024 05:00:00 EST (zone)", 1704103200},
      {"bogus date", -1},
      {"", -1},
      {"Mon, 32 Jan 2024 10:00:00 +0000", -1},
      {"Mon, 1 Foo 2024 10:00:00 +0000", -1},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    auto date = mda::parse_message_date(row.text);
    CHECK((date ? date->seconds : -1) == row.want);
  }
  CHECK(mda::parse_message_date("Tue, 2 Jan 2024 11:30 +0200")->zone_minutes == 120);
}

TEST_CASE("header search looks at decoded values, message ids lose their brackets") {
  const char* block =
      "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nX-A: one\n\ttwo\nX-A: three\n\nSubject: body\n";
  CHECK(mda::header_matches(block, "subject", mda::SearchKey("gR\xC3\x9C")));
  CHECK_FALSE(mda::header_matches(block, "subject", mda::SearchKey("body")));
  CHECK(mda::header_matches(block, "x-a", mda::SearchKey("E T")));
  CHECK(mda::header_matches(block, "x-a", mda::SearchKey("")));
  CHECK_FALSE(mda::header_matches(block, "x-b", mda::SearchKey("")));
  CHECK(mda::message_ids("<a@b> x < c@d >,<bad> <e@f") == std::vector<std::string>{"a@b", "c@d"});
  CHECK(mda::known_charset("utf-8"));
  CHECK_FALSE(mda::known_charset("FOO"));
}
