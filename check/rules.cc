// The table of rules and the loop over it.
// SPDX-License-Identifier: Apache-2.0
#include "check/rules.h"

namespace dovetail::check {

namespace {

// clang-format off
constexpr Rule all_rules[] = {
    // name                 needs                run                        looks for
    {"files",               0,                   rule_files,                "configuration files that are missing or malformed"},
    {"undefined-names",     kPostfix,            rule_undefined_names,      "$names that are defined nowhere"},
    {"unused-names",        kPostfix,            rule_unused_names,         "parameters that nothing reads: a misspelt name"},
    {"unsupported",         0,                   rule_unsupported,          "what is set and not acted on by this version"},
    {"obsolete",            0,                   rule_obsolete,             "parameters and settings that were renamed or removed"},
    {"compatibility",       kPostfix,            rule_compatibility,        "defaults of old releases in effect"},
    {"file-modes",          0,                   rule_file_modes,           "files that are too closed or too open"},
    {"programs",            kPostfix,            rule_programs,             "services whose program is not there"},
    {"ports",               0,                   rule_ports,                "ports that are claimed twice"},
    {"wrapper-mode",        kPostfix,            rule_wrapper_mode,         "TLS from the first byte on the wrong port"},
    {"two-classes",         kPostfix,            rule_two_classes,          "domains that are in two address classes"},
    {"users-without-domain", kPostfix,           rule_users_without_domain, "mailbox users whose domain is in no list"},
    {"user-lists",          kPostfix | kDovecot, rule_user_lists,           "mailbox users that only one of the two suites knows"},
    {"postmaster",          kPostfix,            rule_postmaster,           "mail for root and postmaster that goes nowhere"},
    {"unused-aliases",      kPostfix,            rule_unused_aliases,       "aliases that no address ever reaches"},
    {"local-alias-loops",   kPostfix,            rule_local_alias_loops,    "aliases(5) that lead back to themselves"},
    {"virtual-alias-loops", kPostfix,            rule_virtual_alias_loops,  "virtual aliases that lead back to themselves"},
    {"dead-aliases",        kPostfix,            rule_dead_aliases,         "virtual aliases to addresses of ours that do not exist"},
    {"relay",               kPostfix,            rule_relay,                "who may send mail to the world through this host"},
    {"unlisted-recipients", kPostfix,            rule_unlisted_recipients,  "mail that is taken for unknown users"},
    {"table-files",         kPostfix,            rule_table_files,          "tables that are missing, stale, unreadable or malformed"},
    {"databases",           0,                   rule_databases,            "SQL servers and files that do not answer"},
    {"sasl-socket",         kPostfix,            rule_sasl_socket,          "smtpd's way to the auth service of Dovecot"},
    {"lmtp-socket",         kPostfix,            rule_lmtp_socket,          "the way of mail into Dovecot"},
    {"mechanisms",          kPostfix,            rule_mechanisms,           "AUTH without a mechanism left"},
    {"clear-text-logins",   0,                   rule_clear_text_logins,    "passwords that cross the network in clear"},
    {"certificates",        0,                   rule_certificates,         "certificates and keys"},
    {"missing-certificates", kPostfix,           rule_missing_certificates, "TLS that is asked for and has no certificate"},
    {"queue-directory",     kPostfix,            rule_queue_directory,      "disks that are full or read-only, directories that are missing"},
    {"inbox-namespace",     kDovecot,            rule_inbox_namespace,      "namespaces without an inbox"},
    {"mail-directories",    kDovecot,            rule_mail_directories,     "mailboxes that cannot be made"},
    {"passdb-order",        kDovecot,            rule_passdb_order,         "slow or impossible logins by the order of passdbs"},
    {"password-column",     kDovecot,            rule_password_column,      "password columns too short for their hashes"},
    {"password-hashes",     kDovecot,            rule_password_hashes,      "password hashes that no scheme verifies"},
    {"dns-mail",            kPostfix | kDns,     rule_dns_mail,             "MX records of the domains"},
    {"dns-host",            kPostfix | kDns,     rule_dns_host,             "A, AAAA and PTR of this host"},
    {"dns-spf",             kPostfix | kDns,     rule_dns_spf,              "SPF of the domains against this host"},
};
// clang-format on

bool can_be_asked(const Rule& rule, const Site& site) {
  return (!(rule.needs & kPostfix) || site.has_postfix()) &&
         (!(rule.needs & kDovecot) || site.has_dovecot()) &&
         (!(rule.needs & kDns) || site.options().dns);
}

}  // namespace

std::span<const Rule> rules() {
  return all_rules;
}

bool run_rules(Site& site, Report& report, std::string_view only) {
  bool known = only.empty();
  for (auto& rule : all_rules) {
    if (!only.empty() && rule.name != only) continue;
    known = true;
    report.begin_rule(rule.name);
    if (can_be_asked(rule, site)) rule.run(site, report);
  }
  report.sort();
  return known;
}

}  // namespace dovetail::check
