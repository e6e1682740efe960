// SPDX-License-Identifier: Apache-2.0
#include "mta/local/parameters.h"

#include <algorithm>

#include "conf/bind.h"

namespace dovetail::mta {

namespace {

using L = LocalParameters;
// clang-format off
constexpr conf::Bind<L> kLocalBindings[] = {
    {"myhostname",                       &L::myhostname},
    {"myorigin",                         &L::myorigin},
    {"mail_name",                        &L::mail_name},
    {"recipient_delimiter",              &L::recipient_delimiter},
    {"default_privs",                    &L::default_privs},
    {"cleanup_service_name",             &L::cleanup_service_name},
    {"rewrite_service_name",             &L::rewrite_service_name},
    {"alias_maps",                       &L::alias_maps},
    {"mailbox_transport_maps",           &L::mailbox_transport_maps},
    {"mailbox_transport",                &L::mailbox_transport},
    {"fallback_transport_maps",          &L::fallback_transport_maps},
    {"fallback_transport",               &L::fallback_transport},
    {"luser_relay",                      &L::luser_relay},
    {"mailbox_command",                  &L::mailbox_command},
    {"mailbox_command_maps",             &L::mailbox_command_maps},
    {"home_mailbox",                     &L::home_mailbox},
    {"mail_spool_directory",             &L::mail_spool_directory},
    {"forward_path",                     &L::forward_path},
    {"local_command_shell",              &L::local_command_shell},
    {"command_expansion_filter",         &L::command_expansion_filter},
    {"forward_expansion_filter",         &L::forward_expansion_filter},
    {"command_execution_directory",      &L::command_execution_directory},
    {"execution_directory_expansion_filter", &L::execution_directory_expansion_filter},
    {"allow_mail_to_commands",           &L::allow_mail_to_commands},
    {"allow_mail_to_files",              &L::allow_mail_to_files},
    {"prepend_delivered_header",         &L::prepend_delivered_header},
    {"propagate_unmatched_extensions",   &L::propagate_unmatched_extensions},
    {"mailbox_size_limit",               &L::mailbox_size_limit},
    {"message_size_limit",               &L::message_size_limit},
    {"command_time_limit",               &L::command_time_limit},
    {"expand_owner_alias",               &L::expand_owner_alias},
    {"reset_owner_alias",                &L::reset_owner_alias},
    {"require_home_directory",           &L::require_home_directory},
    {"owner_request_special",            &L::owner_request_special},
};
// clang-format on

}  // namespace

Result<LocalParameters> read_local_parameters(const conf::MainCf& cf) {
  auto read = conf::read(cf, kLocalBindings);
  if (!read) return read;
  auto& p = *read;
  if (p.mailbox_size_limit > 0 &&
      (p.message_size_limit == 0 || p.mailbox_size_limit < p.message_size_limit)) {
    return config_error(
        "main.cf configuration error: mailbox_size_limit is smaller than message_size_limit");
  }
  return read;
}

bool has_word(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace dovetail::mta
