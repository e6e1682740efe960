// nis:mail.aliases and its like. No NIS client is linked: where the host is in no NIS domain, which is nearly everywhere, these
// tables are empty with a warning, as the incumbent's are (Debian's default of alias_maps names one). Elsewhere they cannot be
// opened. Manual: DATABASE_README.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>

#include "lookup/types.h"

namespace dovetail::lookup {

Opened open_nis(const OpenContext& context, std::string_view type, const std::string& name) {
  std::array<char, 256> domain{};
  bool known = ::getdomainname(domain.data(), domain.size() - 1) == 0;
  std::string_view member(domain.data());
  if (!known || (!member.empty() && member != "(none)"))
    return config_error(format("{}:{}: this host is in NIS domain \"{}\", and NIS is not supported",
                               type, name, member));
  context.options.log.warning("dict_nis_init: NIS domain name not set - NIS lookups disabled");
  return open_internal(context, type, name);
}

}  // namespace dovetail::lookup
