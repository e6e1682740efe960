// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/targets.h"

#include <netdb.h>

#include <algorithm>

#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::mta {

using net::DnsStatus;

namespace {

bool has_family(std::string_view protocols, std::string_view family) {
  for (auto word : base::words(protocols, " ,\t\r\n")) {
    if (word == "all" || word == family) return true;
  }
  return false;
}

Result<uint16_t> tcp_port(const std::string& name, uint16_t otherwise) {
  if (name.empty()) return otherwise;
  if (auto number = base::parse_number<uint16_t>(name)) return *number;
  if (auto* entry = getservbyname(name.c_str(), "tcp")) return ntohs(static_cast<uint16_t>(entry->s_port));
  return permanent(format("unknown service: {}/tcp", name));
}

mail::DsnText dns_problem(const std::string& name, std::string_view type, DnsStatus status, const std::string& words) {
  bool soft = status == DnsStatus::temporary;
  return {soft ? "4.4.3" : "5.4.4",
          format("Host or domain name not found. Name service error for name={} type={}: {}", name, type, words)};
}

}  // namespace

TargetFinder::TargetFinder(std::shared_ptr<net::Resolver> resolver, const SmtpParameters& parameters,
                           std::vector<std::string> own_addresses)
    : resolver_(std::move(resolver)),
      parameters_(parameters),
      own_addresses_(std::move(own_addresses)),
      ipv4_(has_family(parameters.inet_protocols, "ipv4")),
      ipv6_(has_family(parameters.inet_protocols, "ipv6")) {}

Task<mail::DsnText> TargetFinder::add_host(std::vector<Target>& targets, std::string host, int preference, uint16_t port) {
  auto found = co_await resolver_->host_addresses(host, ipv4_, ipv6_);
  if (found.status != DnsStatus::ok) co_return dns_problem(host, ipv6_ ? "AAAA" : "A", found.status, found.error);
  for (auto& address : found.records) {
    Target target;
    target.name = host;
    target.address = address.with_port(port);
    target.preference = preference;
    target.session = format("{}[{}]", host, address.host());
    target.shown = format("{}:{}", target.session, port);
    targets.push_back(std::move(target));
  }
  co_return mail::DsnText{};
}

// Equal preferences are shuffled (RFC 5321 5.1), the preferred family first within them.
void TargetFinder::order(std::vector<Target>& targets) const {
  if (parameters_.randomize_addresses) {
    for (size_t i = targets.size(); i > 1; --i) std::swap(targets[i - 1], targets[base::random_below(static_cast<uint32_t>(i))]);
  }
  auto rank = [&](const Target& target) {
    bool v6 = target.address.family() == AF_INET6;
    if (parameters_.address_preference == "ipv4") return v6 ? 1 : 0;
    if (parameters_.address_preference == "ipv6") return v6 ? 0 : 1;
    return 0;
  };
  std::stable_sort(targets.begin(), targets.end(), [&](const Target& a, const Target& b) {
    return std::pair(a.preference, rank(a)) < std::pair(b.preference, rank(b));
  });
}

// We are a mail exchanger of the domain ourselves: only better ones may get its mail, or it would come back for ever.
void TargetFinder::drop_own(TargetList& list, const std::string& domain) const {
  auto is_own = [&](const Target& target) {
    return base::iequals(target.name, parameters_.myhostname) ||
           std::find(own_addresses_.begin(), own_addresses_.end(), target.address.address_bytes()) != own_addresses_.end();
  };
  auto own = std::find_if(list.targets.begin(), list.targets.end(), is_own);
  if (own == list.targets.end()) return;
  int limit = own->preference;
  std::erase_if(list.targets, [&](const Target& target) { return target.preference >= limit; });
  if (list.targets.empty()) list.problem = {"5.4.6", format("mail for {} loops back to myself", domain)};
}

Task<TargetList> TargetFinder::find_mx(const Nexthop& hop, uint16_t port) {
  TargetList list;
  auto answer = co_await resolver_->mx(hop.host);
  bool unknown = answer.status == DnsStatus::temporary && !parameters_.ignore_mx_lookup_error;
  if (unknown) {
    list.problem = dns_problem(hop.host, "MX", answer.status, answer.error);
    co_return list;
  }
  // "No such domain" for MX still leaves /etc/hosts and A; the words of that lookup are the ones to report.
  if (answer.status != DnsStatus::ok) {
    list.problem = co_await add_host(list.targets, hop.host, 0, port);
    if (!list.targets.empty()) order(list.targets);
    co_return list;
  }
  if (answer.records.size() == 1 && answer.records[0].host.empty()) {
    list.problem = {"5.1.0", format("Domain {} does not accept mail (nullMX)", hop.host)};
    co_return list;
  }
  for (auto& record : answer.records) {
    auto problem = co_await add_host(list.targets, record.host, record.preference, port);
    // One exchanger that could not be looked up makes "none has an address" uncertain.
    bool worse = list.problem.status.empty() || problem.status.starts_with("4");
    if (!problem.status.empty() && worse) list.problem = problem;
  }
  order(list.targets);
  if (!list.targets.empty()) drop_own(list, hop.host);
  co_return list;
}

Task<TargetList> TargetFinder::find(Nexthop hop) {
  TargetList list;
  if (!hop.unix_path.empty()) {
    auto address = SockAddr::unix_path(hop.unix_path);
    if (!address) {
      list.problem = {"4.3.5", format("unix socket path too long: {}", hop.unix_path)};
      co_return list;
    }
    Target target;
    target.name = parameters_.myhostname;
    target.address = *address;
    target.session = target.shown = format("{}[{}]", parameters_.myhostname, hop.unix_path);
    list.targets.push_back(std::move(target));
    co_return list;
  }
  auto port = tcp_port(hop.port.empty() ? parameters_.tcp_port : hop.port, parameters_.lmtp ? 24 : 25);
  if (!port) {
    list.problem = {"4.3.5", port.error().text};
    co_return list;
  }
  if (hop.use_mx) {
    list = co_await find_mx(hop, *port);
    co_return list;
  }
  list.problem = co_await add_host(list.targets, hop.host, 0, *port);
  order(list.targets);
  co_return list;
}

}  // namespace dovetail::mta
