// A certificate file as a server would use it: its chain, its key, its names and dates. RFC 5280, RFC 6125.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace dovetail::check {

struct OpensslFree {
  void operator()(X509* one) const { X509_free(one); }
  void operator()(EVP_PKEY* one) const { EVP_PKEY_free(one); }
};
using X509Ptr = std::unique_ptr<X509, OpensslFree>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree>;

class Certificate {
 public:
  // The first certificate of the text and what follows it; others: more certificates that are sent along.
  static Result<Certificate> parse(std::string_view pem, std::string_view others = {});

  bool self_signed() const;
  std::string issuer() const;
  std::string subject() const;
  // Every name it is good for.
  std::vector<std::string> names() const;
  bool covers(const std::string& host) const;
  time_t not_before() const;
  time_t not_after() const;
  bool fits(EVP_PKEY* key) const;
  // The issuer that is in neither the text nor the roots this system trusts; empty: the chain is whole.
  std::string missing_issuer() const;

 private:
  std::vector<X509Ptr> chain_;
};

// Empty pointer: the key asks for a password. The Error: there is no key in the text.
Result<KeyPtr> parse_key(std::string_view pem);

}  // namespace dovetail::check
