// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/log.h"

#include "tests/catch.h"

namespace dovetail::mta::smtpd {
namespace {

Client good_client() {
  Client client;
  client.name = "client.good.test";
  client.address = "192.0.2.10";
  client.port = "40000";
  return client;
}

}  // namespace

TEST_CASE("the lines of a session, to the byte") {
  auto client = good_client();
  CHECK(connect_line(client) == "connect from client.good.test[192.0.2.10]");
  CHECK(disconnect_line(client, {{"ehlo", 1, 1}, {"mail", 1, 2}, {"rcpt", 0, 0}, {"quit", 1, 1}}) ==
        "disconnect from client.good.test[192.0.2.10] ehlo=1 mail=1/2 quit=1 commands=3/4");
  CHECK(disconnect_line(client, {}) == "disconnect from client.good.test[192.0.2.10] commands=0/0");
  CHECK(client_line("4jW", client, {}, {}) == "4jW: client=client.good.test[192.0.2.10]");
  CHECK(client_line("4jW", client, {"PLAIN", "frank@example.test", ""}, {}) ==
        "4jW: client=client.good.test[192.0.2.10], sasl_method=PLAIN, "
        "sasl_username=frank@example.test");
  CHECK(
      client_line("4jW", client, {}, {"3A", "x.test[192.0.2.9]"}) ==
      "4jW: client=client.good.test[192.0.2.10], orig_queue_id=3A, orig_client=x.test[192.0.2.9]");
  client.log_port = true;
  CHECK(connect_line(client) == "connect from client.good.test[192.0.2.10]:40000");
}

TEST_CASE("refusals") {
  auto client = good_client();
  TransactionText text{"a b@good.test", "x@dest.test", "ESMTP", "h", {}};
  CHECK(restriction_line("", "reject", "RCPT", client,
                         "554 5.7.1 <x@dest.test>: Relay access denied", text) ==
        "NOQUEUE: reject: RCPT from client.good.test[192.0.2.10]: 554 5.7.1 <x@dest.test>: Relay "
        "access denied; "
        "from=<\"a b\"@good.test> to=<x@dest.test> proto=ESMTP helo=<h>");
  TransactionText early;
  early.protocol = "SMTP";
  CHECK(restriction_line("4jW", "warn", "CONNECT", client, "x\ny", early) ==
        "4jW: warn: CONNECT from client.good.test[192.0.2.10]: x?y; proto=SMTP");
}

TEST_CASE("ends and warnings") {
  auto client = good_client();
  CHECK(ended_line("lost connection", "DATA", 14, client) ==
        "lost connection after DATA (14 bytes) from client.good.test[192.0.2.10]");
  CHECK(ended_line("timeout", "CONNECT", {}, client) ==
        "timeout after CONNECT from client.good.test[192.0.2.10]");
  CHECK(improper_pipelining_line("EHLO", client, "MAIL FROM:<a>\r\n") ==
        "improper command pipelining after EHLO from client.good.test[192.0.2.10]: MAIL "
        "FROM:<a>\\r\\n");
  CHECK(non_smtp_warning(client, "\x16\x03\x01") ==
        "non-SMTP command from client.good.test[192.0.2.10]: \\026\\003\\001");
  CHECK(sasl_failed_warning(client, "PLAIN", "(reason unavailable)", "") ==
        "client.good.test[192.0.2.10]: SASL PLAIN authentication failed: (reason unavailable), "
        "sasl_username=(unavailable)");
  CHECK(sasl_aborted_warning(client, "LOGIN") ==
        "client.good.test[192.0.2.10]: SASL LOGIN authentication aborted");
  CHECK(forward_mismatch_warning("mismatch.test", "192.0.2.30", "") ==
        "hostname mismatch.test does not resolve to address 192.0.2.30");
  CHECK(limit_warning("Connection rate", 61, client, "smtp") ==
        "Connection rate limit exceeded: 61 from client.good.test[192.0.2.10] for service smtp");
}

TEST_CASE("TLS") {
  net::TlsInfo info;
  info.protocol = "TLSv1.3";
  info.cipher = "TLS_AES_256_GCM_SHA384";
  info.cipher_bits = info.algorithm_bits = 256;
  info.key_exchange = "X25519";
  info.server_signature = "RSA-PSS";
  info.server_signature_bits = 2048;
  info.server_digest = "SHA256";
  CHECK(
      tls_established_line(good_client(), info) ==
      "Anonymous TLS connection established from client.good.test[192.0.2.10]: TLSv1.3 with cipher "
      "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 "
      "bits) server-digest SHA256");
}

}  // namespace dovetail::mta::smtpd
