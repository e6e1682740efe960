// SPDX-License-Identifier: Apache-2.0
#include "mta/bounce/notice.h"

#include "common/mail/dsn.h"
#include "tests/catch.h"

namespace dovetail::mta {
namespace {

BounceEntry failed_recipient() {
  BounceEntry entry;
  entry.recipient = "loopb@example.test";
  entry.original_recipient = "loopa@local.test";
  entry.dsn_orig_rcpt = "rfc822;loopa@local.test";
  entry.status = "5.1.1";
  entry.diag_type = "smtp";
  entry.diag_text = "550 5.1.1 <loopb@example.test> User doesn't exist: loopb@example.test";
  entry.mta_type = "dns";
  entry.mta_mname = "mx.example.test";
  entry.reason =
      "host mx.example.test[private/dovecot-lmtp] said: 550 5.1.1 <loopb@example.test> User "
      "doesn't exist: "
      "loopb@example.test (in reply to RCPT TO command)";
  return entry;
}

Notice sample(const NoticeTemplates& templates) {
  Notice notice;
  notice.words = &templates.failure;
  notice.text = "words\n";
  notice.myhostname = "mx.example.test";
  notice.from = "Mail Delivery System <MAILER-DAEMON@example.test>";
  notice.to = "frank@example.test";
  notice.original_queue_id = "B8819AC5D06";
  notice.now = 1795175922;
  notice.sender = "frank@example.test";
  notice.recipients.push_back(failed_recipient());
  notice.original = "Subject: test\n\nhi\n";
  return notice;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("a failure notice has the incumbent's parts, in its order and folding") {
  auto templates = NoticeTemplates::built_in();
  auto text = compose_notice(sample(templates));
  CHECK(has(text,
            "Subject: Undelivered Mail Returned to Sender\nTo: frank@example.test\nAuto-Submitted: "
            "auto-replied\n"));
  CHECK(has(text, "\tboundary=\"B8819AC5D06.1795175922/mx.example.test\"\n"));
  CHECK(has(text,
            "\n<loopb@example.test> (expanded from <loopa@local.test>): host\n"
            "    mx.example.test[private/dovecot-lmtp] said: 550 5.1.1 <loopb@example.test>\n"
            "    User doesn't exist: loopb@example.test (in reply to RCPT TO command)\n"));
  CHECK(has(text,
            "Final-Recipient: rfc822; loopb@example.test\nOriginal-Recipient: "
            "rfc822;loopa@local.test\nAction: failed\n"
            "Status: 5.1.1\nRemote-MTA: dns; mx.example.test\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <loopb@example.test> User doesn't exist:\n    "
            "loopb@example.test\n"));
  CHECK(has(text, "Content-Description: Undelivered Message\nContent-Type: message/rfc822\n"));
  CHECK(has(text,
            "\n\nReturn-Path: <frank@example.test>\nSubject: "
            "test\n\nhi\n\n--B8819AC5D06.1795175922/mx.example.test--\n"));
}

TEST_CASE("a delay notice says until when, and action delayed") {
  auto templates = NoticeTemplates::built_in();
  auto notice = sample(templates);
  notice.kind = BounceRequest::Kind::warn;
  notice.words = &templates.delay;
  notice.recipients[0].diag_type.clear();
  notice.recipients[0].reason = "no TLSA records found";
  auto text = compose_notice(notice);
  CHECK(has(text, "Action: delayed\n"));
  CHECK(has(text, "Diagnostic-Code: X-Postfix; no TLSA records found\nWill-Retry-Until: "));
  CHECK(has(text, "Subject: Delayed Mail (still being retried)\n"));
}

TEST_CASE("NOTIFY decides who is in a notice") {
  std::vector<BounceEntry> all(4, failed_recipient());
  all[1].notify_flags = mail::kNotifyNever;
  all[2].notify_flags = mail::kNotifySuccess;
  all[3].notify_flags = mail::kNotifyFailure | mail::kNotifySuccess;
  CHECK(wanted_recipients(all, BounceRequest::Kind::bounce).size() == 2);
  CHECK(wanted_recipients(all, BounceRequest::Kind::warn).size() == 1);
  CHECK(wanted_recipients(all, BounceRequest::Kind::trace).size() == 4);
}

TEST_CASE("a template file replaces what it names and errors say where") {
  auto read = NoticeTemplates::parse(
      "t", "# words\nfailure_template = <<END\nSubject: Oops\n\nSorry, $myhostname.\nEND\n");
  REQUIRE(read);
  CHECK(read->failure.subject == "Oops");
  CHECK(read->failure.text == "Sorry, $myhostname.\n");
  CHECK(read->delay.subject == NoticeTemplates::built_in().delay.subject);
  auto bad = NoticeTemplates::parse("t", "\nfailure_template = <<END\nSubject: x\n");
  REQUIRE(!bad);
  CHECK(bad.error().text == "t, line 2: missing \"END\"");
  auto again = NoticeTemplates::parse(
      "t", NoticeTemplates::built_in().dump([](auto text) { return std::string(text); }));
  REQUIRE(again);
  CHECK(again->verify.text == NoticeTemplates::built_in().verify.text);
}

TEST_CASE("only the headers of a large message") {
  CHECK(header_part("A: b\nC: d\n\nbody\n") == "A: b\nC: d\n");
  CHECK(header_part("A: b\n") == "A: b\n");
  CHECK(header_part("\nbody").empty());
}

}  // namespace dovetail::mta
