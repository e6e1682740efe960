// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/mapping.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address.h"

namespace dovetail::mta {

namespace {

constexpr int kCanonicalNesting = 10;

bool has_address(const std::vector<std::string>& list, std::string_view address) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& at) { return base::iequals(at, address); });
}

}  // namespace

void AddressMapper::lookup_problem(const lookup::Maps& maps, const std::string& address) {
  service_.log.warning("{}: {} map lookup problem for {} -- message not accepted, try again later",
                       queue_id_, maps.title(), base::printable(address, true));
  trouble_.status |= kCleanupWrite;
}

void AddressMapper::unreasonable(std::string_view what, const std::string& address) {
  service_.log.warning(
      "{}: unreasonable virtual_alias_maps map {} for {} -- message not accepted, try again later",
      queue_id_, what, base::printable(address, true));
  trouble_.status |= kCleanupDefer;
  trouble_.reason = "4.6.0 Alias expansion error";
}

Task<AddressMapper::Step> AddressMapper::look_up(const lookup::Maps& maps, std::string address,
                                                 bool propagate) {
  Step step;
  lookup::AddrFindOptions options;
  options.recipient_delimiter = service_.parameters.recipient_delimiter;
  options.local = &service_.local_domains;
  options.cache = &cache_;
  auto found = co_await lookup::mail_addr_find(maps, address, options);
  if (!found) {
    step.failed = true;
    lookup_problem(maps, address);
    co_return step;
  }
  if (!*found) co_return step;
  std::string extension = propagate ? (*found)->extension : std::string();
  for (const std::string& result : lookup::result_addresses((*found)->value, address, extension)) {
    std::string internal = mail::unquote_address(result);
    std::string rewritten = service_.resolver->rewrite(internal, RewriteContext::local);
    if (!rewritten.empty()) step.addresses.push_back(std::move(rewritten));
  }
  step.found = !step.addresses.empty();
  co_return step;
}

// Applied again to its result until nothing changes.
Task<std::string> AddressMapper::map_one(const lookup::Maps& maps, std::string address) {
  if (maps.empty()) co_return address;
  std::string original = address;
  for (int count = 0; count < kCanonicalNesting; ++count) {
    Step step = co_await look_up(maps, address, service_.tables.propagate_canonical);
    if (!step.found) co_return address;
    if (step.addresses.size() > 1)
      service_.log.warning("{}: multi-valued {} entry for {}", queue_id_, maps.title(),
                           base::printable(address, true));
    bool same = base::iequals(step.addresses[0], address);
    address = step.addresses[0];
    if (same) co_return address;
  }
  service_.log.warning(
      "{}: unreasonable {} map nesting for {} -- message not accepted, try again later", queue_id_,
      maps.title(), base::printable(original, true));
  trouble_.status |= kCleanupDefer;
  trouble_.reason = "4.6.0 Address mapping error";
  co_return address;
}

Task<std::string> AddressMapper::canonical(std::string address, AddressPlace place) {
  const CleanupTables& tables = service_.tables;
  if (address.empty()) co_return address;
  bool is_sender = place == kEnvelopeSender || place == kHeaderSenderPlace;
  if (is_sender && (tables.sender_canonical_classes & place)) {
    auto mapped = co_await map_one(tables.sender_canonical, std::move(address));
    address = std::move(mapped);
  }
  if (!is_sender && (tables.recipient_canonical_classes & place)) {
    auto mapped = co_await map_one(tables.recipient_canonical, std::move(address));
    address = std::move(mapped);
  }
  if (tables.canonical_classes & place) {
    auto mapped = co_await map_one(tables.canonical, std::move(address));
    address = std::move(mapped);
  }
  if ((tables.masquerade_classes & place) && !tables.masquerade_domains.empty()) {
    auto masked = co_await masquerade(std::move(address));
    address = std::move(masked);
  }
  co_return address;
}

// host.example.org becomes example.org; "!host.example.org" in front keeps its subdomains.
Task<std::string> AddressMapper::masquerade(std::string address) {
  auto [local, domain] = mail::split_address(address);
  if (!domain) co_return address;
  std::string user(local), host = base::lower(*domain);
  if (!service_.tables.masquerade_exceptions.empty()) {
    auto excepted = co_await service_.tables.masquerade_exceptions.match_string(user);
    if (!excepted) {
      service_.log.warning(
          "{}: masquerade_exceptions lookup error -- message not accepted, try again later",
          queue_id_);
      trouble_.status |= kCleanupWrite;
      co_return address;
    }
    if (*excepted) co_return address;
  }
  for (std::string_view mask : service_.tables.masquerade_domains) {
    bool keep = !mask.empty() && mask[0] == '!';
    if (keep) mask.remove_prefix(1);
    bool matches = host == mask || (host.size() > mask.size() && host.ends_with(mask) &&
                                    host[host.size() - mask.size() - 1] == '.');
    if (!matches) continue;
    co_return keep ? address : user + '@' + std::string(mask);
  }
  co_return address;
}

Task<bool> AddressMapper::expand_at(std::vector<std::string>& list, size_t at,
                                    std::vector<std::string>& to_itself) {
  const CleanupParameters& p = service_.parameters;
  for (int count = 0;; ++count) {
    if (has_address(to_itself, list[at])) co_return true;
    if (count >= p.virtual_alias_recursion_limit) {
      unreasonable("nesting", list[at]);
      co_return false;
    }
    std::string key = list[at];
    Step step =
        co_await look_up(service_.tables.virtual_alias, key, service_.tables.propagate_virtual);
    if (step.failed) co_return false;
    if (!step.found) co_return true;
    for (size_t i = 0; i < step.addresses.size(); ++i) {
      std::string& result = step.addresses[i];
      if (result.size() > static_cast<size_t>(p.virtual_alias_address_length_limit)) {
        unreasonable("result", result.substr(0, 300) + "...");
        co_return false;
      }
      // An alias that contains itself keeps the mailbox of that name, once.
      if (base::iequals(result, key)) to_itself.push_back(key);
      if (i == 0)
        list[at] = std::move(result);
      else
        list.push_back(std::move(result));
    }
  }
}

Task<std::vector<std::string>> AddressMapper::expand_virtual(std::string address) {
  std::vector<std::string> list{address};
  if (service_.tables.virtual_alias.empty()) co_return list;
  std::vector<std::string> to_itself;
  for (size_t at = 0; at < list.size(); ++at) {
    if (list.size() > static_cast<size_t>(service_.parameters.virtual_alias_expansion_limit)) {
      unreasonable("expansion size", address);
      co_return std::vector<std::string>();
    }
    bool good = co_await expand_at(list, at, to_itself);
    if (!good) co_return std::vector<std::string>();
  }
  co_return list;
}

Task<std::string> AddressMapper::bcc(const lookup::Maps& maps, std::string address) {
  if (maps.empty()) co_return std::string();
  Step step = co_await look_up(maps, std::move(address), false);
  co_return step.found ? step.addresses[0] : std::string();
}

}  // namespace dovetail::mta
