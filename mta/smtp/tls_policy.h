// How a destination's sessions are protected: smtp_tls_security_level or the entry of smtp_tls_policy_maps, with what belongs
// to it (protocols, cipher grade, names or fingerprints to match), and the OpenSSL context made of that. What cannot be
// obeyed makes mail wait (4.7.5); nothing is ever sent with less protection than asked for.
// Manual: postconf(5) smtp_tls_policy_maps.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/tls.h"
#include "lookup/maps.h"
#include "mta/smtp/nexthop.h"
#include "mta/smtp/parameters.h"

namespace dovetail::mta {

// In the order of strength: everything from `encrypt` on is mandatory, everything above it looks at the certificate.
enum class TlsLevel { none, may, encrypt, fingerprint, verify, secure };

struct TlsPolicy {
  TlsLevel level = TlsLevel::none;
  std::string protocols, ciphers, exclude;  // as in main.cf; ciphers: the grade
  std::vector<std::string> match;  // names, "hostname", "nexthop", "dot-nexthop"; or fingerprints
  std::string servername;          // SNI; "hostname", "nexthop" or a name; empty: none wished for
  std::string nexthop;             // the domain or host that "nexthop" stands for
  std::string fingerprint_digest;
  bool deep_wildcards = true;
  std::shared_ptr<net::TlsContext> context;  // null with a level: no TLS engine
  std::string problem;  // why mail to this destination has to wait; empty: usable

  bool mandatory() const { return level >= TlsLevel::encrypt; }
  bool looks_at_certificate() const { return level > TlsLevel::encrypt; }
};

// What the certificate came to: "Anonymous", "Untrusted", "Trusted", "Verified".
enum class TlsTrust { anonymous, untrusted, trusted, verified };
std::string_view trust_word(TlsTrust trust);
TlsTrust judge_certificate(SSL* ssl, const TlsPolicy& policy, const std::string& hostname);

// "high:!aNULL:!MD5" from a grade, its five lists and what is excluded.
std::string cipher_list(const SmtpParameters& parameters, std::string_view grade,
                        std::string_view exclude, TlsLevel level);
// Applies an entry of the policy table ("secure match=a:b protocols=TLSv1.3") to a policy. The problem is set if it is not
// understood or asks for more than can be done.
void apply_policy_entry(TlsPolicy& policy, const SmtpParameters& parameters,
                        std::string_view entry);
// The policy of a level by smtp_tls_* alone.
TlsPolicy default_policy(const SmtpParameters& parameters, std::string_view level);

class TlsPolicies {
 public:
  // Reads certificates and opens the table while rights are there. An engine that cannot be made is no error: see problem().
  static Result<std::unique_ptr<TlsPolicies>> open(net::Loop& loop, const conf::MainCf& cf,
                                                   const SmtpParameters& parameters,
                                                   const lookup::OpenOptions& options);
  Task<TlsPolicy> find(Nexthop hop);

 private:
  explicit TlsPolicies(const SmtpParameters& parameters, Logger log)
      : parameters_(parameters), log_(std::move(log)) {}
  Result<void> read_files();
  Task<Result<lookup::Found>> look_up(std::string name);
  void give_context(TlsPolicy& policy);

  const SmtpParameters& parameters_;
  Logger log_;
  lookup::Maps table_;
  net::TlsSettings settings_;
  std::string broken_;  // certificate or key cannot be read
  std::map<std::string, std::shared_ptr<net::TlsContext>> contexts_;  // by protocols and ciphers
};

}  // namespace dovetail::mta
