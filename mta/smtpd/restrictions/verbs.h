// The verbs of restriction lists, declared for their table (verbs.cc); each file beside this one holds one family.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta/smtpd/restrictions/restriction.h"

namespace dovetail::mta::smtpd {

// basic.cc
Task<Verdict> permit(Check& c, const Restriction& r);
Task<Verdict> reject(Check& c, const Restriction& r);
Task<Verdict> defer(Check& c, const Restriction& r);
Task<Verdict> defer_if_permit(Check& c, const Restriction& r);
Task<Verdict> defer_if_reject(Check& c, const Restriction& r);
Task<Verdict> sleep_seconds(Check& c, const Restriction& r);
Task<Verdict> permit_mynetworks(Check& c, const Restriction& r);
Task<Verdict> permit_inet_interfaces(Check& c, const Restriction& r);
Task<Verdict> permit_sasl_authenticated(Check& c, const Restriction& r);
Task<Verdict> permit_tls_clientcerts(Check& c, const Restriction& r);
Task<Verdict> permit_tls_all_clientcerts(Check& c, const Restriction& r);
Task<Verdict> reject_plaintext_session(Check& c, const Restriction& r);
Task<Verdict> reject_unauth_pipelining(Check& c, const Restriction& r);
Task<Verdict> reject_multi_recipient_bounce(Check& c, const Restriction& r);
Task<Verdict> reject_unknown_client_hostname(Check& c, const Restriction& r);
Task<Verdict> reject_unknown_reverse_client_hostname(Check& c, const Restriction& r);

// helo.cc
Task<Verdict> reject_invalid_helo_hostname(Check& c, const Restriction& r);
Task<Verdict> reject_non_fqdn_helo_hostname(Check& c, const Restriction& r);
Task<Verdict> reject_unknown_helo_hostname(Check& c, const Restriction& r);

// address.cc
Task<Verdict> reject_non_fqdn_sender(Check& c, const Restriction& r);
Task<Verdict> reject_non_fqdn_recipient(Check& c, const Restriction& r);
Task<Verdict> reject_unknown_sender_domain(Check& c, const Restriction& r);
Task<Verdict> reject_unknown_recipient_domain(Check& c, const Restriction& r);

// destination.cc
Task<Verdict> permit_auth_destination(Check& c, const Restriction& r);
Task<Verdict> reject_unauth_destination(Check& c, const Restriction& r);
Task<Verdict> defer_unauth_destination(Check& c, const Restriction& r);

// unlisted.cc
Task<Verdict> reject_unlisted_recipient(Check& c, const Restriction& r);
Task<Verdict> reject_unlisted_sender(Check& c, const Restriction& r);

// login.cc
Task<Verdict> reject_sender_login_mismatch(Check& c, const Restriction& r);
Task<Verdict> reject_authenticated_sender_login_mismatch(Check& c, const Restriction& r);
Task<Verdict> reject_unauthenticated_sender_login_mismatch(Check& c, const Restriction& r);
Task<Verdict> reject_known_sender_login_mismatch(Check& c, const Restriction& r);

// access.cc
Task<Verdict> check_client_access(Check& c, const Restriction& r);
Task<Verdict> check_reverse_client_hostname_access(Check& c, const Restriction& r);
Task<Verdict> check_helo_access(Check& c, const Restriction& r);
Task<Verdict> check_sender_access(Check& c, const Restriction& r);
Task<Verdict> check_recipient_access(Check& c, const Restriction& r);
Task<Verdict> check_etrn_access(Check& c, const Restriction& r);
Task<Verdict> check_sasl_access(Check& c, const Restriction& r);
Task<Verdict> check_ccert_access(Check& c, const Restriction& r);

// host_access.cc
Task<Verdict> check_client_mx_access(Check& c, const Restriction& r);
Task<Verdict> check_client_a_access(Check& c, const Restriction& r);
Task<Verdict> check_reverse_client_hostname_mx_access(Check& c, const Restriction& r);
Task<Verdict> check_reverse_client_hostname_a_access(Check& c, const Restriction& r);
Task<Verdict> check_helo_mx_access(Check& c, const Restriction& r);
Task<Verdict> check_helo_a_access(Check& c, const Restriction& r);
Task<Verdict> check_sender_mx_access(Check& c, const Restriction& r);
Task<Verdict> check_sender_a_access(Check& c, const Restriction& r);
Task<Verdict> check_recipient_mx_access(Check& c, const Restriction& r);
Task<Verdict> check_recipient_a_access(Check& c, const Restriction& r);
Task<Verdict> check_client_ns_access(Check& c, const Restriction& r);
Task<Verdict> check_reverse_client_hostname_ns_access(Check& c, const Restriction& r);
Task<Verdict> check_helo_ns_access(Check& c, const Restriction& r);
Task<Verdict> check_sender_ns_access(Check& c, const Restriction& r);
Task<Verdict> check_recipient_ns_access(Check& c, const Restriction& r);

// --- mx_backup.cc
Task<Verdict> permit_mx_backup(Check& c, const Restriction& r);

// --- unverified.cc
Task<Verdict> reject_unverified_sender(Check& c, const Restriction& r);
Task<Verdict> reject_unverified_recipient(Check& c, const Restriction& r);

// dns_list.cc
Task<Verdict> reject_rbl_client(Check& c, const Restriction& r);
Task<Verdict> reject_rhsbl_client(Check& c, const Restriction& r);
Task<Verdict> reject_rhsbl_reverse_client(Check& c, const Restriction& r);
Task<Verdict> reject_rhsbl_helo(Check& c, const Restriction& r);
Task<Verdict> reject_rhsbl_sender(Check& c, const Restriction& r);
Task<Verdict> reject_rhsbl_recipient(Check& c, const Restriction& r);
Task<Verdict> permit_dnswl_client(Check& c, const Restriction& r);
Task<Verdict> permit_rhswl_client(Check& c, const Restriction& r);

// policy.cc
Task<Verdict> check_policy_service(Check& c, const Restriction& r);

}  // namespace dovetail::mta::smtpd
