// SPDX-License-Identifier: Apache-2.0
#include "mda/master/service_table.h"

#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "common/base/text.h"
#include "common/service/confine.h"
#include "config.h"

namespace dovetail::mda {

using conf::dovecot::Service;
using conf::dovecot::Tree;
using conf::dovecot::View;
using service::ListenerSpec;
using service::ServiceSpec;

namespace {

using Names = std::vector<std::string_view>;

// clang-format off
const KnownService kKnownServices[] = {
    // name             kind                       program         may read                                                                keys   .ext files
    {"auth",            ServiceKind::process,      "auth",         [] { return Names{"auth"}; },                                           false, true},
    {"auth-worker",     ServiceKind::process,      "auth",         [] { return Names{"auth", "auth-worker"}; },                            false, true},
    {"imap-login",      ServiceKind::process,      "imap-login",   [] { return Names{"imap-login"}; },                                     true,  false},
    {"pop3-login",      ServiceKind::process,      "pop3-login",   [] { return Names{"pop3-login"}; },                                     true,  false},
    {"lmtp",            ServiceKind::process,      "lmtp",         [] { return Names{"lmtp"}; },                                           true,  false},
    {"imap",            ServiceKind::mail,         "imap",         [] { return Names{"imap", "pop3", "lmtp", "lda"}; },                    false, false},
    {"pop3",            ServiceKind::mail,         "imap",         [] { return Names{"imap", "pop3", "lmtp", "lda"}; },                    false, false},
    {"anvil",           ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"config",          ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"log",             ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"ipc",             ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"dns_client",      ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"dns-client",      ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"ssl-params",      ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"indexer",         ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"indexer-worker",  ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"imap-urlauth",    ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"imap-urlauth-login",  ServiceKind::absorbed, "",             nullptr,                                                                false, false},
    {"imap-urlauth-worker", ServiceKind::absorbed, "",             nullptr,                                                                false, false},
    {"imap-hibernate",  ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"stats",           ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"old-stats",       ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
    {"master",          ServiceKind::absorbed,     "",             nullptr,                                                                false, false},
};
// clang-format on

bool has_word(std::string_view words, std::string_view word) {
  auto all = base::words(words, " ,\t");
  return std::find(all.begin(), all.end(), word) != all.end();
}

// "*, ::" or names, as addresses of the families this host has.
Result<std::vector<SockAddr>> listen_addresses(const std::string& list, uint16_t port) {
  std::vector<SockAddr> out;
  bool ipv6 = static_cast<bool>(base::Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  for (auto word : base::words(list, " ,\t")) {
    std::string host(word == "*" ? "0.0.0.0" : word);
    if (host == "::" && !ipv6) continue;
    if (auto address = SockAddr::ip(host, port)) {
      out.push_back(*address);
      continue;
    }
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
      return config_error(format("listen: Can't resolve address {}", host));
    }
    for (auto* row = found; row; row = row->ai_next) out.push_back(SockAddr(row->ai_addr, row->ai_addrlen).with_port(port));
    freeaddrinfo(found);
  }
  return out;
}

// Clients of all processes, if one of the limits was set; 0: no limit but the machine's.
unsigned clients_max(const Service& service, unsigned process_limit, unsigned client_limit) {
  if (!service.process_limit_set && !service.client_limit_set) return 0;
  auto product = uint64_t{std::max(process_limit, 1u)} * std::max(client_limit, 1u);
  return static_cast<unsigned>(std::min<uint64_t>(product, 1u << 30));
}

// Which limit the incumbent names when it is reached.
std::pair<const char*, unsigned> limit_in_force(unsigned process_limit, unsigned client_limit) {
  if (process_limit > 1) return {"process_limit", process_limit};
  return {"client_limit", client_limit};
}

std::string lmtp_user(const View& view, const Service& lmtp) {
  bool unprivileged = !lmtp.user.empty() && lmtp.user != "root";
  return unprivileged ? lmtp.user : view.get("default_internal_user");
}

class Builder {
 public:
  Builder(const Tree& tree, const View& view, ServiceTable& table) : tree_(tree), view_(view), table_(table) {}

  Result<void> add(const Service& service, const KnownService& known) {
    ServiceSpec spec;
    spec.name = service.name;
    auto listened = add_listeners(service, spec);
    if (!listened) return listened;
    if (spec.listeners.empty()) return {};
    auto program = find_program(service);
    if (!program) return program.error();
    spec.path = *program;
    spec.argv = {std::string(base::basename(spec.path))};
    auto words = base::words(service.executable);
    spec.argv.insert(spec.argv.end(), words.begin() + 1, words.end());
    spec.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    auto identity = set_identity(service, spec);
    if (!identity) return identity;
    set_limits(service, spec);
    return pack(known, spec);
  }

 private:
  Result<std::string> find_program(const Service& service) {
    auto word = std::string(base::words(service.executable).empty() ? "" : base::words(service.executable).front());
    auto path = word.starts_with("/") ? word : view_.get("libexec_dir") + "/" + word;
    if (::access(path.c_str(), X_OK) == 0) return path;
    return config_error(format("service({}) access({}) failed: {}", service.name, path, errno_error("", errno).text.substr(2)));
  }

  Result<ListenerSpec> unix_listener(const Service& service, const conf::dovecot::UnixListener& from, bool fifo) {
    ListenerSpec listener;
    listener.kind = fifo ? ListenerSpec::Kind::fifo : ListenerSpec::Kind::unix_stream;
    auto base_dir = view_.get("base_dir");
    listener.path = from.path.starts_with("/") ? from.path : base_dir + "/" + from.path;
    listener.mode = from.mode;
    listener.label = listener.path.starts_with(base_dir + "/") ? listener.path.substr(base_dir.size() + 1) : listener.path;
    auto kind = fifo ? "fifo_listener" : "unix_listener";
    if (!from.user.empty()) {
      auto user = service::find_user(from.user);
      if (!user) {
        return config_error(format("service({}) User doesn't exist: {} (See service {} {{ {} {} {{ user }} }} setting)",
                                   service.name, from.user, service.name, kind, from.path));
      }
      listener.uid = user->uid;
    }
    if (!from.group.empty()) {
      auto group = service::find_group(from.group);
      if (!group) {
        return config_error(format("service({}) Group doesn't exist: {} (See service {} {{ {} {} {{ group }} }} setting)",
                                   service.name, from.group, service.name, kind, from.path));
      }
      listener.gid = *group;
    }
    return listener;
  }

  Result<void> add_listeners(const Service& service, ServiceSpec& spec) {
    bool ssl_off = view_.get("ssl") == "no";
    for (auto& inet : service.inet_listeners) {
      if (inet.port == 0 || (inet.ssl && ssl_off)) continue;
      auto addresses = listen_addresses(inet.address.empty() ? view_.get("listen") : inet.address, inet.port);
      if (!addresses) return addresses.error();
      for (auto& address : *addresses) {
        ListenerSpec listener;
        listener.address = address;
        listener.label = inet.name + (inet.ssl ? " ssl" : "");
        spec.listeners.push_back(listener);
      }
      if (inet.haproxy) table_.warnings.push_back(format("service {}: inet_listener {}: haproxy is not supported, the listener stays closed", service.name, inet.name));
    }
    for (bool fifo : {false, true}) {
      for (auto& node : fifo ? service.fifo_listeners : service.unix_listeners) {
        if (node.mode == 0) continue;  // mode = 0 switches a listener off
        auto listener = unix_listener(service, node, fifo);
        if (!listener) return listener.error();
        spec.listeners.push_back(std::move(*listener));
      }
    }
    return {};
  }

  Result<void> set_identity(const Service& service, ServiceSpec& spec) {
    auto& fields = spec.hello.fields;
    fields["service"] = service.name;
    fields["user"] = service.user;
    fields["group"] = service.group;
    fields["extra_groups"] = service.extra_groups;
    fields["privileged_group"] = service.privileged_group;
    if (!service.chroot.empty()) {
      fields["chroot"] = service.chroot.starts_with("/") ? service.chroot : view_.get("base_dir") + "/" + service.chroot;
    }
    // The incumbent's lmtp is root to become its users; ours only speaks, the workers are the users.
    if (service.name == "lmtp") fields["user"] = lmtp_user(view_, service);
    if (!service.user.empty() && !service::find_user(service.user)) {
      return config_error(format("service({}) User doesn't exist: {} (See service {} {{ user }} setting)", service.name,
                                 service.user, service.name));
    }
    return {};
  }

  void set_limits(const Service& service, ServiceSpec& spec) {
    auto& fields = spec.hello.fields;
    unsigned cores = std::max(std::thread::hardware_concurrency(), 1u);
    bool login = service.type == "login";
    auto limit = [&](unsigned own, std::string_view name) {
      return own ? own : static_cast<unsigned>(view_.get_number(name));
    };
    unsigned process_limit = limit(service.process_limit, "default_process_limit");
    unsigned client_limit = limit(service.client_limit, "default_client_limit");
    if (service.name == "auth-worker") {  // one blocking request at a time each
      spec.processes = 1;
      spec.processes_max = process_limit;
      fields["client_limit"] = "1";
    } else if (login && service.service_count_set && service.service_count == 1) {
      spec.processes = 1;
      spec.processes_max = process_limit;
      spec.clients_max = process_limit;  // also while an old generation still has clients
      spec.drops_oldest = true;
      fields["client_limit"] = "1";
      fields["service_count"] = "1";
    } else if (login || service.name == "lmtp") {
      // One process serves what many of the incumbent's would: the product of both limits, over all processes.
      spec.processes = login ? std::min(cores, process_limit) : 1;
      spec.clients_max = clients_max(service, process_limit, client_limit);
      spec.drops_oldest = login;
    } else if (auto* known = find_known_service(service.name); known && known->kind == ServiceKind::mail) {
      if (service.service_count_set && service.service_count == 1) fields["alone." + service.name] = "1";
      auto most = clients_max(service, process_limit, client_limit);
      if (most > 0) fields["sessions_max." + service.name] = std::to_string(most);
      auto [name, value] = limit_in_force(process_limit, client_limit);
      fields["limit_name." + service.name] = name;
      fields["limit." + service.name] = std::to_string(value);
    } else if (service.client_limit_set) {
      fields["client_limit"] = std::to_string(client_limit);
    }
    fields["process_limit"] = std::to_string(process_limit);
    auto [limit_name, limit_value] = limit_in_force(process_limit, client_limit);
    fields["limit_name"] = limit_name;
    fields["limit_value"] = std::to_string(limit_value);
    if (service.process_min_avail > 0) spec.at_start = true;
    auto idle_kill = service.idle_kill.count() > 0 ? static_cast<uint64_t>(service.idle_kill.count())
                                                   : static_cast<uint64_t>(view_.get_time("default_idle_kill").count() / 1000);
    fields["worker_idle_kill"] = std::to_string(std::min<uint64_t>(idle_kill, 1u << 30));
    bool stays = service.name == "auth" || service.name == "imap" || service.name == "pop3";
    if (!stays) {
      auto idle = service.idle_kill.count() > 0 ? static_cast<uint64_t>(service.idle_kill.count())
                                                : static_cast<uint64_t>(view_.get_time("default_idle_kill").count() / 1000);
      fields["idle_kill"] = std::to_string(std::min<uint64_t>(idle, 1u << 30));
    }
  }

  Result<void> pack(const KnownService& known, ServiceSpec& spec) {
    conf::dovecot::PackFor what;
    for (auto reader : known.readers()) what.readers.emplace_back(reader);
    what.private_keys = known.private_keys;
    what.external_files = known.external_files;
    auto packed = tree_.pack(what);
    if (!packed) return packed.error();
    spec.settings = std::move(*packed);
    spec.wants_tickets = known.private_keys;
    table_.specs.push_back(std::move(spec));
    return {};
  }

  const Tree& tree_;
  const View& view_;
  ServiceTable& table_;
};

// imap and pop3 are one broker: a user's sessions of all protocols meet in one worker.
void merge_mail_services(ServiceTable& table) {
  // imap's own settings hold for the broker if there is an imap.
  std::stable_partition(table.specs.begin(), table.specs.end(), [](auto& spec) { return spec.name == "imap"; });
  auto mail = std::find_if(table.specs.begin(), table.specs.end(), [](auto& spec) {
    auto* known = find_known_service(spec.name);
    return known && known->kind == ServiceKind::mail;
  });
  if (mail == table.specs.end()) return;
  for (auto other = mail + 1; other != table.specs.end();) {
    auto* known = find_known_service(other->name);
    if (!known || known->kind != ServiceKind::mail) {
      ++other;
      continue;
    }
    mail->listeners.insert(mail->listeners.end(), other->listeners.begin(), other->listeners.end());
    for (auto& [name, value] : other->hello.fields) {
      if (name.find('.') != name.npos) mail->hello.fields.emplace(name, value);  // alone.pop3, sessions_max.pop3
    }
    other = table.specs.erase(other);
    mail = std::find_if(table.specs.begin(), table.specs.end(), [](auto& spec) {
      auto* found = find_known_service(spec.name);
      return found && found->kind == ServiceKind::mail;
    });
  }
}

// service anvil { unix_listener anvil-auth-penalty { mode = 0 } }: no delays after failed logins.
void switch_off_penalties(const View& view, ServiceTable& table) {
  auto anvil = view.service("anvil");
  if (!anvil) return;
  auto off = [](auto& node) { return base::basename(node.path) == "anvil-auth-penalty" && node.mode == 0; };
  if (std::none_of(anvil->unix_listeners.begin(), anvil->unix_listeners.end(), off)) return;
  for (auto& spec : table.specs) {
    if (spec.name == "auth") spec.hello.fields["no_penalty"] = "1";
  }
}

// Sockets of the broker that no service block names: anvil (who is logged in), and delivery for lmtp.
void add_broker_listeners(const View& view, ServiceTable& table) {
  for (auto& spec : table.specs) {
    auto* known = find_known_service(spec.name);
    if (!known || known->kind != ServiceKind::mail) continue;
    ListenerSpec listener;
    listener.kind = ListenerSpec::Kind::unix_stream;
    listener.mode = 0600;
    listener.path = view.get("base_dir") + "/anvil";
    listener.label = "anvil";
    spec.listeners.push_back(listener);
    listener.path = view.get("base_dir") + "/delivery";
    listener.label = "delivery";
    auto lmtp = view.service("lmtp");
    auto user = lmtp ? lmtp_user(view, *lmtp) : view.get("default_internal_user");
    if (auto identity = service::find_user(user)) listener.uid = identity->uid;
    spec.listeners.push_back(listener);
    return;
  }
}

}  // namespace

const KnownService* find_known_service(std::string_view name) {
  for (auto& known : kKnownServices) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

Result<ServiceTable> service_table(const Tree& tree) {
  auto view = tree.view({});
  if (!view) return view.error();
  ServiceTable table;
  Builder builder(tree, **view, table);
  auto protocols = (*view)->get("protocols");
  for (auto& service : (*view)->services()) {
    // Deliveries need the broker even where nobody may read mail.
    bool broker_for_lmtp = service.name == "imap" && has_word(protocols, "lmtp");
    if (!service.protocol.empty() && service.protocol != "anvil" && service.protocol != "worker" &&
        !has_word(protocols, service.protocol) && !broker_for_lmtp) {
      continue;
    }
    auto* known = find_known_service(service.name);
    bool runs = known && (known->kind == ServiceKind::process || known->kind == ServiceKind::mail);
    if (!runs) {
      bool wanted = !known && !service.protocol.empty();
      if (wanted) table.warnings.push_back(format("service {} is not supported yet: it does not run", service.name));
      continue;
    }
    auto added = builder.add(service, *known);
    if (!added) return added.error();
  }
  switch_off_penalties(**view, table);
  merge_mail_services(table);
  add_broker_listeners(**view, table);
  return table;
}

}  // namespace dovetail::mda
