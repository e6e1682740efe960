// The parameter table, part s: names that begin with s, but not with smtp. What the columns mean stands in parameters.h.
// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/parameter_rows.h"

namespace dovetail::conf::rows {
namespace {

// clang-format off
constexpr Parameter rows_s[] = {
    // name, type, kind, default, unsupported, programs, unit, min, max, values, status
    {"sample_directory",                                str,          plain, "/etc/postfix",
     supported, "postfix", ' ', 1},
    {"send_cyrus_sasl_authzid",                         boolean,      plain, "no", defer, "ALL"},
    {"sender_based_routing",                            str,          plain, "",
     ignore, "", ' ', any, any, "", removed},
    {"sender_bcc_maps",                                 str,          maps, "", supported, "cleanup"},
    {"sender_canonical_classes",                        str,          enumeration, "envelope_sender, header_sender",
     supported, "cleanup", ' ', 1, any, "list of envelope_sender header_sender"},
    {"sender_canonical_maps",                           str,          maps, "", supported, "cleanup proxymap smtpd"},
    {"sender_dependent_default_transport_maps",         str,          maps, "", supported, "trivial-rewrite"},
    {"sender_dependent_relayhost_maps",                 str,          maps, "", supported, "trivial-rewrite"},
    {"sendmail_fix_line_endings",                       str,          plain, "always", supported, "sendmail", ' ', 1},
    {"sendmail_path",                                   str,          plain, "/usr/sbin/sendmail",
     supported, "postfix", ' ', 1},
    {"service_name",                                    read_only,    plain, "", supported, "ALL"},
    {"service_throttle_time",                           time,         plain, "60s", supported, "ALL-DAEMONS", 's', 1},
    {"setgid_group",                                    str,          plain, "postdrop", supported, "ALL", ' ', 1},
    {"shlib_directory",                                 str,          plain, "no", supported, "ALL", ' ', 1},
    {"show_user_unknown_table_name",                    boolean,      plain, "yes", supported, "smtpd trivial-rewrite"},
    {"showq_service_name",                              str,          plain, "showq", supported, "ALL", ' ', 1},
    {"socketmap_max_reply_size",                        integer,      plain, "100000",
     supported, "ALL", ' ', 1, any, "", newer},
    {"soft_bounce",                                     boolean,      plain, "no", supported, "ALL"},
    {"stale_lock_time",                                 time,         plain, "500s", supported, "ALL", 's', 1},
    {"stress",                                          str,          plain, "", supported, "smtpd"},
    {"strict_7bit_headers",                             boolean,      plain, "no", supported, "ALL"},
    {"strict_8bitmime",                                 boolean,      plain, "no", supported, "ALL"},
    {"strict_8bitmime_body",                            boolean,      plain, "no", supported, "ALL"},
    {"strict_mailbox_ownership",                        boolean,      plain, "yes", supported, "local virtual"},
    {"strict_mime_encoding_domain",                     boolean,      plain, "no", supported, "ALL"},
    {"strict_rfc821_envelopes",                         boolean,      plain, "no", supported, "smtpd"},
    {"strict_smtputf8",                                 boolean,      plain, "no", supported, "ALL"},
    {"sun_mailtool_compatibility",                      boolean,      plain, "no",
     ignore, "local", ' ', any, any, "", obsolete},
    {"swap_bangpath",                                   boolean,      plain, "yes", supported, "trivial-rewrite"},
    {"syslog_facility",                                 str,          plain, "mail", supported, "ALL", ' ', 1},
    {"syslog_name",                                     str,          plain,
     "${multi_instance_name?{$multi_instance_name}:{postfix}}", supported, "ALL", ' ', 1},
};
// clang-format on

}  // namespace

std::span<const Parameter> part_s() {
  return rows_s;
}

}  // namespace dovetail::conf::rows
