// Files of user:password:uid:gid:gecos:home:shell:extra fields. A file is read when first asked for and again when it
// has changed (mtime, size, inode), so an edit needs no reload. The path may hold % variables: one file per domain, say.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "authd/passdb/passdb.h"
#include "authd/userdb/userdb.h"
#include "common/base/log.h"

namespace dovetail::authd {

struct PasswdEntry {
  Secret password;
  std::string uid, gid, home;
  std::vector<std::string> extra;  // "name=value" or "name"
};

// One file's entries in its order.
struct PasswdFile {
  std::map<std::string, PasswdEntry, std::less<>> users;
  std::vector<std::string> order;
};
// Bad lines are left out; each is a line for the log.
PasswdFile parse_passwd_file(std::string_view text, std::string_view path,
                             std::vector<std::string>& errors);

// [scheme=X] [username_format=F] path
struct PasswdFileArgs {
  std::string scheme = "CRYPT";
  std::string username_format = "%u";
  std::string path;
};
Result<PasswdFileArgs> parse_passwd_file_args(std::string_view args);

// Shared by all passdb and userdb blocks that name the same file.
class PasswdFiles {
 public:
  explicit PasswdFiles(Logger log) : log_(std::move(log)) {}
  // nullptr inside: the file does not exist. An Error: it cannot be read.
  Result<std::shared_ptr<const PasswdFile>> get(const std::string& path);

 private:
  struct Loaded {
    timespec changed{};
    off_t size = 0;
    ino_t inode = 0;
    std::shared_ptr<const PasswdFile> file;
  };
  Logger log_;
  std::map<std::string, Loaded> loaded_;
};

std::unique_ptr<Passdb> make_passwd_file_passdb(std::shared_ptr<PasswdFiles> files,
                                                PasswdFileArgs args);
std::unique_ptr<Userdb> make_passwd_file_userdb(std::shared_ptr<PasswdFiles> files,
                                                PasswdFileArgs args);

}  // namespace dovetail::authd
