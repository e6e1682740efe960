// SPDX-License-Identifier: Apache-2.0
#include "mta/delivery/agent.h"
#include "tests/catch.h"

namespace dovetail::mta {

TEST_CASE("delays show two significant digits, and nothing below the resolution") {
  struct Row {
    double seconds;
    const char* text;
  };
  for (auto& row : {Row{0, "0"}, Row{0.004, "0"}, Row{0.01, "0.01"}, Row{0.05, "0.05"}, Row{0.123, "0.12"}, Row{0.9, "0.9"},
                    Row{1.0, "1"}, Row{1.23, "1.2"}, Row{12.3, "12"}, Row{3600.4, "3600"}}) {
    INFO(row.seconds);
    CHECK(format_delay(row.seconds, 2) == row.text);
  }
}

TEST_CASE("a status filter may change status and words, never success into failure") {
  std::string why;
  mail::DsnText refused{"5.7.1", "host mx said: no"};
  auto later = filtered_status(refused, "4.7.1 try again", why);
  REQUIRE(later);
  CHECK(later->status == "4.7.1");
  CHECK(later->text == "try again");
  CHECK(!filtered_status(refused, "2.0.0 all is well", why));
  CHECK(why == "bad status code: 2.0.0 all is well (success and failure cannot be exchanged)");
  CHECK(!filtered_status({"2.0.0", "sent"}, "5.0.0 no", why));
  CHECK(!filtered_status(refused, "what", why));
  CHECK(why == "bad status code: what");
}

TEST_CASE("with VERP the sender says who the recipient is") {
  mail::Recipient rcpt;
  rcpt.address = "user@example.org";
  CHECK(verp_sender("+=", "list@lists.example", rcpt) == "list+user=example.org@lists.example");
  CHECK(verp_sender("-%", "list", rcpt) == "list-user%example.org");
  CHECK(verp_sender("+=", "", rcpt).empty());
  rcpt.orig_rcpt = "alias@example.net";
  CHECK(verp_sender("+=", "list@lists.example", rcpt) == "list+alias=example.net@lists.example");
  rcpt.orig_rcpt = "local";
  CHECK(verp_sender("+=", "list@lists.example", rcpt) == "list+local@lists.example");
}

TEST_CASE("a delivery request comes out as it went in") {
  DeliveryRequest request;
  request.queue_id = "4AB";
  request.nexthop = "[192.0.2.1]:25";
  request.data_offset = 512;
  request.envelope.sender = "";
  request.envelope.encoding = mail::Encoding::eight_bit;
  request.envelope.rewrite_local = false;
  request.envelope.client.name = "client.example";
  request.envelope.log_client.name = "logged.example";
  request.envelope.arrival = {100, 7};
  request.envelope.recipients.push_back({"a@example.org", "A@example.org", "rfc822;A@example.org", 8, 700});
  request.envelope.recipients.push_back({"b@example.org", "", "", 0, 800});
  auto list = request.encode();
  auto back = DeliveryRequest::decode(list);
  REQUIRE(back);
  CHECK(back->encode().encode() == list.encode());
  CHECK(back->envelope.recipients[0].dsn_orcpt == "rfc822;A@example.org");
  CHECK(back->envelope.recipients[1].offset == 800);
  CHECK(back->envelope.arrival.microseconds == 7);
  CHECK(back->envelope.client.name == "client.example");
  CHECK(back->envelope.log_client.name == "logged.example");
  CHECK(!back->envelope.rewrite_local);
}

TEST_CASE("a request without recipients is refused") {
  DeliveryRequest request;
  request.queue_id = "4AB";
  CHECK(!DeliveryRequest::decode(request.encode()));
}

TEST_CASE("reports and the end are told apart") {
  auto report = AgentMessage::decode(RecipientReport{700, Status::bounced}.encode());
  REQUIRE(report.report);
  CHECK(report.report->status == Status::bounced);
  CHECK(!report.done);
  auto done = AgentMessage::decode(DeliveryDone{{"4.4.1", "Connection refused"}}.encode());
  REQUIRE(done.done);
  CHECK(done.done->destination_fault.text == "Connection refused");
}

}  // namespace dovetail::mta
