// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/computed_defaults.h"

#include <unistd.h>

#include "common/base/text.h"
#include "conf/postfix/own_addresses.h"
#include "config.h"

namespace dovetail::conf {
namespace {

struct VendorDefault {
  std::string_view vendor;  // empty: all
  std::string_view name;
  std::string_view value;
};

// clang-format off
constexpr VendorDefault kVendorDefaults[] = {
    // The safe defaults of release 3.9: SMTP smuggling is refused without being asked.
    {"",       "smtpd_forbid_bare_newline",      "normalize"},
    {"",       "smtpd_forbid_unauth_pipelining", "yes"},
    {"",       "cleanup_replace_stray_cr_lf",    "yes"},
    // The build's own paths.
    {"",       "daemon_directory",               DOVETAIL_DAEMON_DIRECTORY},
    {"",       "command_directory",              DOVETAIL_COMMAND_DIRECTORY},
    // Debian's package.
    {"debian", "alias_maps",                     "hash:/etc/aliases, nis:mail.aliases"},
    {"debian", "html_directory",                 "/usr/share/doc/postfix/html"},
    {"debian", "manpage_directory",              "/usr/share/man"},
    {"debian", "readme_directory",               "/usr/share/doc/postfix"},
    {"debian", "shlib_directory",                "/usr/lib/postfix"},
    // Enterprise Linux.
    {"rocky",  "manpage_directory",              "/usr/share/man"},
    {"rocky",  "shlib_directory",                "/usr/lib64/postfix"},
    {"rocky",  "newaliases_path",                "/usr/bin/newaliases.postfix"},
    {"rocky",  "mailq_path",                     "/usr/bin/mailq.postfix"},
    {"rocky",  "sendmail_path",                  "/usr/sbin/sendmail.postfix"},
};
// clang-format on

// gethostname(); a name without a dot gets mydomain, if main.cf says so, or "localdomain".
std::string default_myhostname(const MainCf& cf) {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost.localdomain";
  std::string host = name;
  if (host.find('.') != std::string::npos) return host;
  std::string domain = cf.is_set("mydomain") ? cf.get("mydomain") : "localdomain";
  return host + "." + domain;
}

Result<std::optional<std::string>> default_mydomain(const MainCf& cf) {
  auto host = cf.value("myhostname");
  if (!host) return host.error();
  size_t dot = host->find('.');
  if (dot == std::string::npos) return std::optional<std::string>("localdomain");
  return std::optional<std::string>(host->substr(dot + 1));
}

Result<std::optional<std::string>> default_mynetworks(const MainCf& cf) {
  auto networks = own_networks(cf);
  if (!networks) return networks.error();
  return std::optional<std::string>(std::move(*networks));
}

}  // namespace

std::optional<std::string_view> vendor_default(std::string_view name) {
  for (const VendorDefault& row : kVendorDefaults) {
    if (row.name == name && (row.vendor.empty() || row.vendor == DOVETAIL_VENDOR)) return row.value;
  }
  return std::nullopt;
}

Result<std::optional<std::string>> computed_default(const MainCf& cf, std::string_view name) {
  using Text = std::optional<std::string>;
  if (name == "myhostname") return Text(default_myhostname(cf));
  if (name == "mydomain") return default_mydomain(cf);
  if (name == "mynetworks") return default_mynetworks(cf);
  if (name == "process_id") return Text(std::to_string(::getpid()));
  if (name == "process_name") return Text(cf.process_name());
  if (name == "service_name") return Text(cf.service_name());
  if (name == "mail_version") return Text(kFollowedRelease);
  if (name == "mail_release_date") return Text(kFollowedReleaseDate);
  return Text();
}

}  // namespace dovetail::conf
