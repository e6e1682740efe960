// The DNS of the domains and of this host, with --dns: where their mail is sent, what this host is called, and whether its mail
// passes SPF (RFC 5321 5, RFC 7208). A name server that does not answer is a note, never a finding against the zone.
// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>
#include <set>

#include "check/domains.h"
#include "check/rules.h"
#include "check/spf.h"
#include "common/base/text.h"
#include "conf/postfix/own_addresses.h"

namespace dovetail::check {

namespace {

// Addresses under which the world reaches this host.
struct OwnHost {
  std::set<std::string> addresses;
  bool only_private = true;
};

bool is_private(const std::string& text) {
  constexpr std::string_view networks[] = {"10.0.0.0/8",    "172.16.0.0/12",  "192.168.0.0/16",
                                           "100.64.0.0/10", "169.254.0.0/16", "fc00::/7",
                                           "fe80::/10"};
  auto address = SockAddr::ip(text, 0);
  return address && std::any_of(std::begin(networks), std::end(networks), [&](auto network) {
           return net::Network::parse(network)->contains(*address);
         });
}

OwnHost own_host(const Site& site) {
  OwnHost host;
  auto add = [&](const std::string& text) {
    auto address = SockAddr::ip(text, 0);
    if (!address || address->is_loopback() || text.starts_with("fe80:")) return;
    host.addresses.insert(address->host());
    host.only_private = host.only_private && is_private(address->host());
  };
  if (auto own = conf::own_addresses(site.main_cf())) {
    for (auto& one : *own) {
      char text[INET6_ADDRSTRLEN];
      add(inet_ntop(one.family, one.bytes.data(), text, sizeof(text)));
    }
  }
  for (auto& word : list_words(site.get("proxy_interfaces"))) add(word);
  return host;
}

struct MailRoute {
  std::string domain;
  Place place;
  net::DnsAnswer<net::MxRecord> mx;
  std::vector<std::pair<std::string, std::set<std::string>>> hosts;  // MX host -> addresses
  bool temporary = false;
  bool local = false;  // of mydestination
};

Task<> find_addresses(net::Resolver& resolver, std::string name, std::set<std::string>& out,
                      bool& temporary) {
  auto four = co_await resolver.a(name);
  auto six = co_await resolver.aaaa(name);
  for (auto& one : four.records) out.insert(one.host());
  for (auto& one : six.records) out.insert(one.host());
  temporary = temporary || (out.empty() && four.status == net::DnsStatus::temporary);
}

Task<> find_route(net::Resolver& resolver, MailRoute& route) {
  route.mx = co_await resolver.mx(route.domain);
  std::vector<std::string> names;
  for (auto& one : route.mx.records) names.push_back(one.host);
  bool none = route.mx.status == net::DnsStatus::no_data;
  if (none) names.push_back(route.domain);  // RFC 5321 5.1: the domain's own address
  route.temporary = route.mx.status == net::DnsStatus::temporary;
  for (auto& name : names) {
    std::set<std::string> addresses;
    if (!name.empty()) co_await find_addresses(resolver, name, addresses, route.temporary);
    route.hosts.emplace_back(name, std::move(addresses));
  }
}

void judge_route(Report& report, const MailRoute& route, const OwnHost& own) {
  auto add = [&](Severity severity, std::string wrong, std::string effect, std::string remedy) {
    report.add({route.place, severity, std::move(wrong), std::move(effect), std::move(remedy)});
  };
  if (route.temporary) {
    add(Severity::note, format("the DNS gives no answer for {}", route.domain),
        "its MX was not examined", "look at /etc/resolv.conf and the zone's servers");
    return;
  }
  if (route.mx.status == net::DnsStatus::not_found) {
    // Names of this host in mydestination need no record; nobody is told of them.
    add(route.local ? Severity::note : Severity::error,
        format("{} does not exist in the DNS", route.domain),
        "no mail for it is sent here, and answers to its mail go nowhere",
        format("add \"{} MX 10 HOST\" to its zone", route.domain));
    return;
  }
  std::set<std::string> all;
  for (auto& [name, addresses] : route.hosts) {
    all.insert(addresses.begin(), addresses.end());
    if (addresses.empty())
      add(Severity::error,
          name.empty() ? format("{} has a null MX", route.domain)
                       : format("the MX of {}, {}, has no address", route.domain, name),
          "mail for it is not sent here by way of that record",
          "correct the MX, or give the host an A record");
    if (SockAddr::ip(name, 0))
      add(Severity::error, format("the MX of {} is an address, {}", route.domain, name),
          "many sites refuse to send to it", "name a host there");
  }
  bool here =
      std::any_of(all.begin(), all.end(), [&](auto& one) { return own.addresses.contains(one); });
  if (here || all.empty()) return;
  std::vector<std::string> theirs(all.begin(), all.end()),
      ours(own.addresses.begin(), own.addresses.end());
  add(own.only_private ? Severity::note : Severity::warning,
      format("mail for {} goes to {}, and this host is {}", route.domain, some_of(theirs),
             some_of(ours)),
      own.only_private ? "behind address translation that may be right"
                       : "mail for it is delivered elsewhere",
      own.only_private ? "name the outer address in proxy_interfaces"
                       : "let the MX point here, or take the domain out");
  if (route.mx.records.empty())
    add(Severity::note, format("{} has no MX record", route.domain),
        "mail is sent to its own address", "add an MX record");
}

}  // namespace

void rule_dns_mail(Site& site, Report& report) {
  auto own = own_host(site);
  std::vector<MailRoute> routes;
  for (auto& [domain, place] : own_domains(site)) {
    // The host's own name gets mail by its address; the domains are what the world writes to.
    bool local = in_list(site, "mydestination", domain) == InList::yes;
    bool host_name = local && base::iequals(domain, site.get("myhostname"));
    if (!host_name && routes.size() < 200) routes.push_back({domain, place, {}, {}, false, local});
  }
  std::vector<Task<>> tasks;
  for (auto& route : routes) tasks.push_back(find_route(*site.surroundings().resolver, route));
  net::run_until_done(site.loop(), net::when_all(site.loop(), std::move(tasks)));
  for (auto& route : routes) judge_route(report, route, own);
}

namespace {

struct HostFacts {
  std::set<std::string> addresses;  // of $myhostname
  bool temporary = false;
  std::map<std::string, net::DnsAnswer<std::string>> names;  // own address -> PTR
  std::map<std::string, std::set<std::string>> back;         // PTR name -> addresses
};

Task<> find_host(net::Resolver& resolver, std::string name, std::set<std::string> own,
                 HostFacts& facts) {
  co_await find_addresses(resolver, name, facts.addresses, facts.temporary);
  for (auto& address : own) {
    auto parsed = *SockAddr::ip(address, 0);
    facts.names[address] = co_await resolver.ptr(parsed);
    auto names = facts.names[address].records;
    bool ignored = false;
    for (auto& one : names) co_await find_addresses(resolver, one, facts.back[one], ignored);
  }
}

void judge_pointers(Site& site, Report& report, const HostFacts& facts) {
  auto place = site.at("myhostname");
  for (auto& [address, answer] : facts.names) {
    if (answer.status == net::DnsStatus::temporary) {
      report.add({place, Severity::note,
                  format("the DNS gives no answer for the name of {}", address),
                  "it was not examined", "ask again"});
      continue;
    }
    if (answer.records.empty()) {
      if (is_private(address)) continue;
      report.add({place, Severity::warning, format("{} has no name (PTR)", address),
                  "many sites refuse mail from an address without a name",
                  format("have the network's owner set its PTR to {}", site.get("myhostname"))});
      continue;
    }
    bool confirmed = std::any_of(
        answer.records.begin(), answer.records.end(), [&facts, &address = address](auto& name) {
          auto found = facts.back.find(name);
          return found != facts.back.end() && found->second.contains(address);
        });
    if (confirmed) continue;
    report.add({place, Severity::warning,
                format("{} is called {}, and that name has not this address", address,
                       some_of(answer.records)),
                "many sites take this host for a liar and refuse its mail",
                "let name and address point at each other"});
  }
}

}  // namespace

void rule_dns_host(Site& site, Report& report) {
  auto own = own_host(site);
  auto name = site.get("myhostname");
  HostFacts facts;
  net::run_until_done(site.loop(),
                      find_host(*site.surroundings().resolver, name, own.addresses, facts));
  auto place = site.at("myhostname");
  if (facts.addresses.empty()) {
    report.add({place, facts.temporary ? Severity::note : Severity::warning,
                facts.temporary ? format("the DNS gives no answer for {}", name)
                                : format("{} (myhostname) has no address in the DNS", name),
                facts.temporary ? "it was not examined"
                                : "sites that check the HELO name refuse mail of this host",
                facts.temporary ? "ask again"
                                : format("add an A record for {}, or correct myhostname", name)});
  } else if (std::none_of(facts.addresses.begin(), facts.addresses.end(),
                          [&](auto& one) { return own.addresses.contains(one); })) {
    std::vector<std::string> theirs(facts.addresses.begin(), facts.addresses.end()),
        ours(own.addresses.begin(), own.addresses.end());
    report.add({place, own.only_private ? Severity::note : Severity::warning,
                format("{} (myhostname) is {} in the DNS, and this host is {}", name,
                       some_of(theirs), some_of(ours)),
                own.only_private ? "behind address translation that may be right"
                                 : "sites that check the HELO name refuse mail of this host",
                own.only_private ? "name the outer address in proxy_interfaces"
                                 : "correct the A record or myhostname"});
  }
  judge_pointers(site, report, facts);
}

namespace {

struct SpfCase {
  std::string domain, address;
  Place place;
  SpfAnswer answer;
};

Task<> ask_spf(net::Resolver& resolver, SpfCase& one) {
  one.answer = co_await check_spf(resolver, one.domain, one.address);
}

void judge_spf(Report& report, const SpfCase& one, bool is_host, bool is_alone) {
  if (one.answer.result == Spf::temporary) {
    report.add({one.place, Severity::note,
                format("the DNS gives no answer for the SPF of {}", one.domain),
                "it was not examined", "ask again"});
  } else if (one.answer.result == Spf::none) {
    if (is_host) return;
    report.add({one.place, Severity::warning, format("{} has no SPF record", one.domain),
                "large sites sort its mail as spam or refuse it",
                format("add TXT \"v=spf1 mx -all\" to {}", one.domain)});
  } else if (one.answer.result == Spf::error) {
    report.add({one.place, Severity::error,
                format("the SPF record of {} is malformed: {}", one.domain, one.answer.why),
                "mail of the domain is treated as forged by some sites", "correct the record"});
  } else if (one.answer.result == Spf::fail || one.answer.result == Spf::soft_fail) {
    report.add({one.place, is_alone ? Severity::error : Severity::note,
                format("the SPF record of {} ({}) does not allow this host, {}", one.domain,
                       one.answer.why, one.address),
                one.answer.result == Spf::fail ? "other sites refuse its mail from here"
                                               : "other sites sort its mail from here as spam",
                format("add ip{}:{} to it", one.address.find(':') == std::string::npos ? 4 : 6,
                       one.address)});
  }
}

}  // namespace

void rule_dns_spf(Site& site, Report& report) {
  auto own = own_host(site);
  auto domains = own_domains(site);
  auto host = base::lower(site.get("myhostname"));
  auto names = domains;
  names.emplace(host, site.at("myhostname"));
  std::vector<SpfCase> cases;
  for (auto& [domain, place] : names) {
    for (auto& address : own.addresses) {
      if (is_private(address) && !own.only_private) continue;  // nobody outside sees it
      if (cases.size() < 200) cases.push_back({domain, address, place, {}});
    }
  }
  std::vector<Task<>> tasks;
  for (auto& one : cases) tasks.push_back(ask_spf(*site.surroundings().resolver, one));
  net::run_until_done(site.loop(), net::when_all(site.loop(), std::move(tasks)));
  for (auto& one : cases) {
    // The name in HELO has a record of its own only where someone made it.
    bool is_host = one.domain == host && in_list(site, "mydestination", host) != InList::no;
    judge_spf(report, one, is_host || !domains.contains(one.domain),
              own.addresses.size() == 1 || !is_private(one.address));
  }
}

}  // namespace dovetail::check
