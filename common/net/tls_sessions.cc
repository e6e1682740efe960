// Session resumption of a server context: which sessions belong together, how long they live, and tickets written with
// the parent's keys. OpenSSL 1.1.1 gives the HMAC as HMAC_CTX, 3 as EVP_MAC_CTX.
// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/core_names.h>
#endif

#include <algorithm>

#include "common/base/text.h"
#include "common/net/tls.h"
#include "common/net/tls_tickets.h"

namespace dovetail::net {

namespace {

const unsigned char* key_bytes(const Secret& key) {
  return reinterpret_cast<const unsigned char*>(key.reveal().data());
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
using TicketMac = EVP_MAC_CTX;
bool start_ticket_mac(TicketMac* mac, const Secret& key) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<char*>(key.reveal().data()),
                                        key.reveal().size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}
#else
using TicketMac = HMAC_CTX;
bool start_ticket_mac(TicketMac* mac, const Secret& key) {
  return HMAC_Init_ex(mac, key.reveal().data(), static_cast<int>(key.reveal().size()), EVP_sha256(),
                      nullptr) == 1;
}
#endif

// OpenSSL's contract: -1 error, 0 no key (a full handshake follows), 1 done, 2 done and the client should get a new ticket.
int use_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                   TicketMac* mac, int encrypt) {
  auto* context = static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  auto* kind = context->ticket_cipher();
  auto* key = encrypt ? context->tickets()->newest() : context->tickets()->find(name);
  if (!key) return 0;
  if (encrypt) {
    std::copy(key->name.begin(), key->name.end(), name);
    if (RAND_bytes(iv, EVP_CIPHER_iv_length(kind)) != 1) return -1;
  }
  if (EVP_CipherInit_ex(cipher, kind, nullptr, key_bytes(key->cipher), iv, encrypt) != 1) return -1;
  if (!start_ticket_mac(mac, key->mac)) return -1;
  return encrypt ? 1 : 2;
}

// A session with a client certificate that one service checked must not be resumed where another one would have asked
// otherwise: what decides about trust is part of the sessions' name.
std::string sessions_name(const TlsSettings& settings) {
  auto text =
      format("{}\n{}\n{}\n{}{}", settings.session_context, settings.ca_path, settings.protocols,
             settings.ask_client_certificate, settings.require_client_certificate);
  text += settings.ca_certificates;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  return std::string(reinterpret_cast<char*>(digest), length);
}

}  // namespace

Result<void> TlsContext::keep_sessions(const TlsSettings& settings) {
  SSL_CTX_set_app_data(context_, this);
  auto name = sessions_name(settings);
  SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<unsigned>(name.size()));
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);  // tickets only
  if (settings.session_lifetime.count() <= 0) {
    SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context_, 0);
    return {};
  }
  SSL_CTX_set_timeout(context_, static_cast<long>(settings.session_lifetime.count()));
  SSL_CTX_set_num_tickets(context_, settings.tickets_per_session);
  if (!settings.tickets) return {};
  auto* kind = EVP_get_cipherbyname(settings.ticket_cipher.c_str());
  if (!kind || EVP_CIPHER_mode(kind) != EVP_CIPH_CBC_MODE || EVP_CIPHER_key_length(kind) < 16 ||
      EVP_CIPHER_key_length(kind) > static_cast<int>(TicketKeys::kKeySize)) {
    return config_error(format("unusable cipher for session tickets: {}", settings.ticket_cipher));
  }
  ticket_cipher_ = kind;
  tickets_ = settings.tickets;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context_, use_ticket_key);
#else
  SSL_CTX_set_tlsext_ticket_key_cb(context_, use_ticket_key);
#endif
  return {};
}

}  // namespace dovetail::net
