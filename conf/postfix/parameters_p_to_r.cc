// The parameter table, part p_to_r: names from p to r (postscreen_). What the columns mean stands in parameters.h.
// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/parameter_rows.h"

namespace dovetail::conf::rows {
namespace {

// clang-format off
constexpr Parameter rows_p_to_r[] = {
    // name, type, kind, default, unsupported, programs, unit, min, max, values, status
    {"parent_domain_matches_subdomains",                str,          match_list,
     "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps",
     supported, "ALL"},
    {"permit_mx_backup_networks",                       str,          match_list, "", supported, "smtpd"},
    {"pickup_service_name",                             str,          plain, "pickup", supported, "ALL", ' ', 1},
    {"pipe_delivery_status_filter",                     str,          maps, "$default_delivery_status_filter",
     supported, "pipe"},
    {"plaintext_reject_code",                           integer,      plain, "450", supported, "smtpd", ' ', 0},
    {"postlog_service_name",                            str,          plain, "postlog", supported, "ALL", ' ', 1},
    {"postlogd_watchdog_timeout",                       time,         plain, "10s", ignore, "postlogd", 's', 10},
    {"postmulti_control_commands",                      str,          plain, "reload flush", ignore, "postmulti"},
    {"postmulti_start_commands",                        str,          plain, "start", ignore, "postmulti"},
    {"postmulti_stop_commands",                         str,          plain, "stop abort drain quick-stop",
     ignore, "postmulti"},
    {"postscreen_access_list",                          str,          maps, "permit_mynetworks", defer, "postscreen"},
    {"postscreen_allowlist_interfaces",                 str,          maps,
     "${postscreen_whitelist_interfaces?{$postscreen_whitelist_interfaces}:{static:all}}", defer, "postscreen"},
    {"postscreen_bare_newline_action",                  str,          enumeration, "ignore",
     defer, "postscreen", ' ', 1, any, "ignore enforce drop"},
    {"postscreen_bare_newline_enable",                  boolean,      plain, "no", defer, "postscreen"},
    {"postscreen_bare_newline_ttl",                     time,         plain, "30d", ignore, "postscreen", 'd', 1},
    {"postscreen_blacklist_action",                     str,          enumeration, "",
     defer, "postscreen", ' ', any, any, "ignore enforce drop", legacy_alias},
    {"postscreen_cache_cleanup_interval",               time,         plain, "12h", ignore, "postscreen", 'h', 0},
    {"postscreen_cache_map",                            str,          maps, "btree:$data_directory/postscreen_cache",
     defer, "postscreen proxymap"},
    {"postscreen_cache_retention_time",                 time,         plain, "7d", ignore, "postscreen", 'd', 1},
    {"postscreen_client_connection_count_limit",        nint,         plain, "$smtpd_client_connection_count_limit",
     defer, "postscreen", ' ', 0},
    {"postscreen_command_count_limit",                  integer,      plain, "20", defer, "postscreen", ' ', 1},
    {"postscreen_command_filter",                       str,          maps, "", defer, "postscreen"},
    {"postscreen_command_time_limit",                   time,         plain, "${stress?{10}:{300}}s",
     ignore, "postscreen", 's', 1},
    {"postscreen_denylist_action",                      str,          enumeration,
     "${postscreen_blacklist_action?{$postscreen_blacklist_action}:{ignore}}",
     defer, "postscreen", ' ', 1, any, "ignore enforce drop"},
    {"postscreen_disable_vrfy_command",                 nboolean,     plain, "$disable_vrfy_command",
     defer, "postscreen"},
    {"postscreen_discard_ehlo_keyword_address_maps",    str,          maps, "$smtpd_discard_ehlo_keyword_address_maps",
     defer, "postscreen"},
    {"postscreen_discard_ehlo_keywords",                str,          enumeration, "$smtpd_discard_ehlo_keywords",
     defer, "postscreen", ' ', any, any, "list of EHLO keywords, lower/upper case; silent-discard"},
    {"postscreen_dnsbl_action",                         str,          enumeration, "ignore",
     defer, "postscreen", ' ', 1, any, "ignore enforce drop"},
    {"postscreen_dnsbl_allowlist_threshold",            nint,         plain,
     "${postscreen_dnsbl_whitelist_threshold?{$postscreen_dnsbl_whitelist_threshold}:{0}}",
     defer, "postscreen", ' ', 0},
    {"postscreen_dnsbl_max_ttl",                        time,         plain,
     "${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h", ignore, "postscreen", 'h', 1},
    {"postscreen_dnsbl_min_ttl",                        time,         plain, "60s", ignore, "postscreen", 's', 1},
    {"postscreen_dnsbl_reply_map",                      str,          plain, "", defer, "postscreen"},
    {"postscreen_dnsbl_sites",                          str,          plain, "", defer, "postscreen"},
    {"postscreen_dnsbl_threshold",                      integer,      plain, "1", defer, "postscreen", ' ', 1},
    {"postscreen_dnsbl_timeout",                        time,         plain, "10s", ignore, "postscreen", 's', 1},
    {"postscreen_dnsbl_ttl",                            str,          plain, "",
     ignore, "", ' ', any, any, "", removed},
    {"postscreen_dnsbl_whitelist_threshold",            integer,      plain, "",
     defer, "postscreen", ' ', 0, any, "", legacy_alias},
    {"postscreen_enforce_tls",                          nboolean,     plain, "$smtpd_enforce_tls",
     defer, "postscreen", ' ', any, any, "", obsolete},
    {"postscreen_expansion_filter",                     raw,          plain, "$smtpd_expansion_filter",
     defer, "postscreen", ' ', 1},
    {"postscreen_forbidden_commands",                   str,          plain, "$smtpd_forbidden_commands",
     defer, "postscreen"},
    {"postscreen_greet_action",                         str,          enumeration, "ignore",
     defer, "postscreen", ' ', 1, any, "ignore enforce drop"},
    {"postscreen_greet_banner",                         str,          plain, "$smtpd_banner", defer, "postscreen"},
    {"postscreen_greet_ttl",                            time,         plain, "1d", ignore, "postscreen", 'd', 1},
    {"postscreen_greet_wait",                           time,         plain, "${stress?{2}:{6}}s",
     ignore, "postscreen", 's', 1},
    {"postscreen_helo_required",                        nboolean,     plain, "$smtpd_helo_required",
     defer, "postscreen"},
    {"postscreen_non_smtp_command_action",              str,          enumeration, "drop",
     defer, "postscreen", ' ', 1, any, "ignore enforce drop"},
    {"postscreen_non_smtp_command_enable",              boolean,      plain, "no", defer, "postscreen"},
    {"postscreen_non_smtp_command_ttl",                 time,         plain, "30d", ignore, "postscreen", 'd', 1},
    {"postscreen_pipelining_action",                    str,          enumeration, "enforce",
     defer, "postscreen", ' ', 1, any, "ignore enforce drop"},
    {"postscreen_pipelining_enable",                    boolean,      plain, "no", defer, "postscreen"},
    {"postscreen_pipelining_ttl",                       time,         plain, "30d", ignore, "postscreen", 'd', 1},
    {"postscreen_post_queue_limit",                     nint,         plain, "$default_process_limit",
     defer, "postscreen", ' ', 5},
    {"postscreen_pre_queue_limit",                      nint,         plain, "$default_process_limit",
     defer, "postscreen", ' ', 10},
    {"postscreen_reject_footer",                        raw,          plain, "$smtpd_reject_footer",
     defer, "postscreen"},
    {"postscreen_reject_footer_maps",                   str,          maps, "$smtpd_reject_footer_maps",
     defer, "postscreen"},
    {"postscreen_tls_security_level",                   str,          enumeration, "$smtpd_tls_security_level",
     defer, "postscreen", ' ', any, any, "(empty) none may encrypt"},
    {"postscreen_upstream_proxy_protocol",              str,          enumeration, "",
     defer, "postscreen", ' ', any, any, "(empty) haproxy"},
    {"postscreen_upstream_proxy_timeout",               time,         plain, "5s", ignore, "postscreen", 's', 1},
    {"postscreen_use_tls",                              nboolean,     plain, "$smtpd_use_tls",
     defer, "postscreen", ' ', any, any, "", obsolete},
    {"postscreen_watchdog_timeout",                     time,         plain, "10s", ignore, "postscreen", 's', 10},
    {"postscreen_whitelist_interfaces",                 str,          maps, "",
     defer, "postscreen", ' ', any, any, "", legacy_alias},
    {"prepend_delivered_header",                        str,          plain, "command, file, forward", supported, "local"},
    {"process_id",                                      read_only,    plain, "", supported, "ALL"},
    {"process_id_directory",                            str,          plain, "pid", ignore, "ALL", ' ', 1},
    {"process_name",                                    read_only,    plain, "", supported, "ALL"},
    {"propagate_unmatched_extensions",                  str,          enumeration, "canonical, virtual",
     supported, "cleanup lmtp local smtp", ' ', any, any, "list of canonical virtual alias forward include generic"},
    {"proxy_interfaces",                                str,          plain, "", supported, "ALL"},
    {"proxy_read_maps",                                 str,          maps,
     "$local_recipient_maps $mydestination $virtual_alias_maps $virtual_alias_domains "
     "$virtual_mailbox_maps $virtual_mailbox_domains $relay_recipient_maps $relay_domains "
     "$canonical_maps $sender_canonical_maps $recipient_canonical_maps $relocated_maps "
     "$transport_maps $mynetworks $smtpd_sender_login_maps $sender_bcc_maps $recipient_bcc_maps "
     "$smtp_generic_maps $lmtp_generic_maps $alias_maps $smtpd_client_restrictions "
     "$smtpd_helo_restrictions $smtpd_sender_restrictions $smtpd_relay_restrictions "
     "$smtpd_recipient_restrictions $address_verify_sender_dependent_default_transport_maps "
     "$address_verify_sender_dependent_relayhost_maps $address_verify_transport_maps "
     "$fallback_transport_maps $lmtp_discard_lhlo_keyword_address_maps $lmtp_pix_workaround_maps "
     "$lmtp_sasl_password_maps $lmtp_tls_policy_maps $mailbox_command_maps $mailbox_transport_maps "
     "$postscreen_discard_ehlo_keyword_address_maps $rbl_reply_maps "
     "$sender_dependent_default_transport_maps $sender_dependent_relayhost_maps "
     "$smtp_discard_ehlo_keyword_address_maps $smtp_pix_workaround_maps $smtp_sasl_password_maps "
     "$smtp_tls_policy_maps $smtpd_discard_ehlo_keyword_address_maps $smtpd_milter_maps "
     "$virtual_gid_maps $virtual_uid_maps $local_login_sender_maps $postscreen_reject_footer_maps "
     "$smtpd_reject_footer_maps $tls_server_sni_maps $tlsproxy_client_policy_maps "
     "$default_delivery_status_filter $lmtp_delivery_status_filter $lmtp_dns_reply_filter "
     "$lmtp_reply_filter $local_delivery_status_filter $pipe_delivery_status_filter "
     "$postscreen_command_filter $smtp_delivery_status_filter $smtp_dns_reply_filter "
     "$smtp_reply_filter $smtpd_command_filter $smtpd_dns_reply_filter "
     "$virtual_delivery_status_filter $body_checks $header_checks $lmtp_body_checks "
     "$lmtp_header_checks $lmtp_mime_header_checks $lmtp_nested_header_checks $milter_header_checks "
     "$mime_header_checks $nested_header_checks $smtp_body_checks $smtp_header_checks "
     "$smtp_mime_header_checks $smtp_nested_header_checks", supported, "proxymap"},
    {"proxy_write_maps",                                str,          maps,
     "$smtp_sasl_auth_cache_name $lmtp_sasl_auth_cache_name $address_verify_map $postscreen_cache_map",
     supported, "proxymap"},
    {"proxymap_service_name",                           str,          plain, "proxymap", supported, "ALL", ' ', 1},
    {"proxywrite_service_name",                         str,          plain, "proxywrite", supported, "ALL", ' ', 1},
    {"qmgr_clog_warn_time",                             time,         plain, "300s", ignore, "oqmgr qmgr", 's', 0},
    {"qmgr_daemon_timeout",                             time,         plain, "1000s", ignore, "oqmgr qmgr", 's', 1},
    {"qmgr_fudge_factor",                               integer,      plain, "100",
     ignore, "oqmgr", ' ', 10, 100, "", obsolete},
    {"qmgr_ipc_timeout",                                time,         plain, "60s", ignore, "oqmgr qmgr", 's', 1},
    {"qmgr_message_active_limit",                       integer,      plain, "20000", supported, "oqmgr qmgr", ' ', 1},
    {"qmgr_message_recipient_limit",                    integer,      plain, "20000", supported, "oqmgr qmgr", ' ', 1},
    {"qmgr_message_recipient_minimum",                  integer,      plain, "10", ignore, "qmgr", ' ', 1},
    {"qmqpd_authorized_clients",                        str,          match_list, "", defer, "qmqpd"},
    {"qmqpd_client_port_logging",                       boolean,      plain, "no", ignore, "qmqpd"},
    {"qmqpd_error_delay",                               time,         plain, "1s", ignore, "qmqpd", 's', 0},
    {"qmqpd_timeout",                                   time,         plain, "300s", ignore, "qmqpd", 's', 1},
    {"queue_directory",                                 str,          plain, "/var/spool/postfix",
     supported, "ALL", ' ', 1},
    {"queue_file_attribute_count_limit",                integer,      plain, "100", defer, "cleanup", ' ', 1},
    {"queue_minfree",                                   long_integer, plain, "0", supported, "smtpd", ' ', 0},
    {"queue_run_delay",                                 time,         plain, "300s",
     supported, "lmtp oqmgr qmgr smtp", 's', 1},
    {"queue_service_name",                              str,          plain, "qmgr", supported, "ALL", ' ', 1},
    {"rbl_reply_maps",                                  str,          maps, "", supported, "smtpd"},
    {"readme_directory",                                str,          plain, "no", supported, "postfix", ' ', 1},
    {"receive_override_options",                        str,          plain, "", supported, "pickup qmqpd smtpd"},
    {"recipient_bcc_maps",                              str,          maps, "", supported, "cleanup"},
    {"recipient_canonical_classes",                     str,          enumeration,
     "envelope_recipient, header_recipient",
     supported, "cleanup", ' ', 1, any, "list of envelope_recipient header_recipient"},
    {"recipient_canonical_maps",                        str,          maps, "", supported, "cleanup proxymap smtpd"},
    {"recipient_delimiter",                             str,          plain, "", supported, "ALL"},
    {"reject_code",                                     integer,      plain, "554", supported, "smtpd", ' ', 0},
    {"reject_tempfail_action",                          str,          enumeration, "defer_if_permit",
     ignore, "smtpd", ' ', 1, any, "defer_if_permit defer"},
    {"relay_clientcerts",                               str,          maps, "", supported, "smtpd"},
    {"relay_domains",                                   str,          match_list,
     "${{$compatibility_level} <level {2} ? {$mydestination} : {}}", supported, "ALL proxymap"},
    {"relay_domains_reject_code",                       integer,      plain, "554", supported, "smtpd", ' ', 0},
    {"relay_recipient_maps",                            str,          maps, "", supported, "proxymap smtpd"},
    {"relay_transport",                                 str,          plain, "relay",
     supported, "trivial-rewrite", ' ', 1},
    {"relayhost",                                       str,          plain, "", supported, "ALL"},
    {"relocated_maps",                                  str,          maps, "", supported, "proxymap trivial-rewrite"},
    {"remote_header_rewrite_domain",                    str,          plain, "", supported, "cleanup trivial-rewrite"},
    {"require_home_directory",                          boolean,      plain, "no", supported, "local"},
    {"reset_owner_alias",                               boolean,      plain, "no", supported, "local"},
    {"resolve_dequoted_address",                        boolean,      plain, "yes", supported, "trivial-rewrite"},
    {"resolve_null_domain",                             boolean,      plain, "no", supported, "trivial-rewrite"},
    {"resolve_numeric_domain",                          boolean,      plain, "no", supported, "trivial-rewrite"},
    {"respectful_logging",                              nboolean,     plain,
     "${{$compatibility_level} <level {3.6} ? {no} : {yes}}", ignore, "ALL"},
    {"rewrite_service_name",                            str,          plain, "rewrite", supported, "ALL", ' ', 1},
};
// clang-format on

}  // namespace

std::span<const Parameter> part_p_to_r() { return rows_p_to_r; }

}  // namespace dovetail::conf::rows
