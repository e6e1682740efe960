// check_host() of RFC 7208 4.
// SPDX-License-Identifier: Apache-2.0
#include "check/spf.h"

#include "common/base/text.h"
#include "common/net/address.h"

namespace dovetail::check {

namespace {

constexpr int kMostLookups = 10;  // RFC 7208 4.6.4

struct SpfState {
  net::Resolver& resolver;
  SockAddr address;
  int lookups = 0;
  std::string problem;
  bool temporary = false;
};

struct SpfTerm {
  char sign = '+';
  std::string name, value;  // "ip4", "192.0.2.0"
  int bits4 = 32, bits6 = 128;
};

// "-include:x", "a/24", "mx:host//64", "redirect=x"
SpfTerm parse_term(std::string_view text) {
  SpfTerm term;
  if (text.find_first_of("+-~?") == 0) {
    term.sign = text[0];
    text.remove_prefix(1);
  }
  auto colon = text.find_first_of(":=/");
  term.name = base::lower(text.substr(0, colon));
  auto rest = colon == text.npos ? std::string_view() : text.substr(colon);
  if (!rest.empty() && rest[0] != '/') rest.remove_prefix(1);
  if (term.name == "a" || term.name == "mx") {
    auto slash = rest.find('/');
    auto bits = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    auto six = bits.find('/');
    if (!bits.empty() && six != 0)
      term.bits4 = base::parse_number<int>(bits.substr(0, six)).value_or(32);
    if (six != bits.npos)
      term.bits6 = base::parse_number<int>(base::trim(bits.substr(six), "/")).value_or(128);
  }
  term.value = rest;
  return term;
}

bool same_network(const SockAddr& one, const SockAddr& other, const SpfTerm& term) {
  auto a = one.address_bytes(), b = other.address_bytes();
  if (a.size() != b.size()) return false;
  int bits = a.size() == 4 ? term.bits4 : term.bits6;
  for (size_t i = 0; bits > 0 && i < a.size(); ++i, bits -= 8) {
    auto mask = static_cast<unsigned char>(bits >= 8 ? 0xff : 0xff << (8 - bits));
    if ((static_cast<unsigned char>(a[i]) & mask) != (static_cast<unsigned char>(b[i]) & mask))
      return false;
  }
  return true;
}

Spf result_of(char sign) {
  switch (sign) {
    case '-':
      return Spf::fail;
    case '~':
      return Spf::soft_fail;
    case '?':
      return Spf::neutral;
    default:
      return Spf::pass;
  }
}

bool count_lookup(SpfState& state) {
  if (++state.lookups <= kMostLookups) return true;
  state.problem = "more than 10 lookups";
  return false;
}

Task<SpfAnswer> evaluate(SpfState& state, std::string domain);

Task<bool> match_hosts(SpfState& state, std::vector<std::string> hosts, SpfTerm term) {
  bool four = state.address.address_bytes().size() == 4;
  for (auto& host : hosts) {
    net::DnsAnswer<SockAddr> answer;
    if (four)
      answer = co_await state.resolver.a(host);
    else
      answer = co_await state.resolver.aaaa(host);
    state.temporary = state.temporary || answer.status == net::DnsStatus::temporary;
    for (auto& one : answer.records) {
      if (same_network(one, state.address, term)) co_return true;
    }
  }
  co_return false;
}

Task<bool> matches(SpfState& state, SpfTerm term, std::string domain) {
  auto& name = term.name;
  if (name == "all") co_return true;
  if (name == "ip4" || name == "ip6") {
    auto network = net::Network::parse(term.value);
    if (!network) state.problem = format("{}:{}", name, term.value);
    co_return network && network->contains(state.address);
  }
  auto target = term.value.empty() ? domain : term.value;
  if (target.find('%') != target.npos || name == "exists" || name == "ptr") co_return false;
  if (name != "a" && name != "mx" && name != "include") {
    state.problem = format("unknown mechanism {}", name);
    co_return false;
  }
  if (!count_lookup(state)) co_return false;
  std::vector<std::string> hosts;
  if (name == "include") {
    auto inner = co_await evaluate(state, target);
    bool none = inner.result == Spf::none || inner.result == Spf::no_domain;
    if (none && state.problem.empty())
      state.problem = format("include:{} has no SPF record", target);
    co_return inner.result == Spf::pass;
  }
  hosts.push_back(target);
  if (name == "mx") {
    auto answer = co_await state.resolver.mx(target);
    state.temporary = state.temporary || answer.status == net::DnsStatus::temporary;
    hosts.clear();
    for (auto& one : answer.records) hosts.push_back(one.host);
  }
  bool found = co_await match_hosts(state, std::move(hosts), std::move(term));
  co_return found;
}

Task<SpfAnswer> evaluate(SpfState& state, std::string domain) {
  auto answer = co_await state.resolver.txt(domain);
  if (answer.status == net::DnsStatus::temporary) {
    state.temporary = true;
    co_return SpfAnswer{Spf::temporary, ""};
  }
  std::vector<std::string> records;
  for (auto& text : answer.records) {
    if (base::lower(text) == "v=spf1" || base::istarts_with(text, "v=spf1 "))
      records.push_back(text);
  }
  if (answer.status == net::DnsStatus::not_found) co_return SpfAnswer{Spf::no_domain, ""};
  if (records.empty()) co_return SpfAnswer{Spf::none, ""};
  if (records.size() > 1) co_return SpfAnswer{Spf::error, "there are several"};
  std::string redirect;
  for (auto word : base::words(std::string_view(records[0]).substr(6))) {
    auto term = parse_term(word);
    if (term.name == "redirect") redirect = term.value;
    if (word.find('=') != word.npos) continue;
    bool hit = co_await matches(state, term, domain);
    if (!state.problem.empty()) co_return SpfAnswer{Spf::error, state.problem};
    if (state.temporary && !hit) co_return SpfAnswer{Spf::temporary, ""};
    if (hit) co_return SpfAnswer{result_of(term.sign), records[0]};
  }
  if (redirect.empty() || !count_lookup(state)) co_return SpfAnswer{Spf::neutral, records[0]};
  auto other = co_await evaluate(state, redirect);
  co_return other;
}

}  // namespace

Task<SpfAnswer> check_spf(net::Resolver& resolver, std::string domain, std::string address) {
  SpfState state{resolver, *SockAddr::ip(address, 0), 0, {}, false};
  auto answer = co_await evaluate(state, std::move(domain));
  co_return answer;
}

}  // namespace dovetail::check
