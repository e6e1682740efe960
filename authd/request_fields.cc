// What the names in a passdb's or userdb's row mean.
// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <pwd.h>

#include <algorithm>

#include "authd/request.h"
#include "common/base/text.h"
#include "common/net/address.h"

namespace dovetail::authd {

namespace {

// Told to nobody outside: they steer auth itself.
constexpr std::string_view hidden_fields[] = {
    "allow_nets",     "allow_real_nets", "k5principals",
    "nodelay",        "nopassword",      "noauthenticate",
    "cert_loginname", "check_client_fp", "check_client_cert_fp"};
// A value makes no difference to these.
constexpr std::string_view flag_fields[] = {"nologin",    "proxy",          "nodelay",
                                            "nopassword", "noauthenticate", "anonymous"};

template <size_t N>
bool in_list(const std::string_view (&list)[N], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

void rename_user(Request& request, std::string_view name, std::string_view value) {
  auto [local, domain] = base::cut(request.user.value_or(""), '@');
  std::string renamed(value);
  if (name == "username") renamed = domain ? format("{}@{}", value, *domain) : std::string(value);
  if (name == "domain") renamed = format("{}@{}", local, value);
  request.user = std::move(renamed);
}

// A number, or a name of the system's. Names come from the administrator's files, not from clients, and few of them.
std::optional<unsigned long> user_number(const std::string& text) {
  if (auto number = base::parse_number<unsigned long>(text)) return number;
  const passwd* entry = getpwnam(text.c_str());
  return entry ? std::optional<unsigned long>(entry->pw_uid) : std::nullopt;
}

std::optional<unsigned long> group_number(const std::string& text) {
  if (auto number = base::parse_number<unsigned long>(text)) return number;
  const group* entry = getgrnam(text.c_str());
  return entry ? std::optional<unsigned long>(entry->gr_gid) : std::nullopt;
}

}  // namespace

Result<void> set_passdb_field(Request& request, std::string_view name, std::string_view value,
                              std::string_view default_scheme) {
  if (name.empty()) return {};
  if (name == "password" || name == "password_noscheme") {
    auto stored = name == "password" ? split_scheme(value) : StoredPassword{{}, Secret(value)};
    if (stored.scheme.empty()) stored.scheme = default_scheme;
    request.stored = std::move(stored);
    return {};
  }
  if (name == "user" || name == "username" || name == "domain") {
    if (value.empty()) return temporary(format("{}= in passdb is empty", name));
    rename_user(request, name, value);
    request.extra.set(name, std::string(value), true);
    return {};
  }
  if (name.starts_with("userdb_")) {
    request.extra.set(name, std::string(value), true);
    request.userdb_prefetched = true;
    return set_userdb_field(request, name.substr(7), value);
  }
  if (name == "nodelay") request.nodelay = true;
  const bool hidden = in_list(hidden_fields, name) || name.starts_with("event_");
  // clang-format off
  if (in_list(flag_fields, name) || value.empty()) request.extra.set_flag(name, hidden);
  else request.extra.set(name, std::string(value), hidden);
  // clang-format on
  return {};
}

Result<void> set_userdb_field(Request& request, std::string_view name, std::string_view value) {
  if (name.empty()) return {};
  std::string text(value);
  if (name == "uid") {
    const auto uid = user_number(text);
    if (!uid) return temporary(format("Invalid UID value '{}'", base::printable(value)));
    request.userdb.set("uid", std::to_string(*uid));
  } else if (name == "gid") {
    const auto gid = group_number(text);
    if (!gid) return temporary(format("Invalid GID value '{}'", base::printable(value)));
    request.userdb.set("gid", std::to_string(*gid));
  } else if (name == "tempfail") {
    request.userdb_tempfail = true;
  } else if (name == "system_user") {
    request.userdb.set("system_groups_user", std::move(text));
  } else if (name == "user") {
    request.user = std::move(text);
  } else {
    request.userdb.set(name, std::move(text));
  }
  return {};
}

Result<void> check_allow_nets(std::string_view what, std::string_view networks,
                              const std::string& ip) {
  const auto address = net::SockAddr::ip(ip, 0);
  for (auto word : base::words(networks, ", ")) {
    if (word == "local") {
      if (ip.empty()) return {};
      continue;
    }
    const auto network = net::Network::parse(word);
    if (!network) return temporary(format("{}: Invalid network '{}'", what, base::printable(word)));
    if (address && network->contains(*address)) return {};
  }
  if (ip.empty())
    return permanent(format("{} check failed: Remote IP not known and 'local' missing", what));
  return permanent(
      format("{} check failed: IP {} not in allowed networks", what, base::printable(ip)));
}

}  // namespace dovetail::authd
