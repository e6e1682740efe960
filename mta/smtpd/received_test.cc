// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/received.h"

#include <sys/socket.h>

#include <cstdlib>
#include <ctime>

#include "tests/catch.h"

namespace dovetail::mta::smtpd {

TEST_CASE("the Received: header, plain, with TLS and a login, for several recipients") {
  setenv("TZ", "UTC", 1);
  tzset();
  Client client;
  client.name = "client.good.test";
  client.address = "192.0.2.10";
  client.family = AF_INET;
  ReceivedParts parts{.client = client};
  parts.helo = "h.good.test";
  parts.myhostname = "mx.example.test";
  parts.mail_name = "Postfix";
  parts.queue_id = "4jWDyh2QM2z1f55r";
  parts.esmtp = true;
  parts.recipient = "frank@example.test";
  parts.seconds = 1795177420;
  CHECK(received_header(parts) ==
        "Received: from h.good.test (client.good.test [192.0.2.10])\n"
        "\tby mx.example.test (Postfix) with ESMTP id 4jWDyh2QM2z1f55r\n"
        "\tfor <frank@example.test>; Fri, 20 Nov 2026 12:23:40 +0000 (UTC)");

  net::TlsInfo tls;
  tls.protocol = "TLSv1.3";
  tls.cipher = "TLS_AES_256_GCM_SHA384";
  tls.cipher_bits = tls.algorithm_bits = 256;
  tls.key_exchange = "X25519";
  tls.server_signature = "RSA-PSS";
  tls.server_signature_bits = 2048;
  tls.server_digest = "SHA256";
  client.address = "2001:db8::1";
  client.family = AF_INET6;
  parts.recipient.reset();
  parts.over_tls = parts.authenticated = true;
  parts.tls = &tls;
  parts.sasl_username = "frank(x)";
  CHECK(received_header(parts) ==
        "Received: from h.good.test (client.good.test [IPv6:2001:db8::1])\n"
        "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
        "\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n"
        "\t(No client certificate requested)\n"
        "\t(Authenticated sender: frank?x?)\n"
        "\tby mx.example.test (Postfix) with ESMTPSA id 4jWDyh2QM2z1f55r;\n"
        "\tFri, 20 Nov 2026 12:23:40 +0000 (UTC)");
}

}  // namespace dovetail::mta::smtpd
