// unix:passwd.byname and unix:group.byname: the system's users and groups in the text form of their files.
// NSS may block (LDAP, sssd): the work is done on the pool. Manual: DATABASE_README.
// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "common/base/text.h"
#include "common/net/pool.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

Result<Found> passwd_byname(const std::string& user) {
  std::vector<char> space(size_t{1} << 16);
  passwd entry{};
  passwd* found = nullptr;
  int error = getpwnam_r(user.c_str(), &entry, space.data(), space.size(), &found);
  if (error && error != ENOENT && error != ESRCH) return temporary(strerror(error));
  if (!found) return Found();
  return Found(format("{}:{}:{}:{}:{}:{}:{}", found->pw_name, found->pw_passwd, found->pw_uid,
                      found->pw_gid, found->pw_gecos, found->pw_dir, found->pw_shell));
}

Result<Found> group_byname(const std::string& group_name) {
  std::vector<char> space(size_t{1} << 18);
  group entry{};
  group* found = nullptr;
  int error = getgrnam_r(group_name.c_str(), &entry, space.data(), space.size(), &found);
  if (error && error != ENOENT && error != ESRCH) return temporary(strerror(error));
  if (!found) return Found();
  std::string members;
  for (char** member = found->gr_mem; *member; ++member) {
    if (!members.empty()) members += ',';
    members += *member;
  }
  return Found(format("{}:{}:{}:{}", found->gr_name, found->gr_passwd, found->gr_gid, members));
}

class UnixTable final : public Table {
 public:
  using Query = Result<Found> (*)(const std::string& key);
  UnixTable(std::string table, Query query, std::shared_ptr<net::Pool> pool)
      : Table(std::move(table), Keys::fixed), query_(query), pool_(std::move(pool)) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    auto job = [query = query_, key = std::string(key)] { return query(key); };
    auto found = co_await pool_->run(job);
    co_return std::move(found);
  }

 private:
  Query query_;
  std::shared_ptr<net::Pool> pool_;
};

}  // namespace

Opened open_unix(const OpenContext& context, std::string_view type, const std::string& name) {
  UnixTable::Query query = nullptr;
  if (name == "passwd.byname") query = passwd_byname;
  if (name == "group.byname") query = group_byname;
  if (!query) return config_error("unknown table: unix:" + name);
  auto pool =
      context.options.pool ? context.options.pool : std::make_shared<net::Pool>(context.loop, 1);
  return std::unique_ptr<Table>(
      std::make_unique<UnixTable>(format("{}:{}", type, name), query, std::move(pool)));
}

}  // namespace dovetail::lookup
