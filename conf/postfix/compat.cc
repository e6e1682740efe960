// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/compat.h"

#include "conf/units.h"

namespace dovetail::conf {
namespace {

struct LevelRow {
  std::string_view name;
  CompatLevel level;  // from which on the new default holds
};

// clang-format off
constexpr LevelRow kLevels[] = {
    {"append_dot_mydomain",                       {1, 0, 0}},
    {"chroot",                                    {1, 0, 0}},
    {"smtputf8_enable",                           {1, 0, 0}},
    {"smtpd_relay_restrictions",                  {1, 0, 0}},
    {"mynetworks_style",                          {2, 0, 0}},
    {"relay_domains",                             {2, 0, 0}},
    {"smtpd_tls_fingerprint_digest",              {3, 6, 0}},
    {"smtp_tls_fingerprint_digest",               {3, 6, 0}},
    {"lmtp_tls_fingerprint_digest",               {3, 6, 0}},
    {"smtpd_relay_before_recipient_restrictions", {3, 6, 0}},
    {"respectful_logging",                        {3, 6, 0}},
};
// clang-format on

}  // namespace

bool uses_old_default(const MainCf& cf, std::string_view name) {
  if (cf.is_set(name)) return false;
  auto level = parse_compat_level(cf.get("compatibility_level"));
  for (const LevelRow& row : kLevels) {
    if (row.name == name) return level && *level < row.level;
  }
  return false;
}

}  // namespace dovetail::conf
