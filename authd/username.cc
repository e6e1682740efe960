// Names: what a client may send, and what the databases see of it (auth_username_*, auth_default_realm, master users).
// SPDX-License-Identifier: Apache-2.0
#include "authd/request.h"
#include "common/base/text.h"

namespace dovetail::authd {

Result<std::string> normalise_username(const AuthSettings& settings, Request& request,
                                       std::string_view name) {
  std::string user(name);
  if (!settings.default_realm.empty() && user.find('@') == user.npos)
    user += "@" + settings.default_realm;
  const auto& pairs = settings.username_translation;
  for (char& c : user) {
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      if (pairs[i] != c) continue;
      c = pairs[i + 1];
      break;
    }
    // This is what keeps quotes and the like away from SQL, LDAP and paths, beside their own quoting.
    if (settings.username_chars.empty() || settings.username_chars.find(c) != std::string::npos)
      continue;
    return permanent(
        format("Username character disallowed by auth_username_chars: 0x{:02x} (username: {})",
               static_cast<unsigned char>(c), base::printable(name, true)));
  }
  if (!settings.username_format.empty()) {
    auto before = std::exchange(request.user, user);
    user = expand_for(request, settings.username_format);
    request.user = std::move(before);
  }
  if (user.empty()) return permanent("Empty username");
  return user;
}

Result<void> set_login(const AuthSettings& settings, Request& request, std::string_view user,
                       std::string_view authzid) {
  std::string login(user), wished(authzid);
  if (settings.ssl_username_from_cert && !request.cert_username.empty())
    login = request.cert_username;
  if (wished.empty() && !settings.master_user_separator.empty()) {
    // "user*master": the separator may come inside a master's name, never inside a user's.
    const auto at = login.find(settings.master_user_separator[0]);
    if (at != login.npos) {
      wished = login.substr(0, at);
      login.erase(0, at + 1);
    }
  }
  if (!request.original_user) request.original_user = login;
  auto normal = normalise_username(settings, request, login);
  if (!normal) return normal.error();
  request.user = std::move(*normal);
  if (wished.empty()) return {};
  bool masters = false;
  for (const auto& passdb : settings.passdbs) masters |= passdb.master;
  auto target = normalise_username(settings, request, wished);
  if (!target) return target.error();
  if (*target == *request.user) return {};  // himself, written in another way
  if (!masters) {
    return permanent(
        format("Attempted master login with no master passdbs (trying to log in as user: {})",
               base::printable(*target, true)));
  }
  request.requested_login_user = std::move(*target);
  return {};
}

}  // namespace dovetail::authd
