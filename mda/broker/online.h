// Who is logged in, here and with brokers of earlier generations that still drain: a limit, `doveadm who` and `kick` must
// not forget those after a reload. A draining broker tells its successor once whom it has (encode, inherit) and then who
// goes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dovetail::mda {

// One session in progress.
struct Online {
  std::string service, user, remote_ip, session;
  pid_t pid = 0;  // of the process that serves it
  friend bool operator==(const Online&, const Online&) = default;
};

class OnlineTable {
 public:
  using Key = std::pair<pid_t, uint64_t>;  // broker, its number for the session

  void add(Key key, Online online) { rows_[key] = std::move(online); }
  void remove(Key key) { rows_.erase(key); }
  void remove_all(pid_t broker);

  // Sessions of a user from one address (mail_max_userip_connections), of a service.
  unsigned connections(std::string_view service, std::string_view user, std::string_view ip) const;
  size_t sessions(std::string_view service) const;
  // Sessions of a user, from one address if it is not empty.
  std::vector<Key> of_user(std::string_view user, std::string_view ip) const;
  // CONNECT-DUMP's answer.
  std::string dump() const;

  std::set<pid_t> brokers() const;
  std::string encode(pid_t broker) const;
  void inherit(pid_t broker, std::string_view bytes);

 private:
  std::map<Key, Online> rows_;
};

}  // namespace dovetail::mda
