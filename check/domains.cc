// Address classes asked the way trivial-rewrite, smtpd and local ask them, without extensions.
// SPDX-License-Identifier: Apache-2.0
#include "check/domains.h"

#include <pwd.h>

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::check {

namespace {

constexpr int kMostSteps = 20;

bool is_domain_word(std::string_view word) {
  return !word.empty() && word[0] != '/' && word[0] != '!' && word.find(':') == word.npos &&
         word.find('@') == word.npos;
}

void add_words(DomainNames& found, std::string_view text, const Place& place) {
  for (auto& word : list_words(text)) {
    if (is_domain_word(word)) found.names.emplace(base::lower(word), place);
  }
}

void add_file(DomainNames& found, const std::string& path) {
  auto text = base::read_file(path, 16 << 20);
  if (!text) {
    found.complete = false;
    return;
  }
  int number = 0;
  for (auto line : base::split(*text, '\n')) {
    ++number;
    if (!line.starts_with('#')) add_words(found, line, {path, number});
  }
}

void add_table(Site& site, DomainNames& found, const TableRef& table) {
  auto& listing = site.tables().list(table);
  if (!listing.complete) found.complete = false;
  for (auto& row : listing.rows) {
    if (is_domain_word(row.key)) found.names.emplace(row.key, row.place);
  }
}

// The lists that say of a bare domain that it is ours, in the order trivial-rewrite asks them.
constexpr std::string_view address_classes[] = {"mydestination", "virtual_alias_domains",
                                                "virtual_mailbox_domains", "relay_domains"};

}  // namespace

std::set<std::string> DomainNames::set() const {
  std::set<std::string> all;
  for (auto& [name, place] : names) all.insert(name);
  return all;
}

DomainNames domain_names(Site& site, std::string_view parameter) {
  DomainNames found;
  auto place = site.at(parameter);
  for (auto& word : list_words(site.get(parameter))) {
    auto tables = Tables::named_in(word);
    if (!tables.empty())
      add_table(site, found, tables[0]);
    else if (word.starts_with('/'))
      add_file(found, word);
    else
      add_words(found, word, place);
  }
  return found;
}

InList in_list(Site& site, std::string_view parameter, const std::string& domain) {
  auto value = site.get(parameter);
  for (auto& word : list_words(value)) {
    auto tables = Tables::named_in(word);
    if (!tables.empty()) {
      auto found = site.tables().ask(tables[0], domain);
      if (!found) return InList::cannot_tell;
      if (*found) return InList::yes;
      continue;
    }
    if (base::iequals(word, domain)) return InList::yes;
    bool below =
        parameter == "relay_domains" && base::lower(domain).ends_with("." + base::lower(word));
    if (below) return InList::yes;
    if (!word.starts_with('/')) continue;
    DomainNames names;
    add_file(names, word);
    if (names.names.contains(base::lower(domain))) return InList::yes;
  }
  return InList::no;
}

std::map<std::string, Place> own_domains(Site& site) {
  std::map<std::string, Place> all;
  for (auto parameter : address_classes) {
    if (parameter == "relay_domains") continue;
    auto found = domain_names(site, parameter);
    for (auto& [name, place] : found.names) {
      if (name.starts_with("localhost") || name.find('.') == name.npos || name[0] == '.') continue;
      all.emplace(name, place);
    }
  }
  return all;
}

Address parse_address(const Site& site, std::string_view text) {
  auto [local, domain] = base::cut_last(base::trim(text), '@');
  Address made{base::lower(local), base::lower(domain.value_or(""))};
  if (made.domain.empty()) made.domain = base::lower(site.get("myorigin"));
  return made;
}

Destinations destinations(std::string_view value) {
  Destinations found;
  bool quoted = false;
  std::string word;
  auto end = [&] {
    auto text = base::trim(word);
    if (text.starts_with('|') || text.starts_with('/') || text.starts_with(":include:"))
      found.other = true;
    else if (!text.empty())
      found.addresses.push_back(base::lower(text));
    word.clear();
  };
  for (char c : value) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      end();
    } else {
      word += c == '\n' ? ' ' : c;
    }
  }
  end();
  return found;
}

namespace {

Fate fate_step(Site& site, const Address& address, std::set<std::string>& seen);

// A mail goes somewhere if one of its destinations does.
Fate fate_of_any(Site& site, std::string_view value, std::set<std::string>& seen) {
  auto to = destinations(value);
  Fate best = to.other ? Fate::delivered : Fate::nowhere;
  for (auto& one : to.addresses) {
    if (best == Fate::delivered) break;
    if (one.starts_with('\\')) return Fate::delivered;
    auto fate = fate_step(site, parse_address(site, one), seen);
    if (fate != Fate::nowhere) best = fate;
  }
  return best;
}

std::optional<Result<lookup::Found>> virtual_alias(Site& site, const Address& address) {
  auto maps = site.get("virtual_alias_maps");
  if (maps.empty()) return std::nullopt;
  std::vector<std::string> keys = {address.local + "@" + address.domain};
  bool local = base::iequals(address.domain, site.get("myorigin")) ||
               in_list(site, "mydestination", address.domain) == InList::yes;
  if (local) keys.push_back(address.local);
  keys.push_back("@" + address.domain);
  for (auto& key : keys) {
    auto found = site.tables().ask_list(maps, key);
    if (!found || *found) return found;
  }
  return std::nullopt;
}

Fate local_fate(Site& site, const Address& address, std::set<std::string>& seen) {
  auto found = site.tables().ask_list(site.get("alias_maps"), address.local);
  if (!found) return Fate::cannot_tell;
  if (*found) {
    // "root: root": the user himself.
    auto to = destinations(**found);
    auto& all = to.addresses;
    bool itself = std::find(all.begin(), all.end(), address.local) != all.end();
    if (!itself) return fate_of_any(site, **found, seen);
  }
  for (auto parameter : {"luser_relay", "mailbox_transport", "mailbox_transport_maps",
                         "fallback_transport", "fallback_transport_maps"}) {
    if (!site.get(parameter).empty()) return Fate::cannot_tell;
  }
  if (!site.get("local_transport").starts_with("local:")) return Fate::cannot_tell;
  return getpwnam(address.local.c_str()) ? Fate::delivered : Fate::nowhere;
}

Fate mailbox_fate(Site& site, const Address& address) {
  auto maps = site.get("virtual_mailbox_maps");
  if (maps.empty()) return Fate::cannot_tell;
  for (auto& key : {address.local + "@" + address.domain, "@" + address.domain}) {
    auto found = site.tables().ask_list(maps, key);
    if (!found) return Fate::cannot_tell;
    if (*found) return Fate::delivered;
  }
  return Fate::nowhere;
}

Fate fate_step(Site& site, const Address& address, std::set<std::string>& seen) {
  auto text = address.local + "@" + address.domain;
  if (!seen.insert(text).second || seen.size() > kMostSteps) return Fate::nowhere;  // a loop
  if (auto alias = virtual_alias(site, address)) {
    if (!*alias) return Fate::cannot_tell;
    auto to = destinations(***alias);
    auto& all = to.addresses;
    if (std::find(all.begin(), all.end(), text) == all.end())
      return fate_of_any(site, ***alias, seen);
  }
  for (auto parameter : address_classes) {
    auto in = in_list(site, parameter, address.domain);
    if (in == InList::cannot_tell) return Fate::cannot_tell;
    if (in == InList::no) continue;
    if (parameter == "mydestination") return local_fate(site, address, seen);
    if (parameter == "virtual_alias_domains") return Fate::nowhere;
    if (parameter == "virtual_mailbox_domains") return mailbox_fate(site, address);
    return Fate::elsewhere;
  }
  return Fate::elsewhere;
}

}  // namespace

Fate fate_of(Site& site, std::string_view address) {
  std::set<std::string> seen;
  return fate_step(site, parse_address(site, address), seen);
}

}  // namespace dovetail::check
