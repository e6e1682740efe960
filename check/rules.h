// THE table of rules: what `dovetail check` looks for, one function each, in rules/. A rule adds findings and changes nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "check/finding.h"
#include "check/site.h"

namespace dovetail::check {

// What must be there for a rule to be asked.
enum Needs : unsigned { kPostfix = 1, kDovecot = 2, kDns = 4 };

struct Rule {
  std::string_view name;
  unsigned needs;
  void (*run)(Site& site, Report& report);
  std::string_view about;  // for --list
};

std::span<const Rule> rules();
// Asks all rules, or the one named; false: there is none of that name.
bool run_rules(Site& site, Report& report, std::string_view only = {});

// clang-format off
void rule_files(Site& site, Report& report);
void rule_undefined_names(Site& site, Report& report);
void rule_unused_names(Site& site, Report& report);
void rule_unsupported(Site& site, Report& report);
void rule_obsolete(Site& site, Report& report);
void rule_compatibility(Site& site, Report& report);
void rule_file_modes(Site& site, Report& report);
void rule_programs(Site& site, Report& report);
void rule_ports(Site& site, Report& report);
void rule_wrapper_mode(Site& site, Report& report);
void rule_two_classes(Site& site, Report& report);
void rule_users_without_domain(Site& site, Report& report);
void rule_user_lists(Site& site, Report& report);
void rule_postmaster(Site& site, Report& report);
void rule_unused_aliases(Site& site, Report& report);
void rule_local_alias_loops(Site& site, Report& report);
void rule_virtual_alias_loops(Site& site, Report& report);
void rule_dead_aliases(Site& site, Report& report);
void rule_relay(Site& site, Report& report);
void rule_unlisted_recipients(Site& site, Report& report);
void rule_table_files(Site& site, Report& report);
void rule_databases(Site& site, Report& report);
void rule_sasl_socket(Site& site, Report& report);
void rule_lmtp_socket(Site& site, Report& report);
void rule_mechanisms(Site& site, Report& report);
void rule_clear_text_logins(Site& site, Report& report);
void rule_certificates(Site& site, Report& report);
void rule_missing_certificates(Site& site, Report& report);
void rule_queue_directory(Site& site, Report& report);
void rule_inbox_namespace(Site& site, Report& report);
void rule_mail_directories(Site& site, Report& report);
void rule_passdb_order(Site& site, Report& report);
void rule_password_column(Site& site, Report& report);
void rule_password_hashes(Site& site, Report& report);
void rule_dns_mail(Site& site, Report& report);
void rule_dns_host(Site& site, Report& report);
void rule_dns_spf(Site& site, Report& report);
// clang-format on

}  // namespace dovetail::check
