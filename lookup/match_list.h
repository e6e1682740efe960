// Lists of patterns such as mydestination, relay_domains, mynetworks: patterns, "/file" with more patterns, "type:table",
// each with "!" to end the search with "no". The first pattern that matches decides.
// A table that is down, a file that cannot be read: "cannot tell", a temporary Error, never "no".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/address.h"
#include "lookup/registry.h"
#include "lookup/table.h"

namespace dovetail::lookup {

class MatchList {
 public:
  MatchList() = default;  // matches nothing

  // title: the parameter's name, for warnings. parents: a domain pattern also matches its subdomains
  // (the parameter is listed in parent_domain_matches_subdomains); otherwise ".domain" does.
  static Result<MatchList> open(net::Loop& loop, const conf::MainCf& main_cf,
                                std::string_view title, std::string_view value, bool parents,
                                const OpenOptions& options);

  // A word, case-insensitively (alias domains, SQL "domain =", login names).
  Task<Result<bool>> match_string(std::string_view text) const;
  // A domain or host name: mydestination, relay_domains, debug_peer_list.
  Task<Result<bool>> match_domain(std::string_view domain) const;
  // An address: mynetworks. Patterns are addresses, networks and tables of addresses.
  Task<Result<bool>> match_address(std::string_view address) const;
  // Either: smtpd_authorized_verp_clients. name may be "unknown".
  Task<Result<bool>> match_client(std::string_view name, std::string_view address) const;

  bool empty() const { return elements_.empty(); }
  // Whether a file or table of the list has changed so that only a new process sees it (Table::changed).
  bool changed() const;

 private:
  struct Element;
  struct Builder;
  Task<Result<bool>> match(const std::string* string, const std::string* domain,
                           const std::string* address) const;
  Task<Result<bool>> match_table(const Element& element, const std::string* domain,
                                 const std::string* key) const;

  std::string title_;
  bool parents_ = false;
  std::vector<std::shared_ptr<const Element>> elements_;
  std::vector<std::shared_ptr<const FileStamp>> files_;
  Logger log_{"lookup"};
};

}  // namespace dovetail::lookup
