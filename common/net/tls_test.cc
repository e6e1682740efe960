// Certificates, keys and resumption, with both ends in memory. SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.h"

#include "common/net/tls_tickets.h"
#include "tests/catch.h"
#include "tests/support/certificate.h"

namespace dovetail::net {
namespace {

using tests::own_certificate;

// One connection from first to last byte; holds the session the client got.
class Meeting {
 public:
  Meeting(const TlsSettings& at_server, SSL_SESSION* session, int version) {
    server_context_ = *TlsContext::server(at_server);
    client_context_ = *TlsContext::client(TlsSettings());
    SSL_CTX_set_max_proto_version(client_context_->get(), version);
    server_ = SSL_new(server_context_->get());
    client_ = SSL_new(client_context_->get());
    BIO *one = nullptr, *other = nullptr;
    BIO_new_bio_pair(&one, 0, &other, 0);
    SSL_set_bio(server_, one, one);
    SSL_set_bio(client_, other, other);
    SSL_set_accept_state(server_);
    SSL_set_connect_state(client_);
    if (session) SSL_set_session(client_, session);
    for (int i = 0; i < 10; ++i) {
      SSL_do_handshake(client_);
      SSL_do_handshake(server_);
    }
    char byte = 0;
    SSL_write(server_, "x", 1);
    SSL_read(client_, &byte, 1);  // tickets of TLS 1.3 come with the first data
  }
  ~Meeting() {
    SSL_shutdown(client_);
    SSL_free(client_);
    SSL_free(server_);
  }
  Meeting(const Meeting&) = delete;
  bool resumed() const { return SSL_session_reused(client_) == 1 && tls_info(server_).resumed; }
  SSL_SESSION* session() const { return SSL_get1_session(client_); }

 private:
  std::shared_ptr<TlsContext> server_context_, client_context_;
  SSL *server_ = nullptr, *client_ = nullptr;
};

TlsSettings with_keys(TlsSettings settings, const TicketKeys& keys) {
  auto own = std::make_shared<TicketKeys>();  // as another process has them
  own->decode(keys.encode().reveal());
  settings.tickets = own;
  return settings;
}

struct Session {
  explicit Session(const Meeting& meeting) : got(meeting.session()) {}
  ~Session() { SSL_SESSION_free(got); }
  Session(const Session&) = delete;
  SSL_SESSION* got;
};

TEST_CASE("a session is resumed by any process with the parent's keys, after one rotation too") {
  auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  auto certificate = own_certificate();
  TicketKeys keys;
  keys.rotate();
  Meeting first(with_keys(certificate, keys), nullptr, version);
  CHECK_FALSE(first.resumed());
  Session session(first);
  CHECK(SSL_SESSION_is_resumable(session.got) == 1);
  {
    Meeting second(with_keys(certificate, keys), session.got, version);
    CHECK(second.resumed());
  }
  keys.rotate();
  {
    Meeting later(with_keys(certificate, keys), session.got, version);
    CHECK(later.resumed());
    // The ticket from the old key was replaced by one that the next rotation leaves valid.
    Session fresh(later);
    keys.rotate();
    Meeting last(with_keys(certificate, keys), fresh.got, version);
    CHECK(last.resumed());
  }
  Meeting too_late(with_keys(certificate, keys), session.got, version);
  CHECK_FALSE(too_late.resumed());
}

TEST_CASE(
    "a renewed certificate does not end resumption, another service's sessions are not taken") {
  TicketKeys keys;
  keys.rotate();
  auto settings = with_keys(own_certificate(), keys);
  Meeting first(settings, nullptr, TLS1_3_VERSION);
  Session session(first);
  CHECK(Meeting(with_keys(own_certificate(), keys), session.got, TLS1_3_VERSION).resumed());
  settings.session_context = "another";
  CHECK_FALSE(Meeting(settings, session.got, TLS1_3_VERSION).resumed());
}

TEST_CASE("no tickets where sessions may not live") {
  TicketKeys keys;
  keys.rotate();
  auto settings = with_keys(own_certificate(), keys);
  settings.session_lifetime = std::chrono::seconds(0);
  auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  Meeting first(settings, nullptr, version);
  Session session(first);
  CHECK_FALSE(Meeting(settings, session.got, version).resumed());
}

TEST_CASE("keys for tickets are taken whole or not at all") {
  TicketKeys keys, other;
  keys.rotate();
  auto bytes = std::string(keys.encode().reveal());
  CHECK(bytes.size() == 80);
  CHECK_FALSE(other.decode(""));
  CHECK_FALSE(other.decode(std::string_view(bytes).substr(1)));
  CHECK(other.newest() == nullptr);
  REQUIRE(other.decode(bytes));
  CHECK(other.find(keys.newest()->name.data()) == other.newest());
}

TEST_CASE("a key that is another certificate's is refused") {
  auto settings = own_certificate();
  CHECK(TlsContext::server(settings));
  settings.private_key = own_certificate().private_key;
  auto made = TlsContext::server(settings);
  REQUIRE_FALSE(made);
  CHECK(made.error().text.find("key values mismatch") != std::string::npos);
  settings.private_key = Secret("no key");
  CHECK_FALSE(TlsContext::server(settings));
}

TEST_CASE("a cipher for tickets must be one that can be used for them") {
  TicketKeys keys;
  keys.rotate();
  auto settings = with_keys(own_certificate(), keys);
  settings.ticket_cipher = "aes-128-cbc";
  CHECK(TlsContext::server(settings));
  settings.ticket_cipher = GENERATE("", "nothing", "aes-256-gcm");
  CHECK_FALSE(TlsContext::server(settings));
}

}  // namespace
}  // namespace dovetail::net
