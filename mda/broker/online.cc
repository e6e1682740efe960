// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/online.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mda {

void OnlineTable::remove_all(pid_t broker) {
  std::erase_if(rows_, [broker](auto& row) { return row.first.first == broker; });
}

unsigned OnlineTable::connections(std::string_view service, std::string_view user,
                                  std::string_view ip) const {
  auto same = [&](auto& row) {
    return row.second.service == service && row.second.user == user && row.second.remote_ip == ip;
  };
  return static_cast<unsigned>(std::count_if(rows_.begin(), rows_.end(), same));
}

size_t OnlineTable::sessions(std::string_view service) const {
  auto same = [&](auto& row) { return row.second.service == service; };
  return static_cast<size_t>(std::count_if(rows_.begin(), rows_.end(), same));
}

std::vector<OnlineTable::Key> OnlineTable::of_user(std::string_view user,
                                                   std::string_view ip) const {
  std::vector<Key> keys;
  for (auto& [key, online] : rows_) {
    if (online.user == user && (ip.empty() || online.remote_ip == ip)) keys.push_back(key);
  }
  return keys;
}

std::string OnlineTable::dump() const {
  std::map<std::string, std::map<pid_t, unsigned>> counts;
  for (auto& [key, online] : rows_) {
    ++counts[format("{}/{}/{}", online.service, online.remote_ip, online.user)][online.pid];
  }
  std::string out;
  for (auto& [ident, pids] : counts) {
    for (auto& [pid, count] : pids)
      out += format("{}\t{}\t{}\n", base::printable(ident, true), pid, count);
  }
  return out + "\n";
}

std::set<pid_t> OnlineTable::brokers() const {
  std::set<pid_t> pids;
  for (auto& [key, online] : rows_) pids.insert(key.first);
  return pids;
}

// One line per session; names of users hold neither tabs nor line ends, or auth would not have let them in.
std::string OnlineTable::encode(pid_t broker) const {
  std::string out;
  for (auto& [key, online] : rows_) {
    if (key.first != broker) continue;
    out += format("{}\t{}\t{}\t{}\t{}\t{}\n", key.second, online.pid, online.service,
                  online.remote_ip, online.session, online.user);
  }
  return out;
}

void OnlineTable::inherit(pid_t broker, std::string_view bytes) {
  for (auto line : base::split(bytes, '\n')) {
    auto words = base::split(line, '\t');
    if (words.size() != 6) continue;
    auto id = base::parse_number<uint64_t>(words[0]);
    auto pid = base::parse_number<pid_t>(words[1]);
    if (!id || !pid) continue;
    add({broker, *id}, {std::string(words[2]), std::string(words[5]), std::string(words[3]),
                        std::string(words[4]), *pid});
  }
}

}  // namespace dovetail::mda
