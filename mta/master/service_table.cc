// SPDX-License-Identifier: Apache-2.0
#include "mta/master/service_table.h"

#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "common/base/text.h"
#include "common/service/confine.h"
#include "conf/bind.h"

namespace dovetail::mta {

using service::ListenerSpec;
using service::ServiceSpec;

namespace {

struct Absorbed {
  std::string_view program, where;
};
// clang-format off
constexpr Absorbed kAbsorbed[] = {
    {"tlsmgr",   "keys of TLS tickets come from master, random numbers from the kernel"},
    {"scache",   "connections are kept inside smtp"},
    {"tlsproxy", "TLS is spoken by the process that has the session"},
    {"dnsblog",  "DNS lists are asked by the process that has the session"},
};

// How many processes share a service's endpoint. Everything not named here is one process for all its clients.
constexpr std::string_view kSharedPrograms[] = {"smtpd", "smtp", "lmtp", "relay", "cleanup", "trivial-rewrite", "proxymap"};
// The incumbent has a process for each client of these: the process limit is one of clients (deliveries), over all processes.
constexpr std::string_view kPerClientPrograms[] = {"smtpd", "smtp", "lmtp", "relay", "local", "virtual", "pipe", "spawn"};
// Their work goes on without clients: never ended for idleness.
constexpr std::string_view kStayingPrograms[] = {"qmgr", "anvil", "verify", "postscreen", "postlogd", "proxymap"};
// clang-format on

template <class Range>
bool contains_word(const Range& words, std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_setgid_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_ISGID);
}

bool host_speaks_ipv6() {
  base::Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return static_cast<bool>(probe);
}

struct Families {
  bool ipv4 = false, ipv6 = false;
};

Result<Families> inet_families(const conf::MainCf& cf) {
  Families families;
  auto value = cf.get("inet_protocols");
  for (auto word : base::words(value, " \t\r\n,")) {
    if (word == "all") families = {true, host_speaks_ipv6()};
    else if (word == "ipv4") families.ipv4 = true;
    else if (word == "ipv6") families.ipv6 = true;
    else return config_error(format("bad parameter value: inet_protocols = {}", value));
  }
  return families;
}

Result<std::vector<SockAddr>> resolve_interface(const std::string& host, uint16_t port, Families families) {
  std::vector<SockAddr> found;
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = families.ipv4 == families.ipv6 ? AF_UNSPEC : families.ipv4 ? AF_INET : AF_INET6;
  std::string bare = host.size() > 2 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
  int error = getaddrinfo(bare.c_str(), nullptr, &hints, &list);
  if (error != 0) return config_error(format("host not found: {}", host));
  for (auto* row = list; row; row = row->ai_next) {
    auto address = SockAddr(row->ai_addr, row->ai_addrlen).with_port(port);
    if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
  }
  freeaddrinfo(list);
  return found;
}

Result<uint16_t> port_number(std::string_view name) {
  if (auto number = base::parse_number<uint16_t>(name)) return *number;
  std::string text(name);
  if (auto* entry = getservbyname(text.c_str(), "tcp")) return ntohs(static_cast<uint16_t>(entry->s_port));
  return config_error(format("bad service name: {}", name));
}

Result<std::vector<SockAddr>> interface_addresses(const std::string& interfaces, uint16_t port, Families families) {
  std::vector<SockAddr> all;
  for (auto word : base::words(interfaces, " \t\r\n,")) {
    if (word == "all" || word == "loopback-only") {
      bool any = word == "all";
      if (families.ipv4) all.push_back(*SockAddr::ip(any ? "0.0.0.0" : "127.0.0.1", port));
      if (families.ipv6) all.push_back(*SockAddr::ip(any ? "::" : "::1", port));
      continue;
    }
    auto found = resolve_interface(std::string(word), port, families);
    if (!found) return found.error();
    for (auto& address : *found) {
      if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
    }
  }
  return all;
}

}  // namespace

// Words are "name/type" ("name.type" of old) or a type alone; "!" in front makes an exception. The first that fits decides.
bool service_is_disabled(std::string_view patterns, std::string_view name, std::string_view type) {
  for (auto word : base::words(patterns, " \t\r\n,")) {
    bool disables = word.front() != '!';
    if (!disables) word.remove_prefix(1);
    bool fits = word == type;
    for (char separator : {'/', '.'}) {
      auto [left, right] = base::cut_last(word, separator);
      fits |= right && left == name && *right == type;
    }
    if (fits) return disables;
  }
  return false;
}

std::string_view absorbed_program(std::string_view program) {
  for (auto& row : kAbsorbed) {
    if (row.program == program) return row.where;
  }
  return {};
}

Result<std::vector<SockAddr>> inet_endpoints(std::string_view name, const conf::MainCf& cf) {
  auto families = inet_families(cf);
  if (!families) return families.error();
  auto colon = name.rfind(':');
  auto port = port_number(colon == name.npos ? name : name.substr(colon + 1));
  if (!port) return port.error();
  if (colon != name.npos && colon > 0) return resolve_interface(std::string(name.substr(0, colon)), *port, *families);
  return interface_addresses(cf.get("inet_interfaces"), *port, *families);
}

std::vector<std::string> service_environment(const conf::MainCf& cf) {
  std::vector<std::string> out;
  auto imported = cf.get("import_environment");
  for (auto word : base::words(imported, " \t\r\n,")) {
    if (base::istarts_with(word, "MAIL_CONFIG")) continue;
    if (word.find('=') != word.npos) {
      out.emplace_back(word);
    } else if (auto* value = std::getenv(std::string(word).c_str())) {
      out.push_back(format("{}={}", word, value));
    }
  }
  out.push_back("MAIL_CONFIG=" + cf.config_directory());
  out.emplace_back("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
  return out;
}

namespace {

class TableBuilder {
 public:
  TableBuilder(const conf::MainCf& cf, service::Identity owner, int process_limit)
      : cf_(cf), owner_(std::move(owner)), process_limit_(process_limit), environment_(service_environment(cf)) {}

  Result<ServiceSpec> build(const conf::MasterService& line) const {
    ServiceSpec spec;
    spec.name = line.name + " " + line.type;
    spec.path = cf_.get("daemon_directory") + "/" + line.program;
    spec.environment = environment_;
    auto listeners = endpoints(line);
    if (!listeners) return listeners.error();
    spec.listeners = std::move(*listeners);
    spec.argv = arguments(line);
    set_limits(line, spec);
    return spec;
  }

 private:
  Result<std::vector<ListenerSpec>> endpoints(const conf::MasterService& line) const {
    std::vector<ListenerSpec> out;
    if (line.type == "inet") {
      auto addresses = inet_endpoints(line.name, cf_);
      if (!addresses) return addresses.error();
      for (auto& address : *addresses) {
        ListenerSpec listener;
        listener.address = address;
        out.push_back(listener);
      }
      return out;
    }
    ListenerSpec listener;
    auto directory = cf_.get("queue_directory") + (line.private_endpoint() ? "/private" : "/public");
    listener.kind = line.type == "fifo"         ? ListenerSpec::Kind::fifo
                    : line.type == "unix-dgram" ? ListenerSpec::Kind::unix_datagram
                                                : ListenerSpec::Kind::unix_stream;
    listener.path = directory + "/" + line.name;
    listener.mode = listener.kind == ListenerSpec::Kind::fifo ? 0622 : 0666;
    listener.uid = owner_.uid;
    // The stock public/ is set-gid postdrop: what is made there is of that group.
    if (!is_setgid_directory(directory)) listener.gid = owner_.gid;
    out.push_back(listener);
    return out;
  }

  std::vector<std::string> arguments(const conf::MasterService& line) const {
    std::vector<std::string> argv{line.program, "-n", line.name, "-t", line.type};
    if (line.run_unprivileged()) argv.emplace_back("-u");
    if (line.run_chrooted(cf_)) argv.emplace_back("-c");
    argv.insert(argv.end(), line.arguments.begin(), line.arguments.end());
    return argv;
  }

  void set_limits(const conf::MasterService& line, ServiceSpec& spec) const {
    bool server = line.program == "smtpd";
    int limit = line.process_limit < 0 ? (server ? 0 : process_limit_) : line.process_limit;
    unsigned cores = std::max(std::thread::hardware_concurrency(), 2u);
    unsigned processes = contains_word(kSharedPrograms, line.program) ? cores : 1;
    if (limit > 0) processes = std::min(processes, static_cast<unsigned>(limit));
    if (!absorbed_program(line.program).empty()) processes = 0;
    spec.processes = processes;
    if (limit > 0 && processes > 0 && contains_word(kPerClientPrograms, line.program)) {
      spec.clients_max = static_cast<unsigned>(limit);
    }
    if (limit > 0) spec.hello.fields["process_limit"] = std::to_string(limit);
    if (processes > 0) spec.hello.fields["processes"] = std::to_string(processes);
    if (contains_word(kStayingPrograms, line.program)) spec.hello.fields["stay"] = "1";
    spec.wakeup = std::chrono::seconds(line.wakeup);
    spec.wakeup_if_used = line.wakeup_if_used;
  }

  const conf::MainCf& cf_;
  service::Identity owner_;
  int process_limit_;
  std::vector<std::string> environment_;
};

}  // namespace

Result<std::vector<ServiceSpec>> service_table(const std::vector<conf::MasterService>& lines, const conf::MainCf& cf) {
  auto owner = service::find_user(cf.get("mail_owner"));
  if (!owner) return owner.error().wrap("parameter mail_owner");
  auto limit = conf::read_int(cf, "default_process_limit");
  if (!limit) return limit.error();
  TableBuilder builder(cf, *owner, *limit);
  std::vector<ServiceSpec> specs;
  auto disabled = cf.get("master_service_disable");
  for (auto& line : lines) {
    if (service_is_disabled(disabled, line.name, line.type)) continue;
    auto spec = builder.build(line);
    if (!spec) return spec.error().wrap(format("{}/master.cf: line {}", cf.config_directory(), line.line));
    specs.push_back(std::move(*spec));
  }
  return specs;
}

}  // namespace dovetail::mta
