// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include "mta/smtp/nexthop.h"
#include "mta/smtp/session.h"
#include "mta/smtp/transaction.h"
#include "tests/catch.h"

namespace dovetail::mta {

// What was sent to a server that has said all this beforehand, and whether the session may be used again.
struct Sent {
  std::string commands;
  bool session_usable = false;
};

static Task<> send_one(net::Loop& loop, int fd, service::Context& context, Sent& sent) {
  net::Pool disk(loop, 1);
  net::Batch<Delivery::Recording> records(loop, disk, Delivery::record_all);
  QueueDirectories directories("", "", 1);
  AgentParameters agent;
  Conn qmgr(loop, Fd(::dup(fd)));
  DeliveryRequest request;
  request.envelope.recipients.emplace_back();
  request.envelope.recipients.back().address = "frank@example.org";
  Delivery delivery(context, disk, records, directories, agent, qmgr, std::move(request));
  SmtpParameters parameters;
  parameters.lmtp = true;
  SmtpSession session(loop, Fd(::dup(fd)), Target(), parameters, Logger("test"));
  auto failed = co_await session.open(nullptr, true, std::nullopt);
  REQUIRE(!failed);
  std::vector<size_t> recipients{0};
  auto result = co_await send_message(session, delivery, recipients, parameters);
  co_await session.conn().flush();  // it never had to wait for an answer
  CHECK(result.recipients.at(0).kind == RecipientResult::Kind::refused);
  sent.session_usable = result.session_usable;
}

TEST_CASE("a transaction that was refused is ended before its session is used again") {
  struct Row {
    const char* answers;
    bool usable, reset;
  };
  for (auto& row : {Row{"250 ok\r\n451 later\r\n554 nobody\r\n250 reset\r\n", true, true},
                    Row{"250 ok\r\n451 later\r\n554 nobody\r\n421 going\r\n", false, true},
                    Row{"250 ok\r\n451 later\r\n421 going\r\n", false, false}}) {
    INFO(row.answers);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    Fd ours(ends[0]), server(ends[1]);
    REQUIRE(base::write_all(server.get(), "220 hello\r\n250-hello\r\n250 PIPELINING\r\n" + std::string(row.answers)));
    net::Loop loop;
    service::Context context{loop, Logger("test"), "lmtp", "lmtp", "unix", {}};
    Sent sent;
    net::run_until_done(loop, send_one(loop, ours.get(), context, sent));
    CHECK(sent.session_usable == row.usable);
    std::string commands(4096, '\0');
    auto n = ::recv(server.get(), commands.data(), commands.size(), MSG_DONTWAIT);
    commands.resize(n > 0 ? static_cast<size_t>(n) : 0);
    INFO(commands);
    CHECK(commands.ends_with(row.reset ? "DATA\r\nRSET\r\n" : "DATA\r\n"));
  }
}

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

static SmtpParameters tls_parameters() {
  SmtpParameters p;
  p.tls_protocols = ">=TLSv1";
  p.tls_mandatory_protocols = ">=TLSv1.2";
  p.tls_ciphers = "medium";
  p.tls_mandatory_ciphers = "high";
  p.tls_exclude_ciphers = "RC4";
  p.tls_mandatory_exclude_ciphers = "MD5, DES";
  p.tls_high_cipherlist = "HIGH";
  p.tls_medium_cipherlist = "MEDIUM";
  p.tls_verify_cert_match = "hostname";
  p.tls_secure_cert_match = "nexthop, dot-nexthop";
  return p;
}

TEST_CASE("a TLS level brings its protocols, ciphers and names to match") {
  auto p = tls_parameters();
  auto may = default_policy(p, "may");
  CHECK(!may.mandatory());
  CHECK(may.protocols == ">=TLSv1");
  CHECK(cipher_list(p, may.ciphers, may.exclude, may.level) == "MEDIUM:!RC4");
  auto encrypt = default_policy(p, "Encrypt");
  CHECK(encrypt.mandatory());
  CHECK(!encrypt.looks_at_certificate());
  CHECK(encrypt.protocols == ">=TLSv1.2");
  CHECK(cipher_list(p, encrypt.ciphers, encrypt.exclude, encrypt.level) == "HIGH:!RC4:!MD5:!DES");
  auto secure = default_policy(p, "secure");
  CHECK(secure.match == std::vector<std::string>{"nexthop", "dot-nexthop"});
  CHECK(cipher_list(p, secure.ciphers, secure.exclude, secure.level) == "HIGH:!RC4:!MD5:!DES:!aNULL");
  CHECK(cipher_list(p, "strongest", "", TlsLevel::may).empty());
  CHECK(default_policy(p, "dane").problem == "TLS level \"dane\" is not supported yet");
  CHECK(default_policy(p, "dane").mandatory());
  CHECK(default_policy(p, "none").problem.empty());
}

TEST_CASE("entries of the TLS policy table") {
  auto p = tls_parameters();
  struct Row {
    const char* entry;
    TlsLevel level;
    const char* problem;
  };
  for (auto& row : {Row{"none", TlsLevel::none, ""}, Row{"may", TlsLevel::may, ""}, Row{"encrypt protocols=TLSv1.3 ciphers=high", TlsLevel::encrypt, ""},
                    Row{"secure match=a.example:.b.example", TlsLevel::secure, ""}, Row{"", TlsLevel::none, "invalid empty policy"},
                    Row{"sometimes", TlsLevel::secure, "invalid TLS level \"sometimes\""},
                    Row{"dane-only", TlsLevel::secure, "TLS level \"dane-only\" is not supported yet"},
                    Row{"none ciphers=high", TlsLevel::none, "malformed attribute/value pair \"ciphers=high\""},
                    Row{"verify tafile=/x", TlsLevel::verify, "attribute \"tafile\": not supported"},
                    Row{"encrypt match=a.example", TlsLevel::encrypt, "attribute \"match\": not for this security level"}}) {
    INFO(row.entry);
    auto policy = default_policy(p, "none");
    apply_policy_entry(policy, p, row.entry);
    CHECK(policy.level == row.level);
    CHECK(policy.problem == row.problem);
  }
  auto policy = default_policy(p, "none");
  apply_policy_entry(policy, p, "secure match=a.example:.b.example protocols=TLSv1.2:TLSv1.3 exclude=3DES");
  CHECK(policy.match == std::vector<std::string>{"a.example", ".b.example"});
  CHECK(policy.protocols == "TLSv1.2 TLSv1.3");
  CHECK(policy.exclude == "RC4 MD5, DES 3DES");
  apply_policy_entry(policy, p, "fingerprint match=3D:95|AB:CD");
  CHECK(policy.match == std::vector<std::string>{"3D:95", "AB:CD"});
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
