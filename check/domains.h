// The address classes of Postfix (local, virtual alias, virtual mailbox, relay): which domains are in which, and what becomes of
// one address. Manual: ADDRESS_CLASS_README.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check/site.h"
#include "check/tables.h"

namespace dovetail::check {

// Names of a list such as mydestination, with where they were written: words, words of files, keys of tables that can be listed.
struct DomainNames {
  std::map<std::string, Place> names;
  bool complete = true;
  std::set<std::string> set() const;
};
DomainNames domain_names(Site& site, std::string_view parameter);

// Whether a domain is in a list; cannot_tell: a table of it does not answer.
enum class InList { no, yes, cannot_tell };
InList in_list(Site& site, std::string_view parameter, const std::string& domain);

// Every domain that this host takes mail for, as far as lists can be read: its lists' names without localhost.
std::map<std::string, Place> own_domains(Site& site);

struct Address {
  std::string local, domain;
};
// Lower case; $myorigin for a bare name.
Address parse_address(const Site& site, std::string_view text);

// What becomes of mail for an address, following aliases: delivered somewhere, sent to the world, or refused.
enum class Fate { delivered, elsewhere, nowhere, cannot_tell };
Fate fate_of(Site& site, std::string_view address);

// Destinations of an alias, without commands, files and included lists; those set other.
struct Destinations {
  std::vector<std::string> addresses;
  bool other = false;
};
Destinations destinations(std::string_view value);

}  // namespace dovetail::check
