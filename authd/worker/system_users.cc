// passdb shadow and passwd, userdb passwd: the system's own users.
// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <shadow.h>

#include <cerrno>
#include <ctime>

#include "authd/worker/drivers.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

// "*", "!", "x" and the like are no hashes: nobody has such a password.
bool is_usable_hash(std::string_view hash) {
  return hash.size() > 2 && hash[0] != '*' && hash[0] != '!';
}

DriverAnswer unknown_user(int code, std::string_view call) {
  DriverAnswer answer;
  // "Not found" comes with any of these; everything else means the system could not tell.
  const bool missing =
      code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM;
  answer.result = missing ? "unknown" : "fail";
  answer.lines.push_back(
      missing ? DriverLine{false, "unknown user"}
              : DriverLine{true, errno_error(format("{}() failed", call), code).text});
  return answer;
}

DriverAnswer with_password(std::string_view hash, std::string_view name) {
  DriverAnswer answer;
  if (!is_usable_hash(hash)) {
    answer.result = "mismatch";
    answer.lines.push_back({false, "invalid password field"});
    return answer;
  }
  answer.result = "ok";
  answer.fields.add("password", std::string(hash));
  answer.fields.add("user", std::string(name));  // as the system spells it
  return answer;
}

}  // namespace

DriverAnswer ask_shadow(const WorkerQuestion& question) {
  errno = 0;
  const spwd* entry = getspnam(question.request.user.value_or("").c_str());
  if (!entry) {
    if (errno == EACCES) {
      DriverAnswer answer;
      answer.lines.push_back({true, "getspnam() failed: Permission denied"});
      return answer;
    }
    return unknown_user(errno, "getspnam");
  }
  const long today = static_cast<long>(time(nullptr) / 86400);
  if (entry->sp_expire > 0 && today > entry->sp_expire) {
    DriverAnswer answer;
    answer.result = "expired";
    answer.lines.push_back({false, "account expired"});
    return answer;
  }
  return with_password(entry->sp_pwdp ? entry->sp_pwdp : "", entry->sp_namp);
}

DriverAnswer ask_passwd_password(const WorkerQuestion& question) {
  errno = 0;
  const passwd* entry = getpwnam(question.request.user.value_or("").c_str());
  if (!entry) return unknown_user(errno, "getpwnam");
  return with_password(entry->pw_passwd ? entry->pw_passwd : "", entry->pw_name);
}

DriverAnswer ask_passwd_user(const WorkerQuestion& question) {
  errno = 0;
  const passwd* entry = getpwnam(question.request.user.value_or("").c_str());
  if (!entry) return unknown_user(errno, "getpwnam");
  DriverAnswer answer;
  answer.result = "ok";
  answer.fields.add("user", entry->pw_name);
  answer.fields.add("system_groups_user", entry->pw_name);
  answer.fields.add("uid", std::to_string(entry->pw_uid));
  answer.fields.add("gid", std::to_string(entry->pw_gid));
  answer.fields.add("home", entry->pw_dir ? entry->pw_dir : "");
  return answer;
}

// Only users who may have mail: first_valid_uid .. last_valid_uid.
DriverAnswer list_passwd(const AuthSettings& settings) {
  DriverAnswer answer;
  setpwent();
  while (const passwd* entry = getpwent()) {
    if (entry->pw_uid < settings.first_valid_uid) continue;
    if (settings.last_valid_uid != 0 && entry->pw_uid > settings.last_valid_uid) continue;
    answer.users.emplace_back(entry->pw_name);
  }
  endpwent();
  answer.result = "ok";
  return answer;
}

}  // namespace dovetail::authd
