// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/tls_policy.h"

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::mta {

namespace {

struct LevelName {
  std::string_view name;
  TlsLevel level;
};
// clang-format off
constexpr LevelName kLevelNames[] = {
    {"none",        TlsLevel::none},        {"may",    TlsLevel::may},    {"encrypt", TlsLevel::encrypt},
    {"fingerprint", TlsLevel::fingerprint}, {"verify", TlsLevel::verify}, {"secure",  TlsLevel::secure},
};
// They need TLSA records that DNSSEC has proven.
constexpr std::string_view kDaneLevels[] = {"dane", "dane-only", "half-dane"};
// clang-format on

std::vector<std::string> match_words(std::string_view list, std::string_view separators) {
  std::vector<std::string> out;
  for (auto word : base::words(list, separators)) out.emplace_back(word);
  return out;
}

void set_level(TlsPolicy& policy, const SmtpParameters& p, std::string_view name) {
  for (auto dane : kDaneLevels) {
    if (base::iequals(name, dane))
      policy.problem = format("TLS level \"{}\" is not supported yet", dane);
  }
  auto row = std::find_if(std::begin(kLevelNames), std::end(kLevelNames),
                          [&](auto& known) { return base::iequals(known.name, name); });
  if (row == std::end(kLevelNames)) {
    if (policy.problem.empty())
      policy.problem = format("invalid TLS level \"{}\"", base::printable(name, true));
    policy.level = TlsLevel::secure;  // whatever was meant: never less
    return;
  }
  policy.level = row->level;
  bool mandatory = policy.mandatory();
  policy.protocols = mandatory ? p.tls_mandatory_protocols : p.tls_protocols;
  policy.ciphers = mandatory ? p.tls_mandatory_ciphers : p.tls_ciphers;
  policy.exclude = p.tls_exclude_ciphers;
  if (mandatory) policy.exclude += " " + p.tls_mandatory_exclude_ciphers;
  policy.match.clear();
  if (policy.level == TlsLevel::verify)
    policy.match = match_words(p.tls_verify_cert_match, ":, \t\r\n");
  if (policy.level == TlsLevel::secure)
    policy.match = match_words(p.tls_secure_cert_match, ":, \t\r\n");
  if (policy.level == TlsLevel::fingerprint)
    policy.match = match_words(p.tls_fingerprint_cert_match, "|, \t\r\n");
}

void apply_attribute(TlsPolicy& policy, std::string_view name, std::string_view value) {
  auto bad = [&](std::string_view why) {
    policy.problem = format("attribute \"{}\": {}", base::printable(name, true), why);
  };
  bool looks = policy.looks_at_certificate();
  if (base::iequals(name, "ciphers")) {
    policy.ciphers = value;
  } else if (base::iequals(name, "protocols")) {
    // Colons stand for the blanks and commas of main.cf here.
    policy.protocols = value;
    std::replace(policy.protocols.begin(), policy.protocols.end(), ':', ' ');
  } else if (base::iequals(name, "exclude")) {
    policy.exclude += ' ';
    policy.exclude += value;
  } else if (base::iequals(name, "match")) {
    if (!looks) return bad("not for this security level");
    bool fingerprints = policy.level == TlsLevel::fingerprint;
    if (!fingerprints) policy.match.clear();
    for (auto& word : match_words(value, fingerprints ? "|" : ":")) policy.match.push_back(word);
  } else if (base::iequals(name, "servername")) {
    policy.servername = value;
  } else if (!base::iequals(name, "connection_reuse")) {  // connections are kept in any case
    bad("not supported");
  }
}

bool same_fingerprint(std::string_view listed, std::string_view real) {
  std::string bare;
  for (char c : listed) {
    if (c != ':') bare += c;
  }
  std::string have;
  for (char c : real) {
    if (c != ':') have += c;
  }
  return !have.empty() && base::iequals(bare, have);
}

bool fingerprint_listed(SSL* ssl, const TlsPolicy& policy) {
  auto digests = net::peer_digests(ssl, policy.fingerprint_digest);
  if (!digests) return false;
  return std::any_of(policy.match.begin(), policy.match.end(), [&](auto& listed) {
    return same_fingerprint(listed, digests->certificate) ||
           same_fingerprint(listed, digests->public_key);
  });
}

bool name_listed(SSL* ssl, const TlsPolicy& policy, const std::string& hostname) {
  return std::any_of(policy.match.begin(), policy.match.end(), [&](auto& word) {
    auto name = base::iequals(word, "hostname")      ? hostname
                : base::iequals(word, "nexthop")     ? policy.nexthop
                : base::iequals(word, "dot-nexthop") ? "." + policy.nexthop
                                                     : word;
    return name.size() > 1 && net::certificate_matches(ssl, name, policy.deep_wildcards);
  });
}

bool is_domain_name(std::string_view name) {
  return !name.empty() && name.find_first_of("[]:/") == name.npos;
}

}  // namespace

std::string_view trust_word(TlsTrust trust) {
  constexpr std::string_view words[] = {"Anonymous", "Untrusted", "Trusted", "Verified"};
  return words[static_cast<size_t>(trust)];
}

TlsTrust judge_certificate(SSL* ssl, const TlsPolicy& policy, const std::string& hostname) {
  auto info = net::tls_info(ssl);
  if (!info.peer_certificate) return TlsTrust::anonymous;
  // A fingerprint is the whole proof: nobody has to have signed such a certificate.
  if (policy.level == TlsLevel::fingerprint) {
    return fingerprint_listed(ssl, policy) ? TlsTrust::verified : TlsTrust::untrusted;
  }
  if (!info.peer_trusted) return TlsTrust::untrusted;
  return policy.looks_at_certificate() && name_listed(ssl, policy, hostname) ? TlsTrust::verified
                                                                             : TlsTrust::trusted;
}

std::string cipher_list(const SmtpParameters& p, std::string_view grade, std::string_view exclude,
                        TlsLevel level) {
  auto list = base::iequals(grade, "high")     ? p.tls_high_cipherlist
              : base::iequals(grade, "medium") ? p.tls_medium_cipherlist
              : base::iequals(grade, "low")    ? p.tls_low_cipherlist
              : base::iequals(grade, "export") ? p.tls_export_cipherlist
              : base::iequals(grade, "null")   ? p.tls_null_cipherlist
                                               : std::string();
  if (list.empty()) return {};
  for (auto name : base::words(exclude, ": ,\t\r\n")) list += format(":!{}", name);
  // Without a certificate there is nothing to look at.
  if (level > TlsLevel::encrypt) list += ":!aNULL";
  return list;
}

TlsPolicy default_policy(const SmtpParameters& p, std::string_view level) {
  TlsPolicy policy;
  policy.servername = p.tls_servername;
  policy.fingerprint_digest = p.tls_fingerprint_digest;
  policy.deep_wildcards = p.tls_wildcard_matches_multiple_labels;
  set_level(policy, p, level);
  // The old way to say so: smtp_enforce_tls = yes checks the name unless this says no.
  if (p.tls_security_level_is_old && p.enforce_tls && p.tls_enforce_peername)
    set_level(policy, p, "verify");
  return policy;
}

void apply_policy_entry(TlsPolicy& policy, const SmtpParameters& p, std::string_view entry) {
  auto words = base::words(entry, ", \t\r\n");
  if (words.empty()) {
    policy.problem = "invalid empty policy";
    return;
  }
  policy.problem.clear();
  set_level(policy, p, words[0]);
  for (size_t i = 1; i < words.size() && policy.problem.empty(); ++i) {
    auto [name, value] = base::cut(words[i], '=');
    if (policy.level == TlsLevel::none || !value || value->empty()) {
      policy.problem =
          format("malformed attribute/value pair \"{}\"", base::printable(words[i], true));
      return;
    }
    apply_attribute(policy, name, *value);
  }
}

Result<std::unique_ptr<TlsPolicies>> TlsPolicies::open(net::Loop& loop, const conf::MainCf& cf,
                                                       const SmtpParameters& parameters,
                                                       const lookup::OpenOptions& options) {
  std::unique_ptr<TlsPolicies> out(new TlsPolicies(parameters, options.log));
  auto title = parameters.lmtp ? "lmtp_tls_policy_maps" : "smtp_tls_policy_maps";
  auto table = lookup::Maps::open(loop, cf, title, parameters.tls_policy_maps, options);
  if (!table) return table.error();
  out->table_ = std::move(*table);
  // Without an engine mail still goes where TLS is not asked for; the incumbent does the same.
  auto read = out->read_files();
  if (!read) {
    out->broken_ = read.error().text;
    out->log_.warning("TLS is not available: {}", out->broken_);
  }
  return out;
}

Result<void> TlsPolicies::read_files() {
  auto& p = parameters_;
  settings_.ca_path = p.tls_CApath;
  settings_.verify_depth = p.tls_scert_verifydepth;
  settings_.default_roots = p.tls_append_default_CA;
  settings_.options = p.tls_ssl_options;
  settings_.groups = net::known_groups(p.tls_eecdh_auto_curves);
  auto append = [](std::string_view path, std::string& to) -> Result<void> {
    if (path.empty() || path == "none") return {};
    auto text = base::read_file(std::string(path), 16 << 20);
    if (!text) return text.error();
    to += *text;
    if (!to.empty() && to.back() != '\n') to += '\n';
    return {};
  };
  std::string key;
  auto done = append(p.tls_CAfile, settings_.ca_certificates);
  if (!p.tls_chain_files.empty()) {
    for (auto& path : conf::split_list(p.tls_chain_files)) {
      if (done) done = append(path, settings_.certificates);
    }
    key = settings_.certificates;
  } else {
    bool ec = p.tls_cert_file.empty() || p.tls_cert_file == "none";
    if (done) done = append(ec ? p.tls_eccert_file : p.tls_cert_file, settings_.certificates);
    if (done) done = append(ec ? p.tls_eckey_file : p.tls_key_file, key);
  }
  settings_.private_key = Secret(std::move(key));
  return done;
}

// RFC 8446 or older by protocols and ciphers: sessions with the same ones share a context.
void TlsPolicies::give_context(TlsPolicy& policy) {
  if (policy.level == TlsLevel::none || !broken_.empty()) return;
  auto settings = settings_;
  settings.protocols = policy.protocols;
  settings.ciphers = cipher_list(parameters_, policy.ciphers, policy.exclude, policy.level);
  if (settings.ciphers.empty()) {
    policy.problem = format("invalid cipher grade \"{}\"", base::printable(policy.ciphers, true));
    return;
  }
  auto key = settings.protocols + '\n' + settings.ciphers;
  auto& context = contexts_[key];
  if (!context) {
    auto made = net::TlsContext::client(settings);
    if (!made) {
      log_.warning("TLS is not available: {}", made.error().text);
      return;
    }
    context = std::move(*made);
  }
  policy.context = context;
}

// A name with port or brackets is asked as it is; a domain also by its parents, ".example.com".
Task<Result<lookup::Found>> TlsPolicies::look_up(std::string name) {
  std::string_view rest = name;
  while (!rest.empty()) {
    auto found = co_await table_.lookup(rest);
    if (!found || *found || !is_domain_name(name)) co_return found;
    auto dot = rest.find('.', 1);
    rest = dot == rest.npos ? std::string_view() : rest.substr(dot);
  }
  co_return lookup::Found();
}

Task<TlsPolicy> TlsPolicies::find(Nexthop hop) {
  auto policy = default_policy(parameters_, parameters_.tls_security_level);
  policy.nexthop = hop.host;
  if (!table_.empty()) {
    auto found = co_await look_up(base::lower(hop.text));
    if (!found) {
      policy.problem = "TLS policy lookup error";
    } else if (*found) {
      apply_policy_entry(policy, parameters_, **found);
    }
  }
  if (policy.level == TlsLevel::fingerprint && policy.match.empty() && policy.problem.empty()) {
    policy.problem = "security level \"fingerprint\" without a fingerprint to match";
  }
  if (parameters_.tls_wrappermode && !policy.mandatory() && policy.problem.empty()) {
    policy.problem = "tls_wrappermode requires \"tls_security_level = encrypt\" (or stronger)";
  }
  if (policy.problem.empty()) give_context(policy);
  if (!policy.problem.empty()) log_.warning("TLS policy for {}: {}", hop.text, policy.problem);
  co_return policy;
}

}  // namespace dovetail::mta
