// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/nexthop.h"
#include "mta/smtp/session.h"
#include "mta/smtp/transaction.h"
#include "tests/catch.h"

namespace dovetail::mta {

TEST_CASE("next hops: domain, host, port, socket") {
  struct Row {
    const char* text;
    bool lmtp;
    const char *host, *port, *path;
    bool mx;
  };
  for (auto& row : {Row{"example.org", false, "example.org", "", "", true}, Row{"example.org:587", false, "example.org", "587", "", true},
                    Row{"[mail.example.org]:587", false, "mail.example.org", "587", "", false},
                    Row{"[ipv6:2001:db8::1]", false, "2001:db8::1", "", "", false},
                    Row{"unix:private/dovecot-lmtp", true, "", "", "private/dovecot-lmtp", false},
                    Row{"inet:127.0.0.1:24", true, "127.0.0.1", "24", "", false}, Row{"example.org", true, "example.org", "", "", false}}) {
    INFO(row.text);
    auto hops = parse_nexthops(row.text, row.lmtp);
    REQUIRE(hops);
    REQUIRE(hops->size() == 1);
    CHECK(hops->front().host == row.host);
    CHECK(hops->front().port == row.port);
    CHECK(hops->front().unix_path == row.path);
    CHECK(hops->front().use_mx == row.mx);
  }
  CHECK(parse_nexthops("[a]:1, b", false)->size() == 2);
  CHECK(!parse_nexthops("[a", false));
  CHECK(!parse_nexthops("", false));
  CHECK(!parse_nexthops("unix:", true));
}

static ServerReply reply_of(std::vector<std::string> lines) {
  ReplyReader reader;
  for (size_t i = 0; i + 1 < lines.size(); ++i) REQUIRE(!reader.add(lines[i]));
  auto reply = reader.add(lines.back());
  REQUIRE(reply);
  return *reply;
}

TEST_CASE("replies: several lines, codes with and without status, contradictions, garbage") {
  auto two = reply_of({"550-5.7.1 line one", "550 5.7.1 line two"});
  CHECK(two.code == 550);
  CHECK(two.dsn == "5.7.1");
  CHECK(two.text == "550-5.7.1 line one 550 5.7.1 line two");
  CHECK(reply_of({"450 greylisted"}).dsn == "4.0.0");
  CHECK(reply_of({"550 plain refusal"}).dsn == "5.0.0");
  CHECK(reply_of({"450 5.7.1 odd"}).dsn == "4.7.1");
  CHECK(reply_of({"250"}).ok());
  auto garbage = reply_of({"garbage not a reply", "354 go"});
  CHECK(garbage.dsn == "5.5.0");
  CHECK(garbage.text == "garbage not a reply 354 go");
}

static std::string dotted(std::vector<std::string> pieces, size_t limit) {
  DotWriter writer(limit);
  std::string out;
  for (auto& piece : pieces) writer.write(piece, out);
  return out;
}

TEST_CASE("dots at the start of a line are doubled, wherever the text is cut") {
  CHECK(dotted({".a\r\nb.\r\n..\r\n"}, 998) == "..a\r\nb.\r\n...\r\n");
  CHECK(dotted({"a\r\n", ".\r\n"}, 998) == "a\r\n..\r\n");
  CHECK(dotted({"a", ".b\r\n"}, 998) == "a.b\r\n");
}

TEST_CASE("a line over the limit is broken with a blank behind the break") {
  CHECK(dotted({"abcdefgh\r\n"}, 4) == "abcd\r\n efg\r\n h\r\n");
  CHECK(dotted({"abcd\r\n"}, 4) == "abcd\r\n");
  CHECK(dotted({"abcdefgh\r\n"}, 0) == "abcdefgh\r\n");
}

}  // namespace dovetail::mta
