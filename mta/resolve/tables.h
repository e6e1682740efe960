// The parameters and open tables behind Resolver: one set for mail, one with address_verify_* for probes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/net/address.h"
#include "conf/bind.h"
#include "lookup/mail_addr_find.h"
#include "lookup/match_list.h"
#include "mta/resolve/rewrite.h"
#include "mta/resolve/transport.h"

namespace dovetail::mta {

struct ResolveParameters {
  std::string myhostname, mydestination;
  std::string virtual_alias_domains, virtual_mailbox_domains, relay_domains,
      parent_domain_matches_subdomains;
  std::string relocated_maps, empty_address_recipient;
  std::string empty_address_relayhost_maps_lookup_key,
      empty_address_default_transport_maps_lookup_key;
  bool resolve_dequoted_address = true, resolve_null_domain = false, resolve_numeric_domain = false,
       allow_min_user = false;
  bool show_user_unknown_table_name = true;
};

// Of one path: "local_transport" or "address_verify_local_transport", and so on.
struct RouteParameters {
  std::string local_transport, virtual_transport, relay_transport, default_transport, relayhost;
  std::string transport_maps, sender_dependent_relayhost_maps,
      sender_dependent_default_transport_maps;
};

// Answers to "*" are remembered for a while: every address without a row asks for it.
struct WildcardAnswer {
  int64_t until = 0;  // monotonic milliseconds
  lookup::Found value;
};

struct RouteTables {
  RouteParameters parameters;
  lookup::Maps transport_maps, sender_dependent_relayhost_maps,
      sender_dependent_default_transport_maps;
  WildcardAnswer wildcard;
};

struct ResolveTables {
  ResolveParameters parameters;
  RewriteParameters rewrite;
  lookup::MatchList mydestination, virtual_alias_domains, virtual_mailbox_domains, relay_domains;
  lookup::Maps relocated_maps;
  std::vector<std::string> interfaces;  // bytes of own and proxy addresses
  bool transport_parents = false;       // transport_maps is in parent_domain_matches_subdomains
  RouteTables mail, verify;
};

Result<ResolveTables> open_resolve_tables(net::Loop& loop, const conf::MainCf& main_cf,
                                          const Logger& log);
// The text part alone.
Result<RewriteParameters> read_rewrite_parameters(const conf::MainCf& main_cf);

}  // namespace dovetail::mta
