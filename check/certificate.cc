// Certificates by OpenSSL; nothing here touches the network.
// SPDX-License-Identifier: Apache-2.0
#include "check/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/text.h"

namespace dovetail::check {

namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;

BioPtr bio_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string name_text(const X509_NAME* name) {
  BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  auto size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

time_t time_of(const ASN1_TIME* time) {
  tm broken{};
  if (!ASN1_TIME_to_tm(time, &broken)) return 0;
  return timegm(&broken);
}

// A key with a password is no error of the file; nobody is asked for it.
int no_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

Result<Certificate> Certificate::parse(std::string_view pem, std::string_view others) {
  Certificate made;
  for (auto text : {pem, others}) {
    auto bio = bio_of(text);
    while (auto* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
      made.chain_.emplace_back(one);
    ERR_clear_error();
    if (made.chain_.empty()) return config_error("no certificate in it");
  }
  return made;
}

bool Certificate::self_signed() const {
  auto* leaf = chain_[0].get();
  return X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_issuer_name(leaf)) == 0;
}

std::string Certificate::issuer() const {
  return name_text(X509_get_issuer_name(chain_[0].get()));
}
std::string Certificate::subject() const {
  return name_text(X509_get_subject_name(chain_[0].get()));
}

std::vector<std::string> Certificate::names() const {
  std::vector<std::string> all;
  auto* list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(chain_[0].get(), NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list); ++i) {
    auto* name = sk_GENERAL_NAME_value(list, i);
    if (name->type != GEN_DNS) continue;
    auto* text = name->d.dNSName;
    all.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text)));
  }
  GENERAL_NAMES_free(list);
  if (all.empty()) all.push_back(subject());
  return all;
}

bool Certificate::covers(const std::string& host) const {
  return X509_check_host(chain_[0].get(), host.data(), host.size(), 0, nullptr) == 1;
}
time_t Certificate::not_before() const {
  return time_of(X509_get0_notBefore(chain_[0].get()));
}
time_t Certificate::not_after() const {
  return time_of(X509_get0_notAfter(chain_[0].get()));
}

bool Certificate::fits(EVP_PKEY* key) const {
  bool fits = X509_check_private_key(chain_[0].get(), key) == 1;
  ERR_clear_error();
  return fits;
}

std::string Certificate::missing_issuer() const {
  if (self_signed()) return {};
  X509_STORE* store = X509_STORE_new();
  X509_STORE_set_default_paths(store);
  STACK_OF(X509)* others = sk_X509_new_null();
  for (size_t i = 1; i < chain_.size(); ++i) sk_X509_push(others, chain_[i].get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, chain_[0].get(), others);
  // Dates are told apart from chains.
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_NO_CHECK_TIME);
  X509_verify_cert(context);
  int error = X509_STORE_CTX_get_error(context);
  std::string missing;
  bool no_issuer = error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                   error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
                   error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
  if (no_issuer) {
    auto* last = X509_STORE_CTX_get_current_cert(context);
    missing = name_text(X509_get_issuer_name(last ? last : chain_[0].get()));
  }
  X509_STORE_CTX_free(context);
  sk_X509_free(others);
  X509_STORE_free(store);
  ERR_clear_error();
  return missing;
}

Result<KeyPtr> parse_key(std::string_view pem) {
  bool asked = false;
  auto bio = bio_of(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, &asked));
  ERR_clear_error();
  if (!key && !asked) return config_error("no private key in it");
  return key;
}

}  // namespace dovetail::check
