// TLS contexts from files, and what a finished handshake has agreed on. Names follow main.cf; mda
// maps ssl_* onto them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace dovetail::net {

class TicketKeys;

struct TlsSettings {
  // PEM text, not file names: whoever has the rights reads the files (key before the rights are
  // dropped).
  std::string certificates;  // server or client certificate, then its chain
  Secret private_key;        // may be in the same text as the certificates
  Secret key_password;
  std::string ca_certificates;  // PEM text of trusted roots (CAfile)
  std::string ca_path;          // hashed directory, read later: must be reachable after a chroot
  std::string protocols;  // main.cf form: "!SSLv2, !SSLv3", ">=TLSv1.2", "<TLSv1.3"; or Dovecot's
                          // "TLSv1.2" minimum via ">="
  std::string ciphers;    // OpenSSL list for TLS 1.2 and older; empty: library default
  std::string ciphersuites;   // TLS 1.3; empty: library default
  std::string groups;         // "X25519:P-256"; empty: library default
  std::string dh_parameters;  // PEM; empty: the library's, by the size of the key
  std::string
      options;  // OpenSSL's SSL_OP names without the prefix ("NO_TICKET", "0x4000"): tls_ssl_options
  int verify_depth =
      0;  // intermediate certificates allowed in the peer's chain; 0: library default
  bool default_roots = false;  // trust the system's certification authorities as well
  bool prefer_server_ciphers = false;
  bool ask_client_certificate = false;
  bool require_client_certificate = false;
  // Resumption, by tickets only. Without keys of the parent each context makes its own.
  std::shared_ptr<const TicketKeys> tickets;
  std::string ticket_cipher = "aes-256-cbc";
  std::chrono::seconds session_lifetime{3600};  // 0: no tickets
  unsigned tickets_per_session = 2;             // TLS 1.3
  std::string session_context;                  // whose sessions these are: the service's role
};

struct TlsInfo {
  std::string protocol;          // "TLSv1.3"
  std::string cipher;            // "TLS_AES_256_GCM_SHA384"
  int cipher_bits = 0;           // used
  int algorithm_bits = 0;        // possible
  std::string key_exchange;      // "X25519", "ECDHE (P-256)", may be empty
  std::string server_signature;  // "RSA-PSS", "ECDSA"; may be empty
  int server_signature_bits = 0;
  std::string server_digest;  // "SHA256"; may be empty
  bool peer_certificate = false;
  bool peer_trusted = false;  // chain verified against the roots
  std::string peer_cn, issuer_cn;
  std::string peer_fingerprint;  // sha256 of the certificate, "AA:BB:..."; empty without one
  std::string server_name;       // SNI the client asked for
  bool resumed = false;
};

class TlsContext {
 public:
  // Errors are of fault config and name what OpenSSL did not like ("private key does not match the
  // certificate").
  static Result<std::shared_ptr<TlsContext>> server(const TlsSettings& settings);
  static Result<std::shared_ptr<TlsContext>> client(const TlsSettings& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;

  // Another certificate for clients that ask for this name (SNI); ".example.com" and
  // "*.example.com" match one label.
  void add_server_name(std::string name, std::shared_ptr<TlsContext> context);
  SSL_CTX* get() const { return context_; }

  // For OpenSSL's callbacks.
  const TicketKeys* tickets() const { return tickets_.get(); }
  const EVP_CIPHER* ticket_cipher() const { return ticket_cipher_; }

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  static int select_name(SSL* ssl, int* alert, void* self);
  Result<void> keep_sessions(const TlsSettings& settings);

  SSL_CTX* context_;
  std::shared_ptr<const TicketKeys> tickets_;
  const EVP_CIPHER* ticket_cipher_ = nullptr;
  std::vector<std::pair<std::string, std::shared_ptr<TlsContext>>> names_;
};

TlsInfo tls_info(SSL* ssl);
// Whether a verified peer certificate is good for this host name (subjectAltName, else CN; RFC
// 6125). ".example.com" is good for every name below it. With deep_wildcards "*.example.com" in the
// certificate stands for any number of labels.
bool certificate_matches(SSL* ssl, const std::string& host, bool deep_wildcards = false);
// Digests of the peer's certificate and of its public key, "AA:BB:..."; an Error if there is no such
// algorithm. Empty strings without a certificate.
struct PeerDigests {
  std::string certificate, public_key;
};
Result<PeerDigests> peer_digests(SSL* ssl, const std::string& algorithm);
// The curves of a list (tls_eecdh_auto_curves) that this library knows, as TlsSettings::groups wants them.
std::string known_groups(std::string_view list);
// The first entry of OpenSSL's error queue as text, which is then emptied; "" if there is none.
std::string tls_error();

}  // namespace dovetail::net
