// Rows for addresses, header lines, status codes, replies and queue ids.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/mail/dsn.h"
#include "common/mail/header.h"
#include "common/mail/queue_id.h"
#include "common/mail/reply.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::mail;

TEST_CASE("a local part is quoted where RFC 5321 asks for it") {
  struct Row {
    const char *internal, *external;
  };
  // clang-format off
  const Row rows[] = {
      {"frank@example.org", "frank@example.org"}, {"a b@c", "\"a b\"@c"}, {"a@b@c", "\"a@b\"@c"}, {"a..b@c", "\"a..b\"@c"},
      {".a@c", "\".a\"@c"}, {"a\"b@c", "\"a\\\"b\"@c"}, {"user+x@c", "user+x@c"}, {"@c", "@c"}, {"", ""}, {"user", "user"},
      {"gr\xc3\xbc@c", "gr\xc3\xbc@c"},
  };
  // clang-format on
  for (const Row& row : rows) {
    INFO(row.internal);
    CHECK(quote_address(row.internal) == row.external);
    CHECK(unquote_address(row.external) == row.internal);
  }
  CHECK(unquote_address("\"a\\@b\"@c (comment)") == "a@b@c");
  CHECK(unquote_address(" user @ host . dom ") == "user@host.dom");
  CHECK(unquote_address("user@[127.0.0.1]") == "user@[127.0.0.1]");
}

TEST_CASE("an address is one line, whatever stood in the header or the record") {
  using namespace std::string_literals;
  CHECK(quote_address("x\r\nQUIT\r\n@c") == "\"x  QUIT  \"@c");
  CHECK(quote_address("x@c\nRCPT TO:<y@z>") == "\"x@c RCPT TO:<y\"@z>");
  CHECK(quote_address("x\0y@c"s) == "\"x y\"@c");
  auto list = AddressList::parse("\"unterminated <a@b>,\n c@d\r\nQUIT");
  REQUIRE(list.size() == 1);
  CHECK(is_one_line(list.address(0)));
  CHECK(is_one_line(AddressList::parse("x@[127.0.0.1\n]").address(0)));
}

TEST_CASE("an SMTP path is read as far as it goes") {
  struct Row {
    const char* text;
    bool strict;
    const char* address;  // nullptr: refused
    size_t length;
  };
  // clang-format off
  const Row rows[] = {
      {"<a@b> SIZE=1", true, "a@b", 5},        {"<> BODY=8BITMIME", true, "", 2},     {"<@x,@y:u@d>", true, "u@d", 11},
      {"<\"a>b\"@c>", true, "a>b@c", 9},       {" <a@b>", false, "a@b", 6},           {"a@b SIZE=1", false, "a@b", 3},
      {"a@b", true, nullptr, 0},               {"<a@b", false, nullptr, 0},           {"", false, nullptr, 0},
      {"<a b@c>", false, nullptr, 0},          {"<\"a b\"@c>", false, "a b@c", 9},    {"<a,b@c>", false, nullptr, 0},
      {"< a@b >", false, "a@b", 7},            {"<a@[IPv6:::1]>", true, "a@[IPv6:::1]", 14},
  };
  // clang-format on
  for (const Row& row : rows) {
    INFO(row.text);
    auto path = parse_path(row.text, row.strict);
    CHECK(bool(path) == (row.address != nullptr));
    if (!path || !row.address) continue;
    CHECK(path->address == row.address);
    CHECK(path->length == row.length);
  }
}

TEST_CASE("addresses of a header field are found and replaced, the rest stays") {
  auto list = AddressList::parse(
      "Frank Miller <frank>, leeo (Leeo), friends: a@b, \"c d\"@e;, <>, plain@x.org");
  REQUIRE(list.size() == 5);
  CHECK(list.address(0) == "frank");
  CHECK(list.address(1) == "leeo");
  CHECK(list.address(2) == "a@b");
  CHECK(list.address(3) == "c d@e");
  CHECK(list.address(4) == "plain@x.org");
  CHECK(!list.changed());
  list.replace(4, "plain@x.org");
  CHECK(!list.changed());
  list.replace(0, "frank@example.org");
  list.replace(1, "leeo@example.org");
  list.replace(3, "c e@e");
  CHECK(list.changed());
  CHECK(list.text() ==
        "Frank Miller <frank@example.org>, leeo@example.org (Leeo), friends: a@b, \"c e\"@e;, <>, "
        "plain@x.org");
  CHECK(AddressList::parse("undisclosed-recipients:;").size() == 0);
  CHECK(AddressList::parse("a@b, c@d", 2).size() == 1);
}

TEST_CASE("header names end at the colon") {
  CHECK(header_name_length("Subject: x") == 7);
  CHECK(header_name_length("Subject : x") == 7);
  CHECK(header_name_length("no header") == 0);
  CHECK(header_name_length(": x") == 0);
  CHECK(header_name_length(" Subject: x") == 0);
  CHECK(header_name_length("gr\xc3\xbc: x") == 0);
  REQUIRE(find_header("MESSAGE-ID"));
  CHECK(find_header("MESSAGE-ID")->kind == HeaderKind::message_id);
  CHECK(find_header("apparently-to")->kind == HeaderKind::apparently_to);
  CHECK(find_header("to")->kind == HeaderKind::to);
  CHECK(find_header("X-Mailer") == nullptr);
  auto parts = split_header("To:  a,\n\tb");
  REQUIRE(parts);
  CHECK(parts->name == "To");
  CHECK(parts->value == "a,\n\tb");
}

TEST_CASE("rewritten fields are folded at commas") {
  std::string user = "somebody.with.a.long.name@example.org";
  std::string value = "To: " + user + ", " + user + ", a@b";
  CHECK(fold_header(value) == "To: " + user + ",\n\t" + user + ", a@b");
  CHECK(fold_header("To: a@b") == "To: a@b");
}

TEST_CASE("status codes are told from text") {
  CHECK(dsn_length("5.7.1 no") == 5);
  CHECK(dsn_length("5.7.1") == 5);
  CHECK(dsn_length("5.7") == 0);
  CHECK(dsn_length("3.1.1 x") == 0);
  CHECK(dsn_length("4.1234.1") == 0);
  CHECK(split_dsn("5.1.1 User unknown", "5.0.0").status == "5.1.1");
  CHECK(split_dsn("5.1.1 User unknown", "5.0.0").text == "User unknown");
  CHECK(split_dsn("User unknown", "5.0.0").status == "5.0.0");
  CHECK(parse_notify("SUCCESS,delay") == 10);
  CHECK(!parse_notify("NEVER,DELAY"));
  CHECK(!parse_notify(""));
  CHECK(format_notify(12) == "FAILURE,DELAY");
  CHECK(decode_xtext("a+2Bb+3D") == "a+b=");
  CHECK(!decode_xtext("a+2"));
  CHECK(!decode_xtext("a=b"));
  CHECK(encode_xtext("a+b c") == "a+2Bb+20c");
}

TEST_CASE("replies are written and read line by line") {
  Reply reply{550, "5.1.1", "one\ntwo"};
  CHECK(reply.wire() == "550-5.1.1 one\r\n550 5.1.1 two\r\n");
  CHECK(Reply{354, "", "End data"}.wire() == "354 End data\r\n");
  ReplyReader reader;
  CHECK(reader.add("550-5.1.1 one") == ReplyReader::State::more);
  CHECK(reader.add("550 5.1.1 two") == ReplyReader::State::done);
  Reply read = reader.take();
  CHECK(read.code == 550);
  CHECK(read.dsn == "5.1.1");
  CHECK(read.text == "one\ntwo");
  CHECK(reader.add("250") == ReplyReader::State::done);
  CHECK(reader.take().dsn.empty());
  CHECK(reader.add("250x") == ReplyReader::State::bad);
  CHECK(reader.add("hello") == ReplyReader::State::bad);
}

TEST_CASE("queue ids carry time and inode") {
  base::Wall when{1795176479, 812886};
  CHECK(make_queue_id(base::Wall{1, 0x36FD6}, 0xAC4B57, false) == "36FD6AC4B57");
  CHECK(make_queue_id(base::Wall{1, 7}, 0x1, false) == "000071");
  std::string id = make_queue_id(when, 11291469, true);
  CHECK(id.substr(0, 11) == "4jWDcb5mcQz");
  CHECK(queue_id_inode(id) == 11291469);
  CHECK(queue_id_inode("36FD6AC4B57") == 0xAC4B57);
  CHECK(is_long_queue_id("4jWDcb5mcQz1f55y"));
  CHECK(!is_long_queue_id("36FD6AC4B57"));
  CHECK(queue_id_hash_key("4jWDcb5mcQz1f55y") == base::format("{:05X}", 812886));
  CHECK(queue_id_hash_key("36FD6AC4B57") == "36FD6AC4B57");
  CHECK(is_queue_id("36FD6AC4B57"));
  CHECK(!is_queue_id("../x"));
  CHECK(!is_queue_id(""));
}

TEST_CASE("dates are written in English with zone") {
  std::string date = header_date(1795175913);
  CHECK(date.find("Nov 2026 ") != std::string::npos);
  CHECK(date.substr(0, 3).find_first_of("FST") == 0);
}
