// reload, stop (signals to the parent), who, kick (the broker's anvil socket).
// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/net/address.h"
#include "mda/doveadm/doveadm.h"
#include "mda/doveadm/print.h"

namespace dovetail::mda::doveadm {

namespace {

// --- the parent

int signal_parent(const Options& options, int number, bool wait) {
  conf::dovecot::Tree tree;
  auto view = load_view(options, tree);
  if (!view) return kConfigError;
  auto path = view->get("base_dir") + "/master.pid";
  auto text = base::read_file(path, 64);
  if (!text && !base::file_exists(path))
    return fatal(format("Dovecot is not running (read from {})", path), kTempFail);
  if (!text) return fatal(text.error().text, kTempFail);
  auto pid = base::parse_number<pid_t>(base::trim(*text));
  if (!pid || *pid <= 1)
    return fatal(format("File {} didn't contain a valid pid", path), kTempFail);
  if (::kill(*pid, number) != 0) {
    if (errno == ESRCH)
      return fatal(format("Dovecot is not running (read from {})", path), kTempFail);
    return fatal(format("kill({}, {}) failed: {}", *pid, number, strerror(errno)), kTempFail);
  }
  for (int i = 0; wait && i < 100 && ::kill(*pid, 0) == 0; ++i) ::usleep(100000);
  return kOk;
}

// --- the broker

class AnvilSocket {
 public:
  static std::optional<AnvilSocket> open(const std::string& path) {
    AnvilSocket made;
    made.fd_ = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = SockAddr::unix_path(path);
    if (address && ::connect(made.fd_.get(), address->get(), address->length()) == 0) return made;
    fatal(format("net_connect_unix({}) failed: {}", path, strerror(errno)), kTempFail);
    return std::nullopt;
  }
  // The answer up to its empty line, or one line.
  std::string ask(const std::string& line, bool many) {
    auto sent = base::write_all(fd_.get(), "VERSION\tanvil\t1\t0\n" + line + "\n");
    std::string got(0, '\0'), part(4096, '\0');
    while (sent && !(many ? got == "\n" || got.ends_with("\n\n") : got.ends_with("\n"))) {
      ssize_t n = ::read(fd_.get(), part.data(), part.size());
      if (n <= 0) break;
      got.append(part, 0, static_cast<size_t>(n));
    }
    return got;
  }

 private:
  base::Fd fd_;
};

struct Connection {
  std::string user, protocol, ip;
  std::string pid;
  unsigned count = 0;
};

std::vector<Connection> parse_dump(const std::string& text) {
  std::vector<Connection> made;
  for (auto line : base::split(text, '\n')) {
    auto words = base::split(line, '\t');
    if (words.size() < 3) continue;
    auto [protocol, rest] = base::cut(words[0], '/');
    auto [ip, user] = base::cut(rest.value_or(""), '/');
    made.push_back({std::string(user.value_or("")), std::string(protocol), std::string(ip),
                    std::string(words[1]), base::parse_number<unsigned>(words[2]).value_or(0)});
  }
  return made;
}

// The incumbent's masks: * and ? in any case.
bool mask_matches(std::string_view mask, std::string_view text) {
  if (mask.empty()) return text.empty();
  if (mask[0] == '*') {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (mask_matches(mask.substr(1), text.substr(i))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  return (mask[0] == '?' || base::to_lower(mask[0]) == base::to_lower(text[0])) &&
         mask_matches(mask.substr(1), text.substr(1));
}

struct WhoFilter {
  std::string user;
  std::optional<net::Network> network;

  // Words are a user mask, an address block, or both.
  static WhoFilter of(const Words& words) {
    WhoFilter made;
    for (auto& word : words) {
      auto network = net::Network::parse(word);
      if (network)
        made.network = *network;
      else
        made.user = word;
    }
    return made;
  }
  bool matches(const Connection& connection) const {
    if (!user.empty() && !mask_matches(user, connection.user)) return false;
    if (!network) return true;
    auto ip = SockAddr::ip(connection.ip, 0);
    return ip && network->contains(*ip);
  }
};

void print_grouped(const std::vector<Connection>& connections) {
  struct Group {
    unsigned count = 0;
    std::set<std::string> pids, ips;
  };
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (auto& connection : connections) {
    auto& group = groups[{connection.user, connection.protocol}];
    group.count += connection.count;
    group.pids.insert(connection.pid);
    group.ips.insert(connection.ip);
  }
  std::vector<Words> rows{{"username", "#", "proto", "(pids)", "(ips)"}};
  auto list = [](const std::set<std::string>& all) {
    return "(" + base::join({all.begin(), all.end()}, " ") + ")";
  };
  for (auto& [key, group] : groups) {
    rows.push_back(
        {key.first, std::to_string(group.count), key.second, list(group.pids), list(group.ips)});
  }
  print_table(rows, rows.front().size() - 1);
}

std::string anvil_path(const conf::dovecot::View& view, const std::string& given) {
  if (given.starts_with("/")) return given;
  return view.get("base_dir") + "/" + (given.empty() ? "anvil" : given);
}

// Takes "-a PATH" and "-1" off the arguments; false: something else began with a dash.
bool take_flags(Words& arguments, std::string& socket, bool& each) {
  while (!arguments.empty() && arguments[0].starts_with("-")) {
    if (arguments[0] == "-1") {
      each = true;
    } else if (arguments[0] == "-a" && arguments.size() > 1) {
      socket = arguments[1];
      arguments.erase(arguments.begin());
    } else {
      return false;
    }
    arguments.erase(arguments.begin());
  }
  return true;
}

}  // namespace

int cmd_reload(const Options& options, const Command& command, Words arguments) {
  if (!arguments.empty()) return usage_error(command);
  return signal_parent(options, SIGHUP, false);
}

int cmd_stop(const Options& options, const Command& command, Words arguments) {
  if (!arguments.empty()) return usage_error(command);
  return signal_parent(options, SIGTERM, true);
}

int cmd_who(const Options& options, const Command& command, Words arguments) {
  std::string socket;
  bool each = false;
  if (!take_flags(arguments, socket, each)) return usage_error(command);
  conf::dovecot::Tree tree;
  auto view = load_view(options, tree);
  if (!view) return kConfigError;
  auto anvil = AnvilSocket::open(anvil_path(*view, socket));
  if (!anvil) return kTempFail;
  auto filter = WhoFilter::of(arguments);
  auto connections = parse_dump(anvil->ask("CONNECT-DUMP", true));
  std::erase_if(connections, [&](auto& connection) { return !filter.matches(connection); });
  if (!each) {
    print_grouped(connections);
    return kOk;
  }
  std::vector<Words> rows{{"username", "proto", "pid", "ip"}};
  for (auto& connection : connections) {
    for (unsigned i = 0; i < connection.count; ++i) {
      rows.push_back({connection.user, connection.protocol, connection.pid, connection.ip});
    }
  }
  print_table(rows, 0);
  return kOk;
}

int cmd_kick(const Options& options, const Command& command, Words arguments) {
  std::string socket;
  bool each = false;
  if (!take_flags(arguments, socket, each) || arguments.empty() || each)
    return usage_error(command);
  conf::dovecot::Tree tree;
  auto view = load_view(options, tree);
  if (!view) return kConfigError;
  auto anvil = AnvilSocket::open(anvil_path(*view, socket));
  if (!anvil) return kTempFail;
  auto filter = WhoFilter::of(arguments);
  auto connections = parse_dump(anvil->ask("CONNECT-DUMP", true));
  std::set<std::pair<std::string, std::string>> kicked;
  for (auto& connection : connections) {
    if (filter.matches(connection)) kicked.insert({connection.user, connection.ip});
  }
  if (kicked.empty()) {
    fmt::print("no users kicked\n");
    return kNotFound;
  }
  std::set<std::string> names;
  for (auto& [user, ip] : kicked) {
    anvil->ask(format("KICK\t{}\t{}", user, ip), false);
    names.insert(user);
  }
  fmt::print("kicked connections from the following users:\n{}\n",
             base::join({names.begin(), names.end()}, " "));
  return kOk;
}

}  // namespace dovetail::mda::doveadm
