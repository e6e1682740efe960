// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postfix/check.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/postfix/common_parameters.h"

namespace dovetail::mta {

namespace {

enum class Owner { root, mail_owner };
struct QueueFolder {
  const char* name;
  Owner owner;
  bool setgid_group;
  mode_t mode;
};
// clang-format off
constexpr QueueFolder kQueueFolders[] = {
    {"active",   Owner::mail_owner, false, 0700},  {"bounce",   Owner::mail_owner, false, 0700},
    {"corrupt",  Owner::mail_owner, false, 0700},  {"defer",    Owner::mail_owner, false, 0700},
    {"deferred", Owner::mail_owner, false, 0700},  {"flush",    Owner::mail_owner, false, 0700},
    {"hold",     Owner::mail_owner, false, 0700},  {"incoming", Owner::mail_owner, false, 0700},
    {"saved",    Owner::mail_owner, false, 0700},  {"trace",    Owner::mail_owner, false, 0700},
    {"private",  Owner::mail_owner, false, 0700},  {"pid",      Owner::root,       false, 0755},
    {"maildrop", Owner::mail_owner, true,  0730}, {"public",   Owner::mail_owner, true,  0710},
};
// clang-format on

constexpr gid_t kAnyGroup = static_cast<gid_t>(-1);

Result<void> dress_directory(const Installation& in, const std::string& path, uid_t uid, gid_t gid,
                             mode_t mode) {
  if (in.privileged && chown(path.c_str(), uid, gid) != 0)
    return errno_error("chown " + path, errno);
  // After chown, which may clear bits.
  if (chmod(path.c_str(), mode) != 0) return errno_error("chmod " + path, errno);
  return {};
}

Result<void> make_one_directory(const Installation& in, const std::string& path, uid_t uid,
                                gid_t gid, mode_t mode, bool repair) {
  if (base::file_exists(path) && !repair) return {};
  auto made = base::make_directories(path, mode & 0777);
  if (!made) return made.error();
  return dress_directory(in, path, uid, gid, mode);
}

// Walks a tree as `find DIR/.` does, without following links.
template <class F>
void for_each_file(const std::string& path, const F& visit) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return;
  visit(path, status);
  if (!S_ISDIR(status.st_mode)) return;
  auto names = base::list_directory(path);
  if (!names) return;
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) for_each_file(path + '/' + name, visit);
}

int warn_about_set_gid(const Installation& in, const Logger& log) {
  int count = 0;
  for (const char* name : {"postqueue", "postdrop"}) {
    std::string path = in.cf.get("command_directory") + '/' + name;
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) continue;
    if (status.st_gid != in.setgid) {
      log.warning("not owned by group {}: {}", in.setgid_group, path);
      ++count;
    }
    if ((status.st_mode & 02111) != 02111) {
      log.warning("not set-gid or not owner+group+world executable: {}", path);
      ++count;
    }
  }
  return count;
}

}  // namespace

Result<Installation> Installation::find(const conf::MainCf& cf) {
  Installation in{cf, cf.get("queue_directory"), cf.get("data_directory"), cf.get("mail_owner"),
                  cf.get("setgid_group")};
  auto valid = conf::check_owner(cf);
  if (!valid) return valid.error();
  const passwd* user = getpwnam(in.mail_owner.c_str());
  in.owner = user->pw_uid;
  in.owner_group = user->pw_gid;
  in.setgid = getgrnam(in.setgid_group.c_str())->gr_gid;
  in.privileged = geteuid() == 0;
  if (!in.privileged) in.root = geteuid();
  return in;
}

Result<void> make_directories(const Installation& in, bool repair) {
  auto queue = make_one_directory(in, in.queue_directory, in.root, kAnyGroup, 0755, repair);
  if (!queue) return queue.error();
  for (const QueueFolder& folder : kQueueFolders) {
    uid_t uid = folder.owner == Owner::root ? in.root : in.owner;
    gid_t gid = folder.setgid_group ? in.setgid : kAnyGroup;
    auto made = make_one_directory(in, in.queue_directory + '/' + folder.name, uid, gid,
                                   folder.mode, repair);
    if (!made) return made.error();
  }
  return make_one_directory(in, in.data_directory, in.owner, kAnyGroup, 0700, repair);
}

int warn_about_files(const Installation& in, const Logger& log) {
  int count = 0;
  for_each_file(in.cf.config_directory() + "/.",
                [&](const std::string& path, const struct stat& status) {
                  if (S_ISLNK(status.st_mode)) return;
                  if (status.st_mode & 022)
                    log.warning("group or other writable: {}", path), ++count;
                  if (status.st_uid != in.root && status.st_uid != 0)
                    log.warning("not owned by root: {}", path), ++count;
                });
  struct stat status {};
  for (const std::string& path : {in.queue_directory + "/.", in.queue_directory + "/pid"}) {
    if (stat(path.c_str(), &status) != 0) continue;
    if (status.st_uid != in.root) log.warning("not owned by root: {}", path), ++count;
    if (status.st_mode & 022) log.warning("group or other writable: {}", path), ++count;
  }
  std::string data = in.data_directory + "/.";
  if (stat(data.c_str(), &status) == 0) {
    if (status.st_uid != in.owner) log.warning("not owned by {}: {}", in.mail_owner, data), ++count;
    if (status.st_mode & 022) log.warning("group or other writable: {}", data), ++count;
  }
  for (const QueueFolder& folder : kQueueFolders) {
    std::string path = in.queue_directory + '/' + folder.name;
    if (folder.owner != Owner::mail_owner || stat(path.c_str(), &status) != 0) continue;
    auto look_at_owner = [&](const std::string& file, const struct stat& found) {
      if (found.st_uid != in.owner)
        log.warning("not owned by {}: {}", in.mail_owner, file), ++count;
    };
    // What lies in the maildrop belongs to those who put it there.
    if (std::string_view(folder.name) == "maildrop")
      look_at_owner(path, status);
    else
      for_each_file(path, look_at_owner);
    if (folder.setgid_group && status.st_gid != in.setgid)
      log.warning("not owned by group {}: {}", in.setgid_group, path), ++count;
  }
  // Nobody but this user submits mail to an instance of his own.
  if (in.privileged) count += warn_about_set_gid(in, log);
  return count;
}

Result<void> repair_programs(const Installation& in) {
  for (const char* name : {"postqueue", "postdrop"}) {
    std::string path = in.cf.get("command_directory") + '/' + name;
    if (!base::file_exists(path)) continue;
    auto done = dress_directory(in, path, in.root, in.setgid, 02755);
    if (!done) return done.error();
  }
  return {};
}

}  // namespace dovetail::mta
