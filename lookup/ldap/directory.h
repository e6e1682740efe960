// One connection to an LDAP server and what a lookup does on it: bind, search, follow DNs and URLs in special attributes.
// The library blocks: everything here runs on a pool, one job at a time, and logs nothing itself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lookup/ldap/settings.h"

struct ldap;
struct ldapmsg;

namespace dovetail::lookup {

struct LdapAnswer {
  struct Value {
    std::string text;
    int depth = 1;  // 1: of an entry the search itself found
  };
  std::vector<Value> values;
  std::vector<std::string> warnings;  // about entries
  std::string failure;                // not empty: the search failed, in the incumbent's words
  bool away = false;                  // because the server does not answer
};

class LdapDirectory {
 public:
  explicit LdapDirectory(std::shared_ptr<const LdapSettings> settings)
      : settings_(std::move(settings)) {}
  LdapDirectory(const LdapDirectory&) = delete;
  ~LdapDirectory();

  LdapAnswer search(const std::string& base, const std::string& filter);

 private:
  bool connect(LdapAnswer& answer);
  bool set_tls(LdapAnswer& answer);
  bool bind(LdapAnswer& answer);
  void disconnect();
  int find(const std::string& base, int scope, const std::string& filter,
           const std::vector<std::string>& attributes, ldapmsg** found);
  bool take_entries(ldapmsg* found, int depth, LdapAnswer& answer);
  bool take_entry(ldapmsg* entry, int depth, LdapAnswer& answer);
  bool follow(const std::string& attribute, const std::string& value, int depth,
              LdapAnswer& answer);
  std::vector<std::string> attributes_of(ldapmsg* entry) const;

  std::shared_ptr<const LdapSettings> settings_;
  ldap* handle_ = nullptr;
};

}  // namespace dovetail::lookup
