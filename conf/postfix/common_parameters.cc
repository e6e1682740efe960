// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/common_parameters.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>

#include "common/base/text.h"
#include "conf/bind.h"
#include "conf/postfix/own_addresses.h"
#include "conf/units.h"

namespace dovetail::conf {
namespace {

Result<void> check_own_name(const MainCf& cf, std::string_view name) {
  auto host = read_string(cf, name);
  if (!host) return host.error();
  auto valid = check_hostname(*host);
  if (valid) return {};
  cf.warn("valid_hostname: " + valid.error().text);
  return config_error(
      format("file {}: parameter {}: bad parameter value: {}", cf.file(), name, *host));
}

Result<void> check_compat_level(const MainCf& cf) {
  auto level = cf.value("compatibility_level");
  if (!level) return level.error();
  if (parse_compat_level(*level)) return {};
  return config_error(format("malformed compatibility level syntax: \"{}\"", *level));
}

// Programs that speak TLS read the rows of the TLS library ("tls") besides their own.
constexpr std::string_view kTlsPrograms[] = {"smtp", "lmtp", "smtpd"};

// smtp and lmtp are one program: rows that name both are read by the one whose prefix they carry.
bool is_of_the_twin(std::string_view program, std::string_view name) {
  return (program == "smtp" && name.starts_with("lmtp_")) ||
         (program == "lmtp" && name.starts_with("smtp_"));
}

template <class T>
Result<void> forget(Result<T> result) {
  if (!result) return result.error();
  return {};
}

Result<void> check_parameter(const MainCf& cf, const Parameter& row) {
  switch (row.type) {
    case Type::boolean:
    case Type::nboolean:
      return forget(read_bool(cf, row.name));
    case Type::integer:
      if (row.name == "compatibility_level") return {};
      [[fallthrough]];
    case Type::nint:
    case Type::long_integer:
      return forget(read_long(cf, row.name));
    case Type::time:
      return forget(read_time(cf, row.name));
    case Type::str:
      return forget(read_string(cf, row.name));
    case Type::raw:
    case Type::read_only:
      return {};
  }
  return {};
}

}  // namespace

Result<void> check_log_file(const MainCf& cf) {
  auto file = cf.get("maillog_file"), prefixes = cf.get("maillog_file_prefixes");
  if (file.empty()) return {};
  for (auto prefix : base::words(prefixes, ", \t\r\n")) {
    if (file.starts_with(prefix)) return {};
  }
  return config_error(
      format("maillog_file value '{}' does not match any prefix in maillog_file_prefixes", file));
}

Result<void> check_owner(const MainCf& cf) {
  auto wrong = [&](std::string_view name, std::string_view reason) {
    return config_error(format("file {}: parameter {}: {}", cf.file(), name, reason));
  };
  auto owner = cf.get("mail_owner"), setgid_group = cf.get("setgid_group");
  const passwd* user = getpwnam(owner.c_str());
  if (!user) return wrong("mail_owner", "unknown user name value: " + owner);
  if (user->pw_uid == 0)
    return wrong("mail_owner", format("user {} has privileged user ID", owner));
  if (!getgrnam(setgid_group.c_str()))
    return wrong("setgid_group", "unknown group name: " + setgid_group);
  return {};
}

bool program_reads(std::string_view program, const Parameter& row) {
  if (is_of_the_twin(program, row.name)) return false;
  if (row.programs.starts_with("ALL")) return true;
  auto lists = [readers = base::words(row.programs)](std::string_view name) {
    return std::find(readers.begin(), readers.end(), name) != readers.end();
  };
  if (lists(program)) return true;
  bool speaks_tls = std::find(std::begin(kTlsPrograms), std::end(kTlsPrograms), program) !=
                    std::end(kTlsPrograms);
  return speaks_tls && lists("tls");
}

Result<void> check_common_parameters(const MainCf& cf) {
  for (auto name : {"myhostname", "mydomain"}) {
    if (auto valid = check_own_name(cf, name); !valid) return valid;
  }
  if (auto valid = check_compat_level(cf); !valid) return valid;
  for (const Parameter& row : parameters()) {
    bool shared = row.programs.starts_with("ALL") && row.status != Status::removed &&
                  row.name != "mynetworks";
    if (!shared) continue;
    if (auto valid = check_parameter(cf, row); !valid) return valid;
  }
  if (auto valid = inet_protocols(cf); !valid) return valid.error();
  if (auto valid = check_log_file(cf); !valid) return valid;
  return forget(read_string(cf, "mynetworks"));
}

std::vector<std::string> unsupported_parameters(const MainCf& cf, Unsupported action,
                                                std::string_view program) {
  std::vector<std::string> names;
  for (const auto& [name, value] : cf.entries()) {
    const Parameter* row = find_parameter(name);
    if (!row || row->unsupported != action) continue;
    if (!program.empty() && !program_reads(program, *row)) continue;
    auto otherwise = cf.default_value(name);
    bool differs = !otherwise || !*otherwise || **otherwise != value;
    if (differs) names.push_back(name);
  }
  return names;
}

std::vector<std::string> parameters_that_hold_mail(const MainCf& cf, std::string_view program,
                                                   const Logger& log) {
  auto names = unsupported_parameters(cf, Unsupported::defer, program);
  for (auto& name : names) log.warning("{} is not supported yet: mail is deferred", name);
  return names;
}

}  // namespace dovetail::conf
