// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/verbs.h"

#include "common/base/text.h"

namespace dovetail::mta::smtpd {
namespace {

// clang-format off
constexpr Verb verbs[] = {
    {"permit",                                   permit},
    {"reject",                                   reject},
    {"defer",                                    defer},
    {"defer_if_permit",                          defer_if_permit},
    {"defer_if_reject",                          defer_if_reject},
    {"sleep",                                    sleep_seconds,                            Takes::word},
    {"permit_mynetworks",                        permit_mynetworks},
    {"permit_inet_interfaces",                   permit_inet_interfaces},
    {"permit_sasl_authenticated",                permit_sasl_authenticated},
    {"permit_tls_all_clientcerts",               permit_tls_all_clientcerts},
    {"permit_tls_clientcerts",                   permit_tls_clientcerts},
    {"permit_mx_backup",                         permit_mx_backup},
    {"permit_auth_destination",                  permit_auth_destination},
    {"reject_unauth_destination",                reject_unauth_destination},
    {"defer_unauth_destination",                 defer_unauth_destination},
    {"check_relay_domains"},
    {"reject_plaintext_session",                 reject_plaintext_session},
    {"reject_unauth_pipelining",                 reject_unauth_pipelining},
    {"reject_multi_recipient_bounce",            reject_multi_recipient_bounce},
    {"reject_unknown_client_hostname",           reject_unknown_client_hostname},
    {"reject_unknown_client",                    reject_unknown_client_hostname},
    {"reject_unknown_reverse_client_hostname",   reject_unknown_reverse_client_hostname},
    {"reject_invalid_helo_hostname",             reject_invalid_helo_hostname},
    {"reject_invalid_hostname",                  reject_invalid_helo_hostname},
    {"reject_non_fqdn_helo_hostname",            reject_non_fqdn_helo_hostname},
    {"reject_non_fqdn_hostname",                 reject_non_fqdn_helo_hostname},
    {"reject_unknown_helo_hostname",             reject_unknown_helo_hostname},
    {"reject_unknown_hostname",                  reject_unknown_helo_hostname},
    {"reject_non_fqdn_sender",                   reject_non_fqdn_sender},
    {"reject_non_fqdn_recipient",                reject_non_fqdn_recipient},
    {"reject_unknown_sender_domain",             reject_unknown_sender_domain},
    {"reject_unknown_address",                   reject_unknown_sender_domain},
    {"reject_unknown_recipient_domain",          reject_unknown_recipient_domain},
    {"reject_unlisted_recipient",                reject_unlisted_recipient},
    {"check_recipient_maps",                     reject_unlisted_recipient},
    {"reject_unlisted_sender",                   reject_unlisted_sender},
    {"reject_unverified_sender",                 reject_unverified_sender},
    {"reject_unverified_recipient",              reject_unverified_recipient},
    {"reject_sender_login_mismatch",             reject_sender_login_mismatch},
    {"reject_authenticated_sender_login_mismatch",   reject_authenticated_sender_login_mismatch},
    {"reject_unauthenticated_sender_login_mismatch", reject_unauthenticated_sender_login_mismatch},
    {"reject_known_sender_login_mismatch",       reject_known_sender_login_mismatch},
    {"check_client_access",                      check_client_access,                      Takes::table},
    {"check_reverse_client_hostname_access",     check_reverse_client_hostname_access,     Takes::table},
    {"check_helo_access",                        check_helo_access,                        Takes::table},
    {"check_sender_access",                      check_sender_access,                      Takes::table},
    {"check_recipient_access",                   check_recipient_access,                   Takes::table},
    {"check_etrn_access",                        check_etrn_access,                        Takes::table},
    {"check_sasl_access",                        check_sasl_access,                        Takes::table},
    {"check_ccert_access",                       check_ccert_access,                       Takes::table},
    {"check_client_mx_access",                   check_client_mx_access,                   Takes::table},
    {"check_client_a_access",                    check_client_a_access,                    Takes::table},
    {"check_client_ns_access",                  check_client_ns_access,                  Takes::table},
    {"check_reverse_client_hostname_mx_access",  check_reverse_client_hostname_mx_access,  Takes::table},
    {"check_reverse_client_hostname_a_access",   check_reverse_client_hostname_a_access,   Takes::table},
    {"check_reverse_client_hostname_ns_access", check_reverse_client_hostname_ns_access, Takes::table},
    {"check_helo_mx_access",                     check_helo_mx_access,                     Takes::table},
    {"check_helo_a_access",                      check_helo_a_access,                      Takes::table},
    {"check_helo_ns_access",                    check_helo_ns_access,                    Takes::table},
    {"check_sender_mx_access",                   check_sender_mx_access,                   Takes::table},
    {"check_sender_a_access",                    check_sender_a_access,                    Takes::table},
    {"check_sender_ns_access",                  check_sender_ns_access,                  Takes::table},
    {"check_recipient_mx_access",                check_recipient_mx_access,                Takes::table},
    {"check_recipient_a_access",                 check_recipient_a_access,                 Takes::table},
    {"check_recipient_ns_access",               check_recipient_ns_access,               Takes::table},
    {"reject_rbl_client",                        reject_rbl_client,                        Takes::word},
    {"reject_rbl",                               reject_rbl_client,                        Takes::word},
    {"reject_rhsbl_client",                      reject_rhsbl_client,                      Takes::word},
    {"reject_rhsbl_reverse_client",              reject_rhsbl_reverse_client,              Takes::word},
    {"reject_rhsbl_helo",                        reject_rhsbl_helo,                        Takes::word},
    {"reject_rhsbl_sender",                      reject_rhsbl_sender,                      Takes::word},
    {"reject_rhsbl_recipient",                   reject_rhsbl_recipient,                   Takes::word},
    {"permit_dnswl_client",                      permit_dnswl_client,                      Takes::word},
    {"permit_rhswl_client",                      permit_rhswl_client,                      Takes::word},
    {"check_policy_service",                     check_policy_service,                     Takes::policy},
};
// clang-format on

}  // namespace

const Verb* find_verb(std::string_view name) {
  for (auto& verb : verbs) {
    if (base::iequals(verb.name, name)) return &verb;
  }
  return nullptr;
}

}  // namespace dovetail::mta::smtpd
