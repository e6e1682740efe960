// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/resolve.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/resolve/interfaces.h"
#include "mta/resolve/tables.h"

namespace dovetail::mta {

namespace {

constexpr int64_t kWildcardMemory = 30'000;  // milliseconds
constexpr std::string_view kDunno = "DUNNO";

// What is known about an address while its domain is looked for.
struct Dissected {
  std::string local, domain;  // domain lower case
  bool is_local = false;
  bool bad = false;
};

class ResolverImpl final : public Resolver, private lookup::LocalDomains {
 public:
  ResolverImpl(ResolveTables tables, const Logger& log) : tables_(std::move(tables)), log_(log) {}

  std::string rewrite(std::string_view address, RewriteContext context) const override {
    return rewrite_address(address, tables_.rewrite, context == RewriteContext::remote);
  }
  Task<Result<Resolution>> resolve(std::string sender, std::string recipient, bool verify) override;
  Task<Result<bool>> is_local_domain(std::string domain) override;
  Task<Result<bool>> is_local(std::string_view domain) override {
    auto found = co_await is_local_domain(std::string(domain));
    co_return found;
  }

 private:
  bool has_operator(std::string_view local, bool or_quoted) const;
  Task<Result<Dissected>> dissect(std::string recipient);
  Task<Result<void>> classify(Resolution& to, const RouteTables& route, const std::string& sender);
  Task<Result<bool>> is_in(const lookup::MatchList& list, const std::string& domain,
                           std::string_view other);
  Task<Result<void>> route_out(Resolution& to, const RouteTables& route, const std::string& sender);
  Task<Result<lookup::Found>> sender_dependent(const lookup::Maps& maps, const std::string& sender,
                                               const std::string& empty_key);
  Task<Result<void>> apply_transport_maps(Resolution& to, RouteTables& route);
  Task<Result<lookup::Found>> wildcard(RouteTables& route);
  Task<Result<void>> apply_relocated(Resolution& to);

  ResolveTables tables_;
  Logger log_;
};

// Operators that mean routing: "user@inner", "site!user", "user%inner".
bool ResolverImpl::has_operator(std::string_view local, bool or_quoted) const {
  if (!or_quoted && mail::quote_local_part(local) != local) return false;
  const RewriteParameters& p = tables_.rewrite;
  return local.find('@') != std::string_view::npos ||
         (p.swap_bangpath && local.find('!') != std::string_view::npos && local.front() != '!') ||
         (p.allow_percent_hack && local.find('%') != std::string_view::npos);
}

Task<Result<bool>> ResolverImpl::is_local_domain(std::string domain) {
  if (domain.size() > 1 && domain.back() == '.') domain.pop_back();
  auto listed = co_await tables_.mydestination.match_string(domain);
  if (!listed || *listed) co_return listed;
  auto address = domain_literal(domain);
  if (!address) co_return false;
  const auto& own = tables_.interfaces;
  co_return std::find(own.begin(), own.end(), address->address_bytes()) != own.end();
}

// Takes local domains off the right end until the address is remote, or local for good.
Task<Result<Dissected>> ResolverImpl::dissect(std::string recipient) {
  Dissected out;
  std::string address = std::move(recipient);
  std::string last_local;
  for (size_t guard = address.size() + 8; guard > 0; --guard) {
    auto [local, domain] = mail::split_address(address);
    std::string host = base::lower(domain.value_or(""));
    if (host.size() > 1 && host.back() == '.' && host[host.size() - 2] != '.') host.pop_back();
    bool null_domain = domain && host.empty();
    if (null_domain && !tables_.parameters.resolve_null_domain) {
      out.bad = true;
      out.local = local;
      co_return out;
    }
    if (domain && !null_domain) {
      auto local_domain = co_await is_local_domain(host);
      if (!local_domain) co_return local_domain.error();
      if (!*local_domain) {
        out.local = local;
        out.domain = host;
        co_return out;
      }
      last_local = host;
    }
    std::string inner(local);
    if (!has_operator(inner, tables_.parameters.resolve_dequoted_address)) {
      out.local = inner;
      break;
    }
    std::string next = rewrite_local_part(inner, tables_.rewrite);
    if (next == address) {
      out.local = inner;
      break;
    }
    address = std::move(next);
  }
  out.is_local = true;
  out.domain = last_local.empty() ? base::lower(tables_.parameters.myhostname) : last_local;
  if (out.local.empty()) out.local = tables_.parameters.empty_address_recipient;
  co_return out;
}

// A domain in two classes is the administrator's mistake; the first class stays.
Task<Result<bool>> ResolverImpl::is_in(const lookup::MatchList& list, const std::string& domain,
                                       std::string_view other) {
  auto found = co_await list.match_domain(domain);
  if (found && *found && !other.empty())
    log_.warning("do not list domain {} in BOTH {}", domain, other);
  co_return found;
}

// Lookup errors of any list are the caller's temporary failure.
Task<Result<void>> ResolverImpl::classify(Resolution& to, const RouteTables& route,
                                          const std::string& sender) {
  const ResolveParameters& p = tables_.parameters;
  auto alias = co_await is_in(tables_.virtual_alias_domains, to.domain, "");
  if (!alias) co_return alias.error();
  if (*alias) {
    to.address_class = AddressClass::alias;
    to.transport = "error";
    to.nexthop = p.show_user_unknown_table_name ? "5.1.1 User unknown in virtual alias table"
                                                : "5.1.1 User unknown";
    auto both = co_await is_in(tables_.virtual_mailbox_domains, to.domain,
                               "virtual_alias_domains and virtual_mailbox_domains");
    if (!both) co_return both.error();
    co_return Result<void>();
  }
  auto mailbox = co_await is_in(tables_.virtual_mailbox_domains, to.domain, "");
  if (!mailbox) co_return mailbox.error();
  if (*mailbox) {
    to.address_class = AddressClass::virtual_mailbox;
    TransportNexthop via = parse_transport(route.parameters.virtual_transport);
    to.transport = via.transport;
    to.nexthop = via.nexthop.empty() ? to.domain : via.nexthop;
    auto both = co_await is_in(tables_.relay_domains, to.domain,
                               "virtual_mailbox_domains and relay_domains");
    if (!both) co_return both.error();
    co_return Result<void>();
  }
  auto relay = co_await is_in(tables_.relay_domains, to.domain, "");
  if (!relay) co_return relay.error();
  to.address_class = *relay ? AddressClass::relay : AddressClass::remote;
  auto done = co_await route_out(to, route, sender);
  co_return done;
}

Task<Result<lookup::Found>> ResolverImpl::sender_dependent(const lookup::Maps& maps,
                                                           const std::string& sender,
                                                           const std::string& empty_key) {
  if (maps.empty()) co_return lookup::Found();
  lookup::AddrFindOptions options;
  options.forms = lookup::find_mailbox;
  options.recipient_delimiter = tables_.rewrite.recipient_delimiter;
  std::string key = sender.empty() ? empty_key : sender;
  auto found = co_await lookup::mail_addr_find(maps, key, options);
  if (!found) co_return found.error();
  if (!*found || base::iequals((*found)->value, kDunno)) co_return lookup::Found();
  co_return lookup::Found((*found)->value);
}

Task<Result<void>> ResolverImpl::route_out(Resolution& to, const RouteTables& route,
                                           const std::string& sender) {
  const ResolveParameters& p = tables_.parameters;
  bool relay = to.address_class == AddressClass::relay;
  std::string transport =
      relay ? route.parameters.relay_transport : route.parameters.default_transport;
  if (!relay) {
    auto own = co_await sender_dependent(route.sender_dependent_default_transport_maps, sender,
                                         p.empty_address_default_transport_maps_lookup_key);
    if (!own) co_return own.error();
    if (*own) {
      TransportNexthop base = parse_transport(transport);
      TransportNexthop via = parse_transport(**own);
      transport = (via.transport.empty() ? base.transport : via.transport) + ':' + via.nexthop;
    }
  }
  TransportNexthop via = parse_transport(transport);
  to.transport = via.transport;
  to.nexthop = via.nexthop;
  if (!to.nexthop.empty()) co_return Result<void>();
  auto own = co_await sender_dependent(route.sender_dependent_relayhost_maps, sender,
                                       p.empty_address_relayhost_maps_lookup_key);
  if (!own) co_return own.error();
  if (*own)
    to.nexthop = **own;
  else if (!route.parameters.relayhost.empty())
    to.nexthop = route.parameters.relayhost;
  else
    to.nexthop = to.domain;
  co_return Result<void>();
}

Task<Result<lookup::Found>> ResolverImpl::wildcard(RouteTables& route) {
  int64_t now = base::monotonic_now().count();
  if (now < route.wildcard.until) co_return route.wildcard.value;
  auto found = co_await route.transport_maps.lookup("*", lookup::Keys::fixed);
  if (!found) co_return found.error();
  route.wildcard.value = *found;
  route.wildcard.until = now + kWildcardMemory;
  co_return found;
}

Task<Result<void>> ResolverImpl::apply_transport_maps(Resolution& to, RouteTables& route) {
  if (route.transport_maps.empty()) co_return Result<void>();
  lookup::AddrFindOptions options;
  options.forms = lookup::find_full | lookup::find_no_extension | lookup::find_domain |
                  (tables_.transport_parents ? lookup::find_parents : lookup::find_dot_parents);
  options.recipient_delimiter = tables_.rewrite.recipient_delimiter;
  auto found = co_await lookup::mail_addr_find(route.transport_maps, to.recipient, options);
  if (!found) co_return found.error();
  lookup::Found entry;
  if (*found) {
    entry = (*found)->value;
  } else {
    auto any = co_await wildcard(route);
    if (!any) co_return any.error();
    entry = *any;
  }
  if (!entry) co_return Result<void>();
  TransportNexthop via{to.transport, to.nexthop};
  apply_transport_entry(*entry, to.domain, via);
  to.transport = via.transport;
  to.nexthop = via.nexthop;
  co_return Result<void>();
}

Task<Result<void>> ResolverImpl::apply_relocated(Resolution& to) {
  if (tables_.relocated_maps.empty()) co_return Result<void>();
  lookup::AddrFindOptions options;
  options.recipient_delimiter = tables_.rewrite.recipient_delimiter;
  options.local = this;
  auto found = co_await lookup::mail_addr_find(tables_.relocated_maps, to.recipient, options);
  if (!found) co_return found.error();
  if (!*found) co_return Result<void>();
  to.transport = "error";
  to.nexthop = "5.1.6 User has moved to " + (*found)->value;
  co_return Result<void>();
}

Task<Result<Resolution>> ResolverImpl::resolve(std::string sender, std::string recipient,
                                               bool verify) {
  RouteTables& route = verify ? tables_.verify : tables_.mail;
  auto parts = co_await dissect(std::move(recipient));
  if (!parts) co_return parts.error();
  Resolution to;
  to.domain = parts->domain;
  to.recipient = parts->local + '@' + parts->domain;
  to.bad_address = parts->bad;
  // A command line must not take a recipient for an option.
  if (parts->local.starts_with('-') && !tables_.parameters.allow_min_user) to.bad_address = true;
  if (!parts->is_local) {
    to.routed = has_operator(parts->local, tables_.parameters.resolve_dequoted_address);
    // user@[192.0.2.1] is an address literal (RFC 5321 4.1.3), user@192.0.2.1 a mistake unless main.cf says otherwise.
    bool literal = to.domain.starts_with('[');
    bool numeric = !literal && SockAddr::ip(to.domain, 0).has_value();
    if (literal && !domain_literal(to.domain)) to.bad_address = true;
    if (numeric && !tables_.parameters.resolve_numeric_domain) to.bad_address = true;
    if (to.domain.find_first_of(" \t,;<>\"") != std::string::npos) to.bad_address = true;
  }
  if (to.bad_address) {
    to.transport = "error";
    to.nexthop = "5.1.3 Bad recipient address syntax";
    co_return to;
  }
  if (parts->is_local) {
    to.address_class = AddressClass::local;
    TransportNexthop via = parse_transport(route.parameters.local_transport);
    to.transport = via.transport;
    to.nexthop = via.nexthop.empty() ? tables_.parameters.myhostname : via.nexthop;
  } else {
    auto classified = co_await classify(to, route, sender);
    if (!classified) co_return classified.error();
  }
  auto routed = co_await apply_transport_maps(to, route);
  if (!routed) co_return routed.error();
  auto moved = co_await apply_relocated(to);
  if (!moved) co_return moved.error();
  co_return to;
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::open(net::Loop& loop, const conf::MainCf& main_cf,
                                                 const Logger& log) {
  auto tables = open_resolve_tables(loop, main_cf, log);
  if (!tables) return tables.error();
  return std::unique_ptr<Resolver>(std::make_unique<ResolverImpl>(std::move(*tables), log));
}

}  // namespace dovetail::mta
