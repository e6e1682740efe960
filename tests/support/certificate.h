// A certificate of its own for every call, made in memory. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string>

#include "common/net/tls.h"

namespace dovetail::tests {

inline std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  auto length = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<size_t>(length));
  BIO_free(bio);
  return text;
}

inline EVP_PKEY* new_key() {
  EVP_PKEY* key = nullptr;
  auto* maker = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr);
  EVP_PKEY_keygen_init(maker);
  EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker, NID_X9_62_prime256v1);
  EVP_PKEY_keygen(maker, &key);
  EVP_PKEY_CTX_free(maker);
  return key;
}

// A certificate that signed itself, with its key.
inline net::TlsSettings own_certificate() {
  auto* key = new_key();
  auto* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_sign(certificate, key, EVP_sha256());
  net::TlsSettings settings;
  auto* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  settings.certificates = text_of(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  settings.private_key = Secret(text_of(bio));
  X509_free(certificate);
  EVP_PKEY_free(key);
  return settings;
}

}  // namespace dovetail::tests
