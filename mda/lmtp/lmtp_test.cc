// The parts of LMTP: paths, details, the end of a message, headers.
// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <time.h>

#include "mda/lmtp/dot_reader.h"
#include "mda/lmtp/headers.h"
#include "mda/lmtp/message_file.h"
#include "mda/lmtp/path.h"
#include "tests/catch.h"

namespace dovetail::mda::lmtp {

namespace {

std::string path_or_error(std::string_view text, PathRules rules) {
  auto parsed = parse_path(text, rules);
  if (!parsed) return "error: " + parsed.error().text;
  return parsed->path.text() + "|" + parsed->parameters;
}

struct Undotted {
  std::string text;
  bool done = false;
  size_t used = 0;
};

Undotted undot(std::string_view bytes, size_t piece, bool lf_lines) {
  DotReader reader(lf_lines);
  Undotted result;
  for (size_t at = 0; at < bytes.size() && !reader.done(); at += piece) {
    result.used += reader.feed(bytes.substr(at, piece), result.text);
  }
  result.done = reader.done();
  return result;
}

}  // namespace

TEST_CASE("paths of MAIL and RCPT") {
  PathRules mail{true, false, false, false};
  PathRules rcpt{false, true, false, false};
  CHECK(path_or_error("<a@b.example>", mail) == "a@b.example|");
  CHECK(path_or_error("<>", mail) == "|");
  CHECK(path_or_error("<> BODY=8BITMIME", mail) == "|BODY=8BITMIME");
  CHECK(path_or_error("<a@b.example> SIZE=1 X", mail) == "a@b.example|SIZE=1 X");
  CHECK(path_or_error("a@b.example", mail) == "error: Missing '<' at beginning of path");
  CHECK(path_or_error(" <a@b.example>", mail) == "error: Missing '<' at beginning of path");
  CHECK(path_or_error("<bad", mail) == "error: Missing domain");
  CHECK(path_or_error("<a@b.example", mail) == "error: Missing '>' at end of path");
  CHECK(path_or_error("<a@>", mail) == "error: Missing domain after '@'");
  CHECK(path_or_error("<a b@c.example>", mail) == "error: Invalid character in localpart");
  CHECK(path_or_error("<a@b.example>x", mail) == "error: Invalid character in path");
  CHECK(path_or_error("<a@[192.0.2.1]>", mail) == "a@[192.0.2.1]|");
  CHECK(path_or_error("<a@[192.0.2.1>", mail) == "error: Invalid domain");
  CHECK(path_or_error("<>", rcpt) == "error: Null path not allowed");
  CHECK(path_or_error("<alice>", rcpt) == "alice|");
  CHECK(path_or_error("<\"alice\"@b.example>", rcpt) == "alice@b.example|");
  CHECK(path_or_error("<\"a b\\\"c\"@b.example>", rcpt) == "\"a b\\\"c\"@b.example|");
  CHECK(path_or_error("<\"a@b.example>", rcpt) == "error: Invalid quoted string in localpart");
  CHECK(path_or_error("<@relay.example,@two.example:a@b.example>", rcpt) == "a@b.example|");
  CHECK(path_or_error(" <a@b.example>", {false, true, true, false}) == "a@b.example|");
  CHECK(path_or_error("a@b.example", {false, true, false, true}) == "a@b.example|");
  CHECK(path_or_error("", {false, true, false, true}) == "error: Missing '<' at beginning of path");
}

TEST_CASE("the detail of a recipient") {
  auto user = [](std::string local, std::string_view delimiter) {
    auto parts = split_detail({std::move(local), "b.example"}, delimiter);
    return parts.user + "|" + parts.detail;
  };
  CHECK(user("bob", "+") == "bob@b.example|");
  CHECK(user("bob+lists", "+") == "bob@b.example|lists");
  CHECK(user("bob+a+b", "+") == "bob@b.example|a+b");
  CHECK(user("bob-x+y", "+-") == "bob@b.example|x+y");
  CHECK(user("bob+lists", "") == "bob+lists@b.example|");
  CHECK(user("+bob", "+") == "+bob@b.example|");
  CHECK(split_detail({"alice", ""}, "+").user == "alice");
}

TEST_CASE("dots and the end of DATA") {
  struct Row {
    std::string_view in, out;
    bool done;
  };
  const Row rows[] = {
      {"a\r\n.\r\n", "a\r\n", true},
      {".\r\n", "", true},
      {"a\r\n..\r\n..b\r\n.\r\n", "a\r\n.\r\n.b\r\n", true},
      {"a.\r\n.\r\n", "a.\r\n", true},
      {"a\r\n.\r", "a\r\n", false},
      // Bare line ends do not end a message (SMTP smuggling).
      {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", true},
      {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", true},
      {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", true},
      {"a\r.\r\n.\r\n", "a\r.\r\n", true},
      {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", true},
  };
  for (auto& row : rows) {
    for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, row.in.size()}) {
      INFO(row.in << " by " << piece);
      auto got = undot(row.in, piece, false);
      CHECK(got.text == row.out);
      CHECK(got.done == row.done);
    }
  }
  CHECK(undot("a\n.\nQUIT\n", 100, true).text == "a\n");
  CHECK(undot("a\n.\nQUIT\n", 100, true).used == 4);
  CHECK(undot("a\r\n.\r\nQUIT\r\n", 100, false).used == 6);
}

TEST_CASE("headers before the message") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  HeaderFacts facts;
  facts.sender = "s@example.org";
  facts.rcpt = "alice@example.com";
  facts.helo = "client.example";
  facts.remote_ip = "127.0.0.1";
  facts.hostname = "mail.example.com";
  facts.session = "SID";
  facts.time = 1795176816;
  CHECK(delivery_headers(facts) ==
        "Return-Path: <s@example.org>\r\nDelivered-To: alice@example.com\r\n"
        "Received: from client.example ([127.0.0.1])\r\n\tby mail.example.com with LMTP\r\n\tid "
        "SID\r\n"
        "\t(envelope-from <s@example.org>)\r\n\tfor <alice@example.com>; Fri, 20 Nov 2026 12:13:36 "
        "+0000\r\n");
  facts.sender.clear();
  facts.rcpt.clear();
  facts.remote_ip.clear();
  facts.tls = "TLSv1.3 with cipher X (256/256 bits)";
  CHECK(delivery_headers(facts) ==
        "Return-Path: <>\r\nReceived: from client.example\r\n\t(using TLSv1.3 with cipher X "
        "(256/256 bits))\r\n"
        "\tby mail.example.com with LMTPS\r\n\tid SID\r\n\t(envelope-from <>); Fri, 20 Nov 2026 "
        "12:13:36 +0000\r\n");
  facts.received = false;
  CHECK(delivery_headers(facts) == "Return-Path: <>\r\n");
}

TEST_CASE("Message-ID of a header") {
  CHECK(find_message_id("Subject: x\r\nMessage-ID: <a@b>\r\n\r\nMessage-ID: <c>\r\n") == "<a@b>");
  CHECK(find_message_id("message-id:\r\n <a@b>\r\nX: y\r\n\r\n") == "<a@b>");
  CHECK(find_message_id("Subject: x\r\n\r\nMessage-ID: <c>\r\n") == "");
  CHECK(find_message_id("Message-ID: <a@b>") == "<a@b>");
  CHECK(find_message_id("") == "");
}

}  // namespace dovetail::mda::lmtp
