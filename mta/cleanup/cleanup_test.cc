// Messages through cleanup: what is in the queue file, what is logged, what the client is told.
// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/cleanup.h"

#include <sys/stat.h>

#include <cstdlib>

#include "common/base/text.h"
#include "conf/postfix/main_cf.h"
#include "mta/queue/bounce_log.h"
#include "mta/queue/queue_file.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::mta;

namespace {

struct Sent {
  std::string sender = "frank@example.test";
  std::vector<std::string> recipients = {"leeo@dest.test"};
  std::string text = "Subject: x\nMessage-ID: <m1@x>\nDate: d\nFrom: f@x.test\n\nbody\n";
  unsigned flags = kCleanupMaskExternal | kCleanupSmtpReply;
  bool local = true;
  int notify = 0;
  std::string full_name;
  std::vector<std::string> late;  // behind the content
};

struct Outcome {
  CleanupResult result;
  mail::Reply reply;
  std::string content, log;
  std::vector<std::string> recipients;  // "final (orig)"
  QueueMessage message;
  std::string queue;
  std::vector<BounceEntry> bounces;
};

Task<> feed(CleanupService& service, const Sent& sent, Outcome& out) {
  Cleanup cleanup(service, sent.flags);
  auto opened = co_await cleanup.open();
  REQUIRE(opened);
  mail::Envelope& envelope = cleanup.envelope();
  envelope.sender = sent.sender;
  envelope.full_name = sent.full_name;
  envelope.rewrite_local = sent.local;
  envelope.arrival = base::Wall{1795176479, 1};
  envelope.log_origin = "localhost[127.0.0.1]";
  envelope.log_client.protocol = "ESMTP";
  envelope.log_client.helo = "client.good.test";
  for (const std::string& address : sent.recipients) {
    mail::Recipient recipient;
    recipient.address = address;
    recipient.dsn_notify = sent.notify;
    cleanup.add_recipient(recipient);
  }
  co_await cleanup.end_envelope();
  cleanup.put_own_header("Received: from x\n\tby y");
  std::string_view text = sent.text;
  while (!text.empty()) {
    auto [line, rest] = base::cut(text, '\n');
    text = rest.value_or("");
    if (cleanup.put_line(line)) co_await cleanup.settle();
  }
  for (const std::string& address : sent.late) {
    mail::Recipient recipient;
    recipient.address = address;
    cleanup.add_late_recipient(recipient);
  }
  auto result = co_await cleanup.finish();
  out.result = result;
  out.reply = result.smtp_reply();
}

Outcome send(std::string_view config, const Sent& sent) {
  char name[] = "/tmp/dovetail-cleanup-XXXXXX";
  std::string root = mkdtemp(name);
  for (const char* queue : {"incoming", "hold", "bounce", "trace", "public"})
    mkdir((root + '/' + queue).c_str(), 0700);
  std::string text = format(
      "compatibility_level = 3.6\nqueue_directory = {}\nmyhostname = mx.example.test\nmydomain = "
      "example.test\n"
      "myorigin = $mydomain\nmydestination = local.test\ninet_interfaces = "
      "127.0.0.1\ninet_protocols = ipv4\n"
      "enable_long_queue_ids = yes\n{}\n",
      root, config);
  Outcome out;
  base::capture_log(
      [&](Level, std::string_view, std::string_view line) { (out.log += line) += '\n'; });
  {
    Loop loop;
    auto cf = conf::MainCf::parse("main.cf", text, {});
    REQUIRE(cf);
    auto service = CleanupService::open(loop, *cf, Logger("postfix/cleanup"));
    if (!service) FAIL(service.error().text);
    net::run_until_done(loop, feed(**service, sent, out));
  }
  base::capture_log({});
  QueueDirectories directories(root, "", 1);
  out.queue = directories.find(out.result.queue_id, {"incoming", "hold"}).value_or("");
  if (!out.queue.empty()) {
    auto fd = directories.open(out.queue, out.result.queue_id, O_RDONLY);
    REQUIRE((fd && *fd));
    auto message = read_envelope((*fd)->get());
    REQUIRE(message);
    out.message = *message;
    for (const auto& recipient : message->envelope.recipients)
      out.recipients.push_back(recipient.address + " (" + recipient.orig_rcpt + ")");
    ContentReader content((*fd)->get(), message->size, ContentReader::LineEnd::lf);
    REQUIRE(content.read(out.content, SIZE_MAX));
  }
  auto bounces = read_bounce_log(directories, "bounce", out.result.queue_id);
  if (bounces) out.bounces = *bounces;
  (void)!system(("rm -rf " + root).c_str());
  return out;
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("a complete message goes through unchanged") {
  Outcome out = send("", {});
  CHECK(out.result.ok());
  CHECK(out.reply.line() == "250 2.0.0 Ok: queued as " + out.result.queue_id);
  CHECK(out.queue == "incoming");
  CHECK(out.content ==
        "Received: from x\n\tby y\nSubject: x\nMessage-ID: <m1@x>\nDate: d\nFrom: "
        "f@x.test\n\nbody\n");
  CHECK(out.recipients == List{"leeo@dest.test (leeo@dest.test)"});
  CHECK(out.log == out.result.queue_id + ": message-id=<m1@x>\n");
  CHECK(out.message.envelope.rewrite_local);
  CHECK(out.message.envelope.recipients[0].dsn_orcpt == "rfc822;leeo@dest.test");
  CHECK(out.message.size.recipient_count == 1);
}

TEST_CASE("missing headers are added for local clients only") {
  Sent sent;
  sent.text = "Subject: x\n\nbody\n";
  sent.full_name = "Frank M.";
  Outcome out = send("", sent);
  CHECK(out.content.find("Message-Id: <" + out.result.queue_id + "@mx.example.test>\nDate: ") !=
        std::string::npos);
  CHECK(out.content.find("\nFrom: \"Frank M.\" <frank@example.test>\n\nbody\n") !=
        std::string::npos);
  CHECK(out.log == format("{0}: message-id=<{0}@mx.example.test>\n", out.result.queue_id));
  sent.local = false;
  out = send("", sent);
  CHECK(out.content == "Received: from x\n\tby y\nSubject: x\n\nbody\n");
  out = send("always_add_missing_headers = yes", sent);
  CHECK(out.content.find("Message-Id") != std::string::npos);
}

TEST_CASE("headers are rewritten, dropped and ended") {
  Sent sent;
  sent.text =
      "From: Frank <frank>\nTo: a@b.test,\n\tleeo\nBcc: secret@x\nReturn-Path: <x>\nMessage-ID: "
      "<1>\nDate: d\nno header\nx\n";
  Outcome out = send("", sent);
  CHECK(out.content ==
        "Received: from x\n\tby y\nFrom: Frank <frank@example.test>\nTo: a@b.test, "
        "leeo@example.test\nMessage-ID: <1>\n"
        "Date: d\n\nno header\nx\n");
  sent.local = false;
  out = send("", sent);
  CHECK(out.content.find("From: Frank <frank>\nTo: a@b.test,\n\tleeo\n") != std::string::npos);
  sent.text = "Subject: only headers";
  out = send("", sent);
  CHECK(out.content == "Received: from x\n\tby y\nSubject: only headers\n");
}

TEST_CASE("virtual aliases are expanded") {
  const char* maps =
      "virtual_alias_maps = inline:{ {all@a.test = one@a.test two} {one@a.test = final@b.test}"
      " {self@a.test = other@a.test self@a.test} {@cat.test = @dog.test} {loop@a.test = "
      "loop2@a.test}"
      " {loop2@a.test = loop@a.test} {big@a.test = big@a.test+x} }\nrecipient_delimiter = +";
  std::string config = base::replace_all(maps, "} {", "}, {");
  config = base::replace_all(config, "one@a.test two", "one@a.test,two");
  config = base::replace_all(config, "other@a.test self", "other@a.test,self");
  config =
      base::replace_all(config, "{all@a.test = one@a.test,two}", "{ all@a.test = one@a.test,two }");
  Sent sent;
  sent.recipients = {"all@a.test", "self@a.test", "x@cat.test", "one+ext@a.test"};
  Outcome out = send(config, sent);
  CHECK(out.result.ok());
  CHECK(out.recipients == List{"final@b.test (all@a.test)", "two@example.test (all@a.test)",
                               "other@a.test (self@a.test)", "self@a.test (self@a.test)",
                               "x@dog.test (x@cat.test)", "final+ext@b.test (one+ext@a.test)"});
  sent.recipients = {"loop@a.test"};
  out = send(config, sent);
  CHECK(out.reply.line() == "451 4.6.0 Alias expansion error");
  CHECK(out.queue == "");
  CHECK(out.log.find("unreasonable virtual_alias_maps map nesting for ") != std::string::npos);
}

TEST_CASE("expansion has a limit and duplicates go") {
  Sent sent;
  sent.recipients = {"a@x", "a@x", "A@X"};
  CHECK(send("", sent).recipients == List{"a@x (a@x)"});
  sent.recipients = {"list@a.test", "a@b.test"};
  std::string config = "virtual_alias_maps = inline:{{list@a.test = a@b.test,c@b.test,d@b.test}}\n";
  CHECK(send(config, sent).recipients.size() == 4);
  CHECK(send(config + "enable_original_recipient = no\n", sent).recipients.size() == 3);
  Outcome out = send(config + "virtual_alias_expansion_limit = 2\n", sent);
  CHECK(out.reply.line() == "451 4.6.0 Alias expansion error");
  CHECK(out.log.find("unreasonable virtual_alias_maps map expansion size for list@a.test -- "
                     "message not accepted, "
                     "try again later") != std::string::npos);
}

TEST_CASE("a lookup that fails refuses the message for now") {
  for (const char* parameter :
       {"virtual_alias_maps", "canonical_maps", "sender_canonical_maps", "recipient_canonical_maps",
        "sender_bcc_maps", "recipient_bcc_maps", "header_checks", "body_checks"}) {
    INFO(parameter);
    Outcome out = send(std::string(parameter) + " = fail:x", {});
    CHECK(out.reply.line() == "451 4.3.0 Error: queue file write error");
    CHECK(out.queue == "");
    CHECK(out.log.find(std::string(parameter) + " map lookup problem") != std::string::npos);
  }
}

TEST_CASE("canonical maps, masquerading and bcc") {
  Sent sent;
  sent.sender = "frank@host.example.test";
  Outcome out = send(
      "canonical_maps = inline:{leeo@dest.test=leeo@final.test, "
      "f@x.test=f@y.test}\nmasquerade_domains = example.test\n"
      "always_bcc = archive\nsender_bcc_maps = "
      "inline:{frank@example.test=sent@x}\nrecipient_bcc_maps = inline:{leeo@final.test=got@x}",
      sent);
  CHECK(out.message.envelope.sender == "frank@example.test");
  CHECK(out.recipients == List{"leeo@final.test (leeo@dest.test)", "got@x (got@x)",
                               "archive@example.test (archive@example.test)", "sent@x (sent@x)"});
  CHECK(out.message.envelope.recipients[1].dsn_notify == mail::kNotifyNever);
  CHECK(out.content.find("From: f@y.test\n") != std::string::npos);
  sent.flags = kCleanupSmtpReply;
  CHECK(send("canonical_maps = inline:{leeo@dest.test=x@y}\nalways_bcc = a@b", sent).recipients ==
        List{"leeo@dest.test (leeo@dest.test)"});
}

TEST_CASE("a parameter that is not obeyed keeps the message from being accepted") {
  Sent sent;
  Outcome out = send("queue_file_attribute_count_limit = 7", sent);
  CHECK(out.reply.line() == "451 4.3.5 Server configuration problem");
  CHECK(out.queue == "");
  CHECK(out.log.find("queue_file_attribute_count_limit is not supported yet: mail is deferred") !=
        std::string::npos);
}

TEST_CASE("header and body checks act and log") {
  const char* config =
      "header_checks = regexp:{{/^X-Test: reject/ REJECT header blocked},{/^X-Test: hold/ HOLD "
      "held by header},"
      "{/^X-Test: discard/ DISCARD silent},{/^X-Test: redirect/ REDIRECT "
      "leeo@example.test},{/^X-Test: prepend/ PREPEND X-New: 1},"
      "{/^X-Test: replace/ REPLACE X-Test: replaced},{/^X-Test: ignore/ IGNORE},{/^X-Test: strip/ "
      "STRIP stripped},"
      "{/^X-Test: bcc/ BCC b@x},{/^X-Test: filter/ FILTER smtp:[127.0.0.2]:25},{/^X-Test: temp/ "
      "REJECT 4.7.1 later},"
      "{/^X-Test: warn/ WARN seen},{/^X-Test: odd/ FROB x}}\n"
      "body_checks = regexp:{{/^BADBODY/ REJECT body blocked}}";
  auto with = [&](const char* word) {
    Sent sent;
    sent.text = format("X-Test: {}\nFrom: a@b\nDate: d\nMessage-ID: <1>\n\nbody\n", word);
    return send(config, sent);
  };
  Outcome out = with("reject");
  CHECK(out.reply.line() == "550 5.7.1 header blocked");
  CHECK(out.queue == "");
  CHECK(out.log.find(
            ": reject: header X-Test: reject from localhost[127.0.0.1]; from=<frank@example.test> "
            "to=<leeo@dest.test> proto=ESMTP helo=<client.good.test>: 5.7.1 header blocked\n") !=
        std::string::npos);
  CHECK(with("temp").reply.line() == "450 4.7.1 later");
  CHECK(with("hold").queue == "hold");
  out = with("discard");
  CHECK(out.result.ok());
  CHECK(out.queue == "");
  CHECK(with("redirect").message.envelope.redirect == "leeo@example.test");
  CHECK(with("filter").message.envelope.filter == "smtp:[127.0.0.2]:25");
  CHECK(with("prepend").content.find("\nX-New: 1\nX-Test: prepend\n") != std::string::npos);
  CHECK(with("replace").content.find("\nX-Test: replaced\nFrom") != std::string::npos);
  CHECK(with("ignore").content.find("X-Test") == std::string::npos);
  CHECK(with("strip").content.find("X-Test") == std::string::npos);
  CHECK(with("bcc").recipients == List{"leeo@dest.test (leeo@dest.test)", "b@x (b@x)"});
  CHECK((with("bcc").message.size.qmgr_flags & kQmgrMixedRecipients) == 1);
  CHECK(with("warn").log.find(": warning: header X-Test: warn from localhost") !=
        std::string::npos);
  CHECK(with("odd").log.find("unknown command in header_checks map: FROB x") != std::string::npos);
  Sent sent;
  sent.text = "Subject: x\n\nfine\nBADBODY\n";
  CHECK(send(config, sent).reply.line() == "550 5.7.1 body blocked");
  sent.flags = 0;
  CHECK(send(config, sent).result.ok());
}

TEST_CASE("hops and size are limited") {
  Sent sent;
  sent.text.clear();
  for (int i = 0; i < 60; ++i) sent.text += "Received: from x\n";
  sent.text += "\nbody\n";
  Outcome out = send("", sent);
  CHECK(out.reply.line() == "554 5.4.0 Error: too many hops");
  CHECK(out.log.find(": message rejected: hopcount exceeded\n") != std::string::npos);
  sent.text = "Subject: x\n\n" + std::string(5000, 'x') + "\n";
  out = send("message_size_limit = 1000", sent);
  CHECK(out.reply.line() == "552 5.3.4 Error: message file too big");
  CHECK(out.log.find(": queue file size limit exceeded\n") != std::string::npos);
}

TEST_CASE("a refused local message is committed as a bounce") {
  Sent sent;
  sent.flags = kCleanupMaskExternal | kCleanupBounce;
  sent.recipients = {"a@x", "b@x"};
  Outcome out = send("header_checks = regexp:{{/^Subject/ REJECT no}}", sent);
  CHECK(out.result.ok());
  CHECK(out.queue == "incoming");
  CHECK(out.recipients.empty());
  CHECK(out.message.recipients_done == 2);
  REQUIRE(out.bounces.size() == 2);
  CHECK(out.log.find(": to=<a@x>, relay=none, delay=") != std::string::npos);
  CHECK(out.log.find("/0/0/0, dsn=5.7.1, status=bounced (no)\n") != std::string::npos);
  CHECK(out.bounces[0].recipient == "a@x");
  CHECK(out.bounces[0].status == "5.7.1");
  CHECK(out.bounces[0].reason == "no");
}

TEST_CASE("all recipients may come behind the content, but some must come") {
  Sent sent;
  sent.recipients.clear();
  CHECK(send("", sent).result.status == kCleanupNoRecipient);
  sent.late = {"leeo@dest.test"};
  Outcome out = send("", sent);
  CHECK(out.result.ok());
  CHECK(out.recipients == std::vector<std::string>{"leeo@dest.test (leeo@dest.test)"});
}

TEST_CASE("8-bit content, encodings and long lines are kept") {
  Sent sent;
  std::string long_line(9000, 'L');
  sent.text =
      "Subject: gr\xc3\xbc\xc3\x9f"
      "e\nMessage-ID: <1>\nContent-Transfer-Encoding: 8bit\n\n.dot\n" +
      long_line + "\nend\n";
  Outcome out = send("", sent);
  CHECK(out.content.ends_with("\n\n.dot\n" + long_line + "\nend\n"));
  CHECK((out.message.size.smtputf8 & mail::kUtf8Header) != 0);
  CHECK(out.message.envelope.encoding == mail::Encoding::eight_bit);
  CHECK(send("strict_7bit_headers = yes", sent).reply.line() ==
        "550 5.6.0 improper use of 8-bit data in message header");
}

TEST_CASE("headers of parts see mime_header_checks") {
  Sent sent;
  sent.text =
      "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n"
      "Content-Type: application/x; name=bad.exe\n\nXX\n--b--\nepilogue\n";
  Outcome out = send("mime_header_checks = regexp:{{/name=.*exe/ REJECT attachment}}", sent);
  CHECK(out.reply.line() == "550 5.7.1 attachment");
  out = send("mime_header_checks = regexp:{{/name=.*com/ REJECT attachment}}", sent);
  CHECK(out.content.ends_with(
      "\n--b\nContent-Type: application/x; name=bad.exe\n\nXX\n--b--\nepilogue\n"));
}

TEST_CASE("NOTIFY=SUCCESS stays with the alias, not its members") {
  Sent sent;
  sent.recipients = {"all@a.test"};
  sent.notify = mail::kNotifySuccess | mail::kNotifyFailure;
  Outcome out = send("virtual_alias_maps = inline:{{all@a.test = a@b.test,c@b.test}}", sent);
  REQUIRE(out.message.envelope.recipients.size() == 2);
  CHECK(out.message.envelope.recipients[0].dsn_notify == mail::kNotifyFailure);
}
