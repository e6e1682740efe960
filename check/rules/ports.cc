// Listeners of both suites against each other, and TLS from the first byte where clients expect it.
// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>

#include <algorithm>

#include "check/rules.h"
#include "common/base/text.h"
#include "common/net/address.h"
#include "conf/postfix/own_addresses.h"

namespace dovetail::check {

namespace {

struct Endpoint {
  std::string address;  // "*", "::" (any IPv4, any IPv6), a literal, or a name as written
  unsigned port = 0;
  Place place;
  std::string owner;
  bool dovecot = false;
};

struct NamedPort {
  std::string_view name;
  unsigned port;
};
// Where /etc/services lacks them.
constexpr NamedPort named_ports[] = {
    {"smtp", 25}, {"submission", 587}, {"smtps", 465}, {"submissions", 465}, {"urd", 465}};

unsigned port_number(std::string_view text) {
  if (auto number = base::parse_number<unsigned>(text)) return *number;
  for (auto& known : named_ports) {
    if (known.name == text) return known.port;
  }
  auto* service = getservbyname(std::string(text).c_str(), "tcp");
  return service ? ntohs(static_cast<uint16_t>(service->s_port)) : 0;
}

std::vector<std::string> addresses_of(std::string_view host, const conf::Protocols& protocols) {
  std::vector<std::string> all;
  auto add = [&](std::string_view text, bool four) {
    if (four ? protocols.ipv4 : protocols.ipv6) all.emplace_back(text);
  };
  if (host == "all") {
    add("*", true);
    add("::", false);
  } else if (host == "loopback-only" || host == "localhost") {
    add("127.0.0.1", true);
    add("::1", false);
  } else if (host == "0.0.0.0") {
    add("*", true);
  } else {
    auto plain = base::replace_all(base::replace_all(host, "[", ""), "]", "");
    all.push_back(plain);
  }
  return all;
}

void add_postfix(Site& site, std::vector<Endpoint>& all) {
  auto protocols = conf::inet_protocols(site.main_cf());
  if (!protocols) return;
  for (auto& service : site.services()) {
    if (service.type != "inet" && service.type != "pass") continue;
    auto [host, port] = base::cut_last(service.name, ':');
    unsigned number = port_number(port.value_or(host));
    if (service.type == "pass" || number == 0) continue;
    auto hosts = port ? std::vector<std::string>{std::string(host)}
                      : list_words(site.get("inet_interfaces"));
    auto place = site.at(service);
    for (auto& one : hosts) {
      for (auto& address : addresses_of(one, *protocols))
        all.push_back(
            {address, number, place, format("service {} of master.cf", service.name), false});
    }
  }
}

void add_dovecot(Site& site, std::vector<Endpoint>& all) {
  for (auto& service : site.view().services()) {
    if (!site.view().wanted(service)) continue;
    for (auto& listener : service.inet_listeners) {
      if (listener.port == 0) continue;
      auto path = format("service/{}/inet_listener/{}/", service.name,
                         conf::dovecot::escape_name(listener.name));
      auto place = site.dovecot_block(path);
      if (place.line == 0) place = site.dovecot_at("protocols");
      auto addresses = listener.address.empty() ? site.dovecot_get("listen") : listener.address;
      for (auto& address : list_words(addresses)) {
        all.push_back({address == "0.0.0.0" ? "*" : address, listener.port, place,
                       format("service {} of Dovecot", service.name), true});
      }
    }
  }
}

bool is_ipv6(std::string_view address) {
  return address.find(':') != address.npos;
}

bool overlaps(const Endpoint& a, const Endpoint& b) {
  if (a.port != b.port) return false;
  if (a.address == b.address) return true;
  bool any = a.address == "*" || a.address == "::" || b.address == "*" || b.address == "::";
  return any && is_ipv6(a.address) == is_ipv6(b.address);
}

}  // namespace

void rule_ports(Site& site, Report& report) {
  std::vector<Endpoint> all;
  if (site.has_postfix()) add_postfix(site, all);
  if (site.has_dovecot()) add_dovecot(site, all);
  std::vector<std::string> told;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) {
      auto &one = all[i], &other = all[j];
      if (!overlaps(one, other) || (one.owner == other.owner && one.place.line == other.place.line))
        continue;
      auto key = format("{} {} {}", one.owner, other.owner, one.port);
      if (std::find(told.begin(), told.end(), key) != told.end()) continue;
      told.push_back(key);
      report.add(
          {other.place, Severity::error,
           format("port {} is claimed by {} ({}:{}) and by {}", one.port, one.owner, one.place.file,
                  one.place.line, other.owner),
           one.dovecot == other.dovecot
               ? "the second one cannot listen (\"Address already in use\"): nothing starts"
               : "the suite that starts second cannot listen (\"Address already in use\") and ends",
           "give the port to one of them"});
    }
  }
}

void rule_wrapper_mode(Site& site, Report& report) {
  for (auto& view : site.services_running("smtpd")) {
    if (view.service->type != "inet") continue;
    auto [host, port] = base::cut_last(view.service->name, ':');
    unsigned number = port_number(port.value_or(host));
    bool wrapped = Site::get(view.cf, "smtpd_tls_wrappermode") == "yes";
    if (number == 465 && !wrapped) {
      report.add(
          {site.at(*view.service), Severity::error,
           format("service {} on port 465 has no smtpd_tls_wrappermode=yes", view.service->name),
           "mail programs expect TLS from the first byte there: they wait, and give up; who speaks "
           "clear text is served in clear",
           "add -o smtpd_tls_wrappermode=yes"});
    }
    if ((number == 25 || number == 587) && wrapped) {
      report.add({site.at(*view.service, "smtpd_tls_wrappermode"), Severity::error,
                  format("service {} on port {} has smtpd_tls_wrappermode=yes", view.service->name,
                         number),
                  "clients that expect SMTP in clear and STARTTLS get nothing they understand",
                  "take it out; it belongs to port 465"});
    }
  }
}

}  // namespace dovetail::check
