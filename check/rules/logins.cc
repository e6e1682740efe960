// Ways to log in: mechanisms that are left after all options, and passwords that cross the network in clear.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "check/rules.h"
#include "common/base/text.h"

namespace dovetail::check {

namespace {

bool is_yes(const conf::MainCf& cf, std::string_view name) {
  return Site::get(cf, name) == "yes";
}

std::string tls_level(const conf::MainCf& cf) {
  auto level = Site::get(cf, "smtpd_tls_security_level");
  if (!level.empty()) return level;
  if (is_yes(cf, "smtpd_enforce_tls")) return "encrypt";
  return is_yes(cf, "smtpd_use_tls") ? "may" : "none";
}

bool always_encrypted(const conf::MainCf& cf) {
  auto level = tls_level(cf);
  return is_yes(cf, "smtpd_tls_wrappermode") || level == "encrypt" ||
         is_yes(cf, "smtpd_enforce_tls");
}

// Whether AUTH is there before TLS.
bool offers_clear_auth(const conf::MainCf& cf) {
  return is_yes(cf, "smtpd_sasl_auth_enable") && !is_yes(cf, "smtpd_tls_auth_only") &&
         !always_encrypted(cf);
}

std::vector<std::string> mechanisms(const Site& site) {
  if (!site.has_dovecot()) return {};
  return list_words(base::lower(site.dovecot_get("auth_mechanisms")));
}

bool is_plaintext(std::string_view mechanism) {
  return mechanism == "plain" || mechanism == "login";
}

bool has_option(std::string_view options, std::string_view wanted) {
  auto words = list_words(options);
  return std::any_of(words.begin(), words.end(),
                     [&](auto& word) { return base::iequals(word, wanted); });
}

bool is_for_strangers(const conf::MasterService& service, const conf::MainCf& cf) {
  auto interfaces = Site::get(cf, "inet_interfaces");
  if (service.name.find(':') == std::string::npos &&
      (interfaces == "loopback-only" || interfaces == "localhost"))
    return false;
  return service.type == "inet" && !service.name.starts_with("127.") &&
         !service.name.starts_with("localhost") && !service.name.starts_with("[::1]");
}

}  // namespace

void rule_mechanisms(Site& site, Report& report) {
  auto all = mechanisms(site);
  if (all.empty() || !std::all_of(all.begin(), all.end(), is_plaintext)) return;
  for (auto& view : site.services_running("smtpd")) {
    if (!is_yes(view.cf, "smtpd_sasl_auth_enable")) continue;
    bool clear = offers_clear_auth(view.cf) &&
                 has_option(Site::get(view.cf, "smtpd_sasl_security_options"), "noplaintext");
    bool in_tls = tls_level(view.cf) != "none" &&
                  has_option(Site::get(view.cf, "smtpd_sasl_tls_security_options"), "noplaintext");
    if (!clear && !in_tls) continue;
    auto name = clear ? "smtpd_sasl_security_options" : "smtpd_sasl_tls_security_options";
    report.add({site.at(*view.service, name), Severity::error,
                format("{} of {} has noplaintext, and auth_mechanisms of Dovecot are only {}", name,
                       view.service->name, some_of(all)),
                clear ? "no mechanism is left outside of TLS: Postfix's smtpd ends with \"no SASL "
                        "authentication mechanisms\" "
                        "at each connection, ours offers no AUTH"
                      : "no mechanism is left in TLS: nobody can log in to send mail",
                clear ? "set smtpd_tls_auth_only = yes, so that AUTH is offered in TLS only"
                      : "take noplaintext out of smtpd_sasl_tls_security_options"});
  }
}

namespace {

// Where the service says that it has AUTH outside of TLS, or else where main.cf does.
Place auth_place(const Site& site, const conf::MasterService& service) {
  auto place = site.at(service, "smtpd_tls_auth_only");
  return place.file == site.at(service).file ? place : site.at(service, "smtpd_sasl_auth_enable");
}

void postfix_logins(Site& site, Report& report) {
  for (auto& view : site.services_running("smtpd")) {
    if (!is_yes(view.cf, "smtpd_sasl_auth_enable") || !is_for_strangers(*view.service, view.cf))
      continue;
    auto level = tls_level(view.cf);
    if (is_yes(view.cf, "smtpd_tls_auth_only") && level == "none" &&
        !is_yes(view.cf, "smtpd_tls_wrappermode")) {
      report.add({site.at(*view.service, "smtpd_tls_auth_only"), Severity::error,
                  format("{} offers AUTH in TLS only, and has no TLS (smtpd_tls_security_level)",
                         view.service->name),
                  "AUTH is never offered there",
                  "set smtpd_tls_security_level = may and a certificate"});
      continue;
    }
    bool refuses_plain =
        has_option(Site::get(view.cf, "smtpd_sasl_security_options"), "noplaintext");
    if (!offers_clear_auth(view.cf) || refuses_plain) continue;
    report.add(
        {auth_place(site, *view.service), Severity::warning,
         format("{} offers AUTH outside of TLS", view.service->name),
         level == "none" ? "passwords cross the network in clear: there is no TLS at all "
                           "(smtpd_tls_security_level)"
                         : "a mail program that does not ask for TLS sends its password in clear",
         level == "none"
             ? "set smtpd_tls_security_level = may, a certificate, and smtpd_tls_auth_only = yes"
             : "set smtpd_tls_auth_only = yes"});
  }
}

void dovecot_logins(Site& site, Report& report) {
  bool logins = site.protocol_wanted("imap") || site.protocol_wanted("pop3");
  auto& view = site.view();
  auto off = view.get("disable_plaintext_auth") == "no";
  auto ssl = view.get("ssl");
  auto listen = view.get("listen");
  if (!logins || listen == "127.0.0.1" || listen == "localhost" || listen == "::1") return;
  if (off && ssl != "required") {
    report.add({site.dovecot_at("disable_plaintext_auth"), Severity::warning,
                "disable_plaintext_auth is no",
                "a mail program that does not ask for TLS sends its password in clear",
                "set disable_plaintext_auth = yes"});
  }
  auto all = mechanisms(site);
  if (!off && ssl == "no" && std::all_of(all.begin(), all.end(), is_plaintext)) {
    report.add({site.dovecot_at("ssl"), Severity::warning,
                "ssl is no, and passwords are refused outside of TLS (disable_plaintext_auth)",
                "nobody can log in but from this host", "set ssl = yes and a certificate"});
  }
}

}  // namespace

void rule_clear_text_logins(Site& site, Report& report) {
  if (site.has_postfix()) postfix_logins(site, report);
  if (site.has_dovecot()) dovecot_logins(site, report);
}

}  // namespace dovetail::check
