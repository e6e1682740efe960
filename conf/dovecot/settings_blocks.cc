// Settings inside service, listener, passdb, userdb, namespace, mailbox, metric and event_exporter blocks (schema.h).
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/schema.h"

namespace dovetail::conf::dovecot {

namespace {

using T = Type;
using A = Act;

// clang-format off
constexpr SettingRow kServiceRows[] = {
    {"name",                                 T::text,         A::supported, "", "", 0, 0},
    {"protocol",                             T::text,         A::supported, "", "", 0, 0},
    {"type",                                 T::text,         A::supported, "", "", 0, 0},
    {"executable",                           T::text,         A::supported, "", "", 0, 0},
    {"user",                                 T::text,         A::supported, "", "", 0, 0},
    {"group",                                T::text,         A::supported, "", "", 0, 0},
    {"privileged_group",                     T::text,         A::supported, "", "", 0, 0},
    {"extra_groups",                         T::text,         A::supported, "", "", 0, 0},
    {"chroot",                               T::text,         A::supported, "", "", 0, 0},
    {"drop_priv_before_exec",                T::boolean,      A::ignore, "no", "", 0, 0},
    {"process_min_avail",                    T::number,       A::supported, "0", "", 0, 0},
    {"process_limit",                        T::number,       A::supported, "0", "", 0, 0},
    {"client_limit",                         T::number,       A::supported, "0", "", 0, 0},
    {"service_count",                        T::number,       A::supported, "0", "", 0, 0},
    {"idle_kill",                            T::time,         A::supported, "0", "", 0, 0},
    {"vsz_limit",                            T::size,         A::ignore, "18446744073709551615 B", "", 0, 0},
    {"unix_listener",                        T::named_list,   A::supported, "", "", 0, 0},
    {"fifo_listener",                        T::named_list,   A::supported, "", "", 0, 0},
    {"inet_listener",                        T::named_list,   A::supported, "", "", 0, 0},
};

constexpr SettingRow kUnixListenerRows[] = {
    {"path",                                 T::text,         A::supported, "", "", 0, 0},
    {"mode",                                 T::octal,        A::supported, "0600", "", 0, 0},
    {"user",                                 T::text,         A::supported, "", "", 0, 0},
    {"group",                                T::text,         A::supported, "", "", 0, 0},
};

constexpr SettingRow kInetListenerRows[] = {
    {"name",                                 T::text,         A::supported, "", "", 0, 0},
    {"address",                              T::text,         A::supported, "", "", 0, 0},
    {"port",                                 T::port,         A::supported, "0", "", 0, 0},
    {"ssl",                                  T::boolean,      A::supported, "no", "", 0, 0},
    {"reuse_port",                           T::boolean,      A::ignore, "no", "", 0, 0},
    {"haproxy",                              T::boolean,      A::fatal,     "no", "", 0, 0},
};

constexpr SettingRow kPassdbRows[] = {
    {"name",                                 T::text,         A::supported, "", "", 0, 0},
    {"driver",                               T::text,         A::supported, "", "", 0, 0},
    {"args",                                 T::text,         A::supported, "", "", 0, 0},
    {"default_fields",                       T::text,         A::supported, "", "", 0, 0},
    {"override_fields",                      T::text,         A::supported, "", "", 0, 0},
    {"mechanisms",                           T::text,         A::supported, "", "", 0, 0},
    {"username_filter",                      T::text,         A::supported, "", "", 0, 0},
    {"skip",                                 T::choice,       A::supported,
        "never", "never|authenticated|unauthenticated", 0, 0},
    {"result_success",                       T::choice,       A::supported,
        "return-ok", "return-ok|return|return-fail|continue|continue-ok|continue-fail", 0, 0},
    {"result_failure",                       T::choice,       A::supported,
        "continue", "continue|return|return-ok|return-fail|continue-ok|continue-fail", 0, 0},
    {"result_internalfail",                  T::choice,       A::supported,
        "continue", "continue|return|return-ok|return-fail|continue-ok|continue-fail", 0, 0},
    {"deny",                                 T::boolean,      A::supported, "no", "", 0, 0},
    {"pass",                                 T::boolean,      A::supported, "no", "", 0, 0},
    {"master",                               T::boolean,      A::supported, "no", "", 0, 0},
    {"auth_verbose",                         T::choice,       A::supported, "default", "default|yes|no", 0, 0},
};

constexpr SettingRow kUserdbRows[] = {
    {"name",                                 T::text,         A::supported, "", "", 0, 0},
    {"driver",                               T::text,         A::supported, "", "", 0, 0},
    {"args",                                 T::text,         A::supported, "", "", 0, 0},
    {"default_fields",                       T::text,         A::supported, "", "", 0, 0},
    {"override_fields",                      T::text,         A::supported, "", "", 0, 0},
    {"skip",                                 T::choice,       A::supported, "never", "never|found|notfound", 0, 0},
    {"result_success",                       T::choice,       A::supported,
        "return-ok", "return-ok|return|return-fail|continue|continue-ok|continue-fail", 0, 0},
    {"result_failure",                       T::choice,       A::supported,
        "continue", "continue|return|return-ok|return-fail|continue-ok|continue-fail", 0, 0},
    {"result_internalfail",                  T::choice,       A::supported,
        "continue", "continue|return|return-ok|return-fail|continue-ok|continue-fail", 0, 0},
    {"auth_verbose",                         T::choice,       A::supported, "default", "default|yes|no", 0, 0},
};

constexpr SettingRow kNamespaceRows[] = {
    {"name",                                 T::text,         A::supported, "", "", 0, 0},
    {"type",                                 T::choice,       A::supported,
        "private", "private|shared|public", 0, 0},
    {"separator",                            T::text,         A::supported, "", "", 0, 0},
    {"prefix",                               T::vars,         A::supported, "", "", 0, 0},
    {"location",                             T::vars,         A::supported, "", "", 0, 0},
    {"mail",                                 T::alias,        A::supported, "", "", 0, 0},
    {"mail_location",                        T::alias,        A::supported, "", "", 0, 0},
    {"alias_for",                            T::vars,         A::ignore,    "", "", 0, kUnset},
    {"inbox",                                T::boolean,      A::supported, "no", "", 0, 0},
    {"hidden",                               T::boolean,      A::supported, "no", "", 0, 0},
    {"list",                                 T::choice,       A::supported, "yes", "yes|no|children", 0, 0},
    {"subscriptions",                        T::boolean,      A::supported, "yes", "", 0, 0},
    {"ignore_on_failure",                    T::boolean,      A::ignore, "no", "", 0, 0},
    {"disabled",                             T::boolean,      A::supported, "no", "", 0, 0},
    {"order",                                T::number,       A::supported, "0", "", 0, 0},
    {"mailbox",                              T::named_list,   A::supported, "", "", 0, 0},
};

constexpr SettingRow kMailboxRows[] = {
    {"name",                                 T::text,         A::supported, "", "", 0, 0},
    {"auto",                                 T::choice,       A::supported, "no", "no|create|subscribe", 0, 0},
    {"special_use",                          T::text,         A::supported, "", "", 0, 0},
    {"driver",                               T::text,         A::supported, "", "", 0, 0},
    {"comment",                              T::text,         A::ignore, "", "", 0, 0},
    {"autoexpunge",                          T::time,         A::ignore, "0", "", 0, 0},
    {"autoexpunge_max_mails",                T::number,       A::ignore, "0", "", 0, 0},
};

constexpr SettingRow kMetricRows[] = {
    {"metric_name",                          T::text,         A::ignore,    "", "", 0, 0},
    {"fields",                               T::text,         A::ignore,    "", "", 0, 0},
    {"group_by",                             T::text,         A::ignore,    "", "", 0, 0},
    {"filter",                               T::text,         A::ignore,    "", "", 0, 0},
    {"exporter",                             T::text,         A::ignore,    "", "", 0, 0},
    {"exporter_include",                     T::text,         A::ignore,
        "name hostname timestamps categories fields", "", 0, 0},
    {"description",                          T::text,         A::ignore,    "", "", 0, 0},
};

constexpr SettingRow kExporterRows[] = {
    {"name",                                 T::text,         A::ignore,    "", "", 0, 0},
    {"transport",                            T::text,         A::ignore,    "", "", 0, 0},
    {"transport_args",                       T::text,         A::ignore,    "", "", 0, 0},
    {"transport_timeout",                    T::time_ms,      A::ignore,    "250 ms", "", 0, 0},
    {"format",                               T::text,         A::ignore,    "", "", 0, 0},
    {"format_args",                          T::text,         A::ignore,    "", "", 0, 0},
};
// clang-format on

}  // namespace

std::span<const SettingRow> block_rows(std::string_view block) {
  if (block == "service") return kServiceRows;
  if (block == "unix_listener" || block == "fifo_listener") return kUnixListenerRows;
  if (block == "inet_listener") return kInetListenerRows;
  if (block == "passdb") return kPassdbRows;
  if (block == "userdb") return kUserdbRows;
  if (block == "namespace") return kNamespaceRows;
  if (block == "mailbox") return kMailboxRows;
  if (block == "metric") return kMetricRows;
  if (block == "event_exporter") return kExporterRows;
  return {};
}

}  // namespace dovetail::conf::dovecot
