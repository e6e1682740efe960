// The certificates and keys of both suites: there, readable, fitting, whole, valid, and for the right name.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "check/access.h"
#include "check/certificate.h"
#include "check/rules.h"
#include "common/base/file.h"
#include "common/base/secret.h"
#include "common/base/text.h"
#include "conf/dovecot/view_builder.h"

namespace dovetail::check {

namespace {

constexpr time_t kDay = 24 * 3600, kSoon = 14 * kDay;

struct CertificateUse {
  std::string certificate, key;  // paths
  Place certificate_place, key_place;
  std::string host;  // the name clients know; empty: none in particular
  std::string what;  // "smtpd_tls_cert_file"
  bool client = false;
  std::string effect;       // of a pair that does not work
  std::string authorities;  // a file whose certificates the server sends along where they fit
};

struct PostfixPair {
  std::string_view certificate, key;
  bool client;
};
// clang-format off
constexpr PostfixPair postfix_pairs[] = {
    {"smtpd_tls_cert_file",   "smtpd_tls_key_file",   false},
    {"smtpd_tls_eccert_file", "smtpd_tls_eckey_file", false},
    {"smtpd_tls_dcert_file",  "smtpd_tls_dkey_file",  false},
    {"smtp_tls_cert_file",    "smtp_tls_key_file",    true},
    {"smtp_tls_eccert_file",  "smtp_tls_eckey_file",  true},
};
// clang-format on

void add_postfix_uses(Site& site, std::vector<CertificateUse>& all) {
  auto host = site.get("myhostname");
  for (auto& pair : postfix_pairs) {
    auto certificate = site.get(pair.certificate);
    if (certificate.empty() || certificate == "none") continue;
    auto key_place = site.at(site.main_cf().is_set(pair.key) ? pair.key : pair.certificate);
    all.push_back({certificate, site.get(pair.key), site.at(pair.certificate), key_place,
                   pair.client ? "" : host, std::string(pair.certificate), pair.client,
                   pair.client
                       ? "mail goes out without the client certificate"
                       : "smtpd offers no STARTTLS, and answers nothing on the ports of TLS alone",
                   site.get("smtpd_tls_CAfile")});
  }
  auto chains = site.get("smtpd_tls_chain_files");
  for (auto& path : list_words(chains)) {
    all.push_back({path, path, site.at("smtpd_tls_chain_files"), site.at("smtpd_tls_chain_files"),
                   host, "smtpd_tls_chain_files", false,
                   "smtpd offers no STARTTLS, and answers nothing on the ports of TLS alone",
                   site.get("smtpd_tls_CAfile")});
  }
}

void add_dovecot_uses(Site& site, std::vector<CertificateUse>& all) {
  if (site.dovecot_get("ssl") == "no") return;
  auto& tree = site.tree();
  for (auto& filter : tree.filters()) {
    auto* certificate = conf::dovecot::Tree::find(filter, "ssl_cert");
    if (!certificate || !certificate->from_file || certificate->value.empty()) continue;
    auto* key = conf::dovecot::Tree::find(filter, "ssl_key");
    if (!key || !key->from_file) key = conf::dovecot::Tree::find(tree.filters()[0], "ssl_key");
    auto place = [&](const conf::dovecot::Assignment& one) {
      return Place{tree.files()[one.file], static_cast<int>(one.line)};
    };
    bool has_key = key && key->from_file && !key->value.empty();
    std::string host = filter.local_name;
    if (host.empty() && site.has_postfix()) host = site.get("myhostname");
    all.push_back({conf::dovecot::value_file_path(tree, *certificate),
                   has_key ? conf::dovecot::value_file_path(tree, *key) : "", place(*certificate),
                   has_key ? place(*key) : place(*certificate), host, "ssl_cert", false,
                   "dovecot does not start, or refuses each TLS connection", ""});
  }
}

class CertificateJudge {
 public:
  CertificateJudge(Site& site, Report& report, const CertificateUse& use)
      : site_(site), report_(report), use_(use) {}

  void run() {
    auto pem = read(use_.certificate, use_.certificate_place);
    if (!pem) return;
    auto authorities = use_.authorities.empty() ? Result<std::string>(std::string())
                                                : base::read_file(use_.authorities, 4 << 20);
    auto certificate = Certificate::parse(*pem, authorities ? *authorities : "");
    if (!certificate) {
      add(Severity::error,
          format("{} {}: {}", use_.what, use_.certificate, certificate.error().text), use_.effect,
          "put a certificate in PEM form there");
      return;
    }
    judge_dates(*certificate);
    judge_names(*certificate);
    judge_chain(*certificate);
    judge_key(*certificate);
  }

 private:
  void add(Severity severity, std::string wrong, std::string effect, std::string remedy) {
    report_.add(
        {use_.certificate_place, severity, std::move(wrong), std::move(effect), std::move(remedy)});
  }

  // The parents read these files as root; where all runs as one ordinary user, as that user.
  std::optional<std::string> read(const std::string& path, const Place& place) {
    auto text = base::read_file(path, 4 << 20);
    if (text) return std::move(*text);
    bool denied = access(path.c_str(), R_OK) != 0 && errno == EACCES;
    auto owner = site_.has_postfix() ? user_named(site_.get("mail_owner")) : std::nullopt;
    if (denied && geteuid() != 0 && !(owner && owner->uid == geteuid())) {
      report_.add({place, Severity::note, format("{} cannot be read: Permission denied", path),
                   "it was not examined", "ask again as root"});
      return std::nullopt;
    }
    bool missing = access(path.c_str(), F_OK) != 0 && !denied;
    report_.add({place, Severity::error,
                 missing ? format("{} does not exist", path)
                         : format("{} cannot be read: {}", path,
                                  text.error().text.substr(text.error().text.rfind(": ") + 2)),
                 use_.effect,
                 missing ? "make the certificate, or correct the path" : "correct owner and mode"});
    return std::nullopt;
  }

  void judge_dates(const Certificate& certificate) {
    time_t now = site_.surroundings().now, end = certificate.not_after();
    auto date = base::format_time("%Y-%m-%d", end);
    if (end <= now) {
      add(Severity::error, format("{} has expired on {}", use_.certificate, date),
          "mail programs refuse to connect, or warn each time", "renew it");
    } else if (end - now < kSoon) {
      add(Severity::warning,
          format("{} expires on {}, in {} days", use_.certificate, date, (end - now) / kDay),
          "from then on mail programs refuse to connect",
          "renew it, and see why that did not happen by itself");
    }
    if (certificate.not_before() > now)
      add(Severity::error,
          format("{} is not valid before {}", use_.certificate,
                 base::format_time("%Y-%m-%d", certificate.not_before())),
          "mail programs refuse to connect", "set the clock, or wait");
  }

  void judge_names(const Certificate& certificate) {
    if (use_.host.empty() || certificate.covers(use_.host)) return;
    add(Severity::warning,
        format("{} is for {}, not for {}", use_.certificate, some_of(certificate.names()),
               use_.host),
        format("mail programs that connect to {} refuse it or warn", use_.host),
        format("get a certificate that names {}", use_.host));
  }

  void judge_chain(const Certificate& certificate) {
    if (use_.client) return;
    if (certificate.self_signed()) {
      add(Severity::note, format("{} is self-signed", use_.certificate),
          "mail programs warn until their users trust it",
          "get one from a certification authority");
      return;
    }
    auto missing = certificate.missing_issuer();
    if (missing.empty()) return;
    add(Severity::warning,
        format("the chain of {} is incomplete: {} is not in it", use_.certificate, missing),
        "clients that do not know that issuer refuse the certificate",
        "append the intermediate certificates to the file (fullchain.pem)");
  }

  void judge_key(const Certificate& certificate) {
    if (use_.key.empty()) {
      add(Severity::error, format("{} has no key", use_.what), use_.effect, "set the key");
      return;
    }
    auto pem = read(use_.key, use_.key_place);
    if (!pem) return;
    struct stat status {};
    if (stat(use_.key.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0) {
      report_.add({use_.key_place, Severity::warning,
                   format("the private key {} is readable by all", use_.key),
                   "each program of this host can pass itself off as this one",
                   format("chmod 600 {}", use_.key)});
    }
    auto key = parse_key(*pem);
    base::wipe(*pem);
    if (!key) {
      report_.add({use_.key_place, Severity::error, format("{}: {}", use_.key, key.error().text),
                   use_.effect, "put the key in PEM form there"});
    } else if (*key && !certificate.fits(key->get())) {
      report_.add({use_.key_place, Severity::error,
                   format("{} is not the key of {}", use_.key, use_.certificate), use_.effect,
                   "name the pair that belongs together"});
    }
  }

  Site& site_;
  Report& report_;
  const CertificateUse& use_;
};

// Files that TLS needs besides.
struct TlsFile {
  std::string_view parameter, effect;
};
// clang-format off
constexpr TlsFile tls_files[] = {
    {"smtpd_tls_CAfile", "smtpd offers no STARTTLS"},
    {"smtp_tls_CAfile",  "mail goes out without TLS, or waits where TLS is demanded"},
    {"lmtp_tls_CAfile",  "mail goes out without TLS, or waits where TLS is demanded"},
    {"smtpd_tls_dh1024_param_file", "the library's own parameters are used"},
};
// clang-format on

void judge_tls_files(Site& site, Report& report) {
  for (auto& one : tls_files) {
    auto path = site.get(one.parameter);
    if (!path.starts_with('/') || access(path.c_str(), F_OK) == 0 || errno != ENOENT) continue;
    report.add({site.at(one.parameter), Severity::warning, format("{} does not exist", path),
                std::string(one.effect), "correct the path, or take the line out"});
  }
}

}  // namespace

void rule_certificates(Site& site, Report& report) {
  if (site.has_postfix()) judge_tls_files(site, report);
  std::vector<CertificateUse> all;
  if (site.has_postfix()) add_postfix_uses(site, all);
  if (site.has_dovecot()) add_dovecot_uses(site, all);
  for (auto& use : all) CertificateJudge(site, report, use).run();
}

void rule_missing_certificates(Site& site, Report& report) {
  auto is_empty = [&](std::string_view name) {
    auto value = site.get(name);
    return value.empty() || value == "none";
  };
  for (auto& view : site.services_running("smtpd")) {
    auto level = Site::get(view.cf, "smtpd_tls_security_level");
    bool wrapped = Site::get(view.cf, "smtpd_tls_wrappermode") == "yes";
    bool wanted = wrapped || level == "may" || level == "encrypt" ||
                  (level.empty() && Site::get(view.cf, "smtpd_use_tls") == "yes");
    bool none = std::all_of(std::begin(postfix_pairs), std::end(postfix_pairs),
                            [&](auto& pair) { return pair.client || is_empty(pair.certificate); });
    if (!wanted || !none || !is_empty("smtpd_tls_chain_files")) continue;
    auto name = wrapped ? "smtpd_tls_wrappermode" : "smtpd_tls_security_level";
    report.add({site.at(*view.service, name), Severity::error,
                format("{} asks for TLS, and no certificate is set", view.service->name),
                wrapped || level == "encrypt" ? "nobody can send mail there"
                                              : "smtpd offers no STARTTLS: mail comes in clear",
                "set smtpd_tls_chain_files, or smtpd_tls_cert_file and smtpd_tls_key_file"});
  }
}

}  // namespace dovetail::check
