// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdio>

#include "common/base/text.h"

namespace dovetail::net {
namespace {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* p) const {
    F(p);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

Error tls_config_error(std::string_view doing) {
  return config_error(format("{}: {}", doing, tls_error()));
}

Bio memory_bio(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A file without a password must not make OpenSSL ask for one on the terminal.
int give_password(char* buffer, int size, int, void* secret) {
  auto password = static_cast<const Secret*>(secret)->reveal();
  if (password.size() >= static_cast<size_t>(size)) return 0;
  password.copy(buffer, password.size());
  return static_cast<int>(password.size());
}

Result<void> use_certificates(SSL_CTX* context, const std::string& pem) {
  auto bio = memory_bio(pem);
  Certificate own(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!own) return tls_config_error("cannot read the certificate");
  if (SSL_CTX_use_certificate(context, own.get()) != 1)
    return tls_config_error("cannot use the certificate");
  SSL_CTX_clear_chain_certs(context);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) != 1)
      return tls_config_error("cannot use the certificate chain");
  }
  ERR_clear_error();  // "no start line" ends the file
  return {};
}

Result<void> use_key(SSL_CTX* context, const TlsSettings& settings) {
  auto pem = settings.private_key.empty() ? std::string_view(settings.certificates)
                                          : settings.private_key.reveal();
  auto bio = memory_bio(pem);
  auto* password = const_cast<Secret*>(&settings.key_password);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, password));
  if (!key) return tls_config_error("cannot read the private key");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return tls_config_error("cannot use the private key");
  if (SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return config_error("the private key does not match the certificate");
  }
  return {};
}

Result<void> trust(SSL_CTX* context, const TlsSettings& settings) {
  auto* store = SSL_CTX_get_cert_store(context);
  auto bio = memory_bio(settings.ca_certificates);
  while (X509* raw = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    Certificate root(raw);
    X509_STORE_add_cert(store, root.get());
    // Some clients send no certificate unless they are told whose are welcome.
    if (settings.ask_client_certificate) SSL_CTX_add_client_CA(context, root.get());
  }
  ERR_clear_error();
  if (settings.default_roots && SSL_CTX_set_default_verify_paths(context) != 1)
    return tls_config_error("cannot use the system's certification authorities");
  if (!settings.ca_path.empty() &&
      SSL_CTX_load_verify_locations(context, nullptr, settings.ca_path.c_str()) != 1) {
    return tls_config_error("cannot use " + settings.ca_path);
  }
  return {};
}

struct ProtocolName {
  std::string_view name;
  int version;
  uint64_t off;
};
// clang-format off
constexpr ProtocolName kProtocols[] = {
    {"SSLv2",   0,              0},
    {"SSLv3",   SSL3_VERSION,   SSL_OP_NO_SSLv3},
    {"TLSv1",   TLS1_VERSION,   SSL_OP_NO_TLSv1},
    {"TLSv1.0", TLS1_VERSION,   SSL_OP_NO_TLSv1},
    {"TLSv1.1", TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
    {"TLSv1.2", TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
    {"TLSv1.3", TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
};
// clang-format on

const ProtocolName* find_protocol(std::string_view name) {
  for (auto& protocol : kProtocols) {
    if (base::iequals(protocol.name, name)) return &protocol;
  }
  return nullptr;
}

// Words of smtpd_tls_protocols: ">=V" lowest, "<=V" highest, "!V" without, "V" only those named.
Result<void> choose_protocols(SSL_CTX* context, const std::string& list) {
  uint64_t off = 0, named = 0, all = 0;
  for (auto& protocol : kProtocols) all |= protocol.off;
  for (auto word : base::words(list, " \t\r\n,:")) {
    auto prefix = word.substr(0, word.find_first_not_of("!<>="));
    auto* protocol = find_protocol(word.substr(prefix.size()));
    if (!protocol) return config_error(format("unknown TLS protocol \"{}\"", word));
    if (prefix == ">=")
      SSL_CTX_set_min_proto_version(context, protocol->version);
    else if (prefix == "<=")
      SSL_CTX_set_max_proto_version(context, protocol->version);
    else if (prefix == "!")
      off |= protocol->off;
    else if (prefix.empty())
      named |= protocol->off;
    else
      return config_error(format("unknown TLS protocol \"{}\"", word));
  }
  if (named) off |= all & ~named;
  SSL_CTX_set_options(context, off);
  return {};
}

Result<void> choose_ciphers(SSL_CTX* context, const TlsSettings& settings) {
  if (!settings.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
    return tls_config_error(format("cipher list \"{}\"", settings.ciphers));
  }
  if (!settings.ciphersuites.empty() &&
      SSL_CTX_set_ciphersuites(context, settings.ciphersuites.c_str()) != 1) {
    return tls_config_error(format("cipher suites \"{}\"", settings.ciphersuites));
  }
  if (!settings.groups.empty() && SSL_CTX_set1_groups_list(context, settings.groups.c_str()) != 1) {
    return tls_config_error(format("curve list \"{}\"", settings.groups));
  }
  return {};
}

using TlsOptionBits = decltype(SSL_CTX_set_options(nullptr, 0));

struct TlsOptionName {
  std::string_view name;
  TlsOptionBits bits;
};
// clang-format off
constexpr TlsOptionName kTlsOptionNames[] = {
    {"ENABLE_MIDDLEBOX_COMPAT", SSL_OP_ENABLE_MIDDLEBOX_COMPAT}, {"LEGACY_SERVER_CONNECT", SSL_OP_LEGACY_SERVER_CONNECT},
    {"NO_COMPRESSION",          SSL_OP_NO_COMPRESSION},          {"NO_ENCRYPT_THEN_MAC",   SSL_OP_NO_ENCRYPT_THEN_MAC},
    {"NO_RENEGOTIATION",        SSL_OP_NO_RENEGOTIATION},        {"NO_TICKET",             SSL_OP_NO_TICKET},
    {"NO_SESSION_RESUMPTION_ON_RENEGOTIATION", SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION},
    {"PRIORITIZE_CHACHA",       SSL_OP_PRIORITIZE_CHACHA},
};
// clang-format on

Result<TlsOptionBits> special_options(std::string_view names) {
  TlsOptionBits bits = 0;
  for (auto word : base::words(names, ", \t\r\n")) {
    if (base::istarts_with(word, "0x")) {
      auto number = base::parse_number<uint64_t>(word.substr(2), 16);
      if (!number) return config_error(format("unknown TLS option \"{}\"", word));
      bits |= static_cast<TlsOptionBits>(*number);
      continue;
    }
    auto row = std::find_if(std::begin(kTlsOptionNames), std::end(kTlsOptionNames),
                            [&](auto& known) { return base::iequals(known.name, word); });
    if (row == std::end(kTlsOptionNames))
      return config_error(format("unknown TLS option \"{}\"", word));
    bits |= row->bits;
  }
  return bits;
}

Result<void> prepare_context(SSL_CTX* context, const TlsSettings& settings) {
  // Idle connections must not hold 34 kB of record buffers each; writes may be retried from a grown
  // buffer.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  if (settings.verify_depth > 0) SSL_CTX_set_verify_depth(context, settings.verify_depth);
  auto special = special_options(settings.options);
  if (!special) return special.error();
  SSL_CTX_set_options(context, *special);
  if (settings.prefer_server_ciphers) SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  auto done = choose_protocols(context, settings.protocols);
  if (done) done = choose_ciphers(context, settings);
  if (done && !settings.certificates.empty()) {
    done = use_certificates(context, settings.certificates);
    if (done) done = use_key(context, settings);
  }
  if (done) done = trust(context, settings);
  return done;
}

// The caller judges the peer's certificate after the handshake, and says so in the log; the
// handshake goes on.
int accept_any(int, X509_STORE_CTX*) {
  return 1;
}

std::string name_text(X509_NAME* name) {
  int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (length < 0) return {};
  std::string out(reinterpret_cast<char*>(text), static_cast<size_t>(length));
  OPENSSL_free(text);
  return out;
}

std::string digest_text(const unsigned char* digest, unsigned length) {
  std::string out;
  for (unsigned i = 0; i < length; ++i) out += format("{}{:02X}", i ? ":" : "", digest[i]);
  return out;
}

std::string fingerprint_of(X509* certificate, const EVP_MD* algorithm) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  X509_digest(certificate, algorithm, digest, &length);
  return digest_text(digest, length);
}

std::string key_fingerprint_of(X509* certificate, const EVP_MD* algorithm) {
  unsigned char* der = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(der, static_cast<size_t>(size), digest, &length, algorithm, nullptr);
  OPENSSL_free(der);
  return digest_text(digest, length);
}

X509* peer_certificate(SSL* ssl) {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  return SSL_get1_peer_certificate(ssl);
#else
  return SSL_get_peer_certificate(ssl);
#endif
}

std::string key_exchange_name(SSL* ssl) {
  EVP_PKEY* raw = nullptr;
  if (SSL_get_peer_tmp_key(ssl, &raw) != 1 && SSL_get_tmp_key(ssl, &raw) != 1) return {};
  Key key(raw);
  int id = EVP_PKEY_id(key.get());
  if (id == EVP_PKEY_X25519) return "X25519";
  if (id == EVP_PKEY_X448) return "X448";
  if (id == EVP_PKEY_DH) return format("DHE ({} bits)", EVP_PKEY_bits(key.get()));
  if (id != EVP_PKEY_EC) return OBJ_nid2sn(id) ? OBJ_nid2sn(id) : "";
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  char group[64] = "";
  size_t length = 0;
  EVP_PKEY_get_group_name(key.get(), group, sizeof group, &length);
  const char* nist = EC_curve_nid2nist(OBJ_sn2nid(group));
  return format("ECDHE ({})", nist ? nist : group);
#else
  return "ECDHE";
#endif
}

// The server's signature: its own key where we are the server, the peer's where we are the client.
void describe_signature(SSL* ssl, TlsInfo& info) {
  int type = 0, digest = 0;
  bool server = SSL_is_server(ssl);
  bool known = server ? SSL_get_signature_type_nid(ssl, &type) == 1
                      : SSL_get_peer_signature_type_nid(ssl, &type) == 1;
  if (!known || type == NID_undef) return;
  info.server_signature = type == EVP_PKEY_RSA_PSS ? "RSA-PSS"
                          : type == EVP_PKEY_RSA   ? "RSA"
                          : type == EVP_PKEY_EC    ? "ECDSA"
                                                   : OBJ_nid2sn(type);
  Certificate peer(server ? nullptr : peer_certificate(ssl));
  X509* certificate = server ? SSL_get_certificate(ssl) : peer.get();
  if (certificate) info.server_signature_bits = EVP_PKEY_bits(X509_get0_pubkey(certificate));
  known = server ? SSL_get_signature_nid(ssl, &digest) == 1
                 : SSL_get_peer_signature_nid(ssl, &digest) == 1;
  if (known && digest != NID_undef) info.server_digest = OBJ_nid2sn(digest);
}

}  // namespace

std::string tls_error() {
  auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return {};
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

static Result<void> use_dh_parameters(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) return {};
  auto bio = memory_bio(pem);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  Key parameters(PEM_read_bio_Parameters(bio.get(), nullptr));
  if (!parameters) return tls_config_error("cannot read the DH parameters");
  if (SSL_CTX_set0_tmp_dh_pkey(context, parameters.get()) != 1)
    return tls_config_error("cannot use the DH parameters");
  (void)parameters.release();
#else
  std::unique_ptr<DH, Free<DH_free>> parameters(
      PEM_read_bio_DHparams(bio.get(), nullptr, nullptr, nullptr));
  if (!parameters) return tls_config_error("cannot read the DH parameters");
  if (SSL_CTX_set_tmp_dh(context, parameters.get()) != 1)
    return tls_config_error("cannot use the DH parameters");
#endif
  return {};
}

static Result<void> finish_context(SSL_CTX* context, const TlsSettings& settings, int verify) {
  SSL_CTX_set_verify(context, verify, accept_any);
  return prepare_context(context, settings);
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_server_method())));
  int verify = settings.ask_client_certificate || settings.require_client_certificate
                   ? SSL_VERIFY_PEER
                   : SSL_VERIFY_NONE;
  if (settings.require_client_certificate) verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  auto done = finish_context(made->context_, settings, verify);
  if (!done) return done.error();
  auto kept = made->keep_sessions(settings);
  if (!kept) return kept.error();
  SSL_CTX_set_tlsext_servername_callback(made->context_, select_name);
  SSL_CTX_set_tlsext_servername_arg(made->context_, made.get());
#if OPENSSL_VERSION_NUMBER < 0x30000000L
  SSL_CTX_set_ecdh_auto(made->context_, 1);
#else
  if (settings.dh_parameters.empty()) SSL_CTX_set_dh_auto(made->context_, 1);
#endif
  done = use_dh_parameters(made->context_, settings.dh_parameters);
  if (!done) return done.error();
  return made;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  auto done = finish_context(made->context_, settings, SSL_VERIFY_PEER);
  if (!done) return done.error();
  return made;
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

void TlsContext::add_server_name(std::string name, std::shared_ptr<TlsContext> context) {
  names_.emplace_back(std::move(name), std::move(context));
}

int TlsContext::select_name(SSL* ssl, int*, void* self) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!asked) return SSL_TLSEXT_ERR_NOACK;
  std::string_view name = asked;
  auto parent = name.substr(std::min(name.find('.'), name.size()));
  for (auto& [pattern, context] : static_cast<TlsContext*>(self)->names_) {
    std::string_view rest = pattern;
    if (!rest.empty() && rest.front() == '*') rest.remove_prefix(1);
    bool same = rest.size() == pattern.size() && rest.front() != '.' ? base::iequals(name, rest)
                                                                     : base::iequals(parent, rest);
    if (!same) continue;
    SSL_set_SSL_CTX(ssl, context->get());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_OK;
}

TlsInfo tls_info(SSL* ssl) {
  TlsInfo info;
  info.protocol = SSL_get_version(ssl);
  info.cipher = SSL_get_cipher_name(ssl);
  info.cipher_bits = SSL_CIPHER_get_bits(SSL_get_current_cipher(ssl), &info.algorithm_bits);
  info.key_exchange = key_exchange_name(ssl);
  describe_signature(ssl, info);
  Certificate peer(peer_certificate(ssl));
  if (peer) {
    info.peer_certificate = true;
    info.peer_trusted = SSL_get_verify_result(ssl) == X509_V_OK;
    info.peer_cn = name_text(X509_get_subject_name(peer.get()));
    info.issuer_cn = name_text(X509_get_issuer_name(peer.get()));
    info.peer_fingerprint = fingerprint_of(peer.get(), EVP_sha256());
  }
  if (auto* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
  info.resumed = SSL_session_reused(ssl) == 1;
  return info;
}

bool certificate_matches(SSL* ssl, const std::string& host, bool deep_wildcards) {
  Certificate peer(peer_certificate(ssl));
  unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  if (deep_wildcards) flags |= X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS;
  return peer && X509_check_host(peer.get(), host.data(), host.size(), flags, nullptr) == 1;
}

std::string known_groups(std::string_view list) {
  std::string out;
  for (auto word : base::words(list, ":, \t\r\n")) {
    std::string name(word);
    if (OBJ_sn2nid(name.c_str()) == NID_undef && EC_curve_nist2nid(name.c_str()) == NID_undef)
      continue;
    out += (out.empty() ? "" : ":") + name;
  }
  return out;
}

Result<PeerDigests> peer_digests(SSL* ssl, const std::string& algorithm) {
  auto* method = EVP_get_digestbyname(algorithm.c_str());
  if (!method) return config_error(format("unknown digest algorithm \"{}\"", algorithm));
  Certificate peer(peer_certificate(ssl));
  if (!peer) return PeerDigests();
  return PeerDigests{fingerprint_of(peer.get(), method), key_fingerprint_of(peer.get(), method)};
}

}  // namespace dovetail::net
