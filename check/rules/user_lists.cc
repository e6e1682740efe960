// The two lists of users, Postfix's virtual_mailbox_maps and Dovecot's passdbs: who is in only one of them.
// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>

#include <algorithm>
#include <set>

#include "check/domains.h"
#include "check/rules.h"
#include "check/sql/databases.h"
#include "check/sql/listing_query.h"
#include "common/base/text.h"

namespace dovetail::check {

namespace {

// Everyone the passdbs know; nullopt: they are not all databases that can be listed. Users of the system have no domain.
std::optional<std::set<std::string>> passdb_users(Site& site) {
  for (auto& name : site.view().names("passdb")) {
    auto driver = site.dovecot_get(format("passdb/{}/driver", name));
    if (driver != "sql" && driver != "pam" && driver != "passwd" && driver != "shadow")
      return std::nullopt;
  }
  if (site.databases().dovecot().empty() || !site.databases().unreadable().empty())
    return std::nullopt;
  std::set<std::string> users;
  for (auto& one : site.databases().dovecot()) {
    auto query = listing_query(one.password_query, true);
    if (!query || site.databases().down(one.source)) return std::nullopt;
    auto rows = site.databases().rows(one.source, query->text);
    if (!rows || rows->cut) return std::nullopt;
    for (auto& row : rows->rows) users.insert(base::lower(query->key_of(row)));
  }
  return users;
}

// Deliveries by LMTP ask the userdb; a static one asks the passdb, unless it takes everyone.
bool delivery_asks_passdb(Site& site) {
  auto names = site.view().names("userdb");
  return !names.empty() && std::all_of(names.begin(), names.end(), [&](auto& name) {
    auto prefix = "userdb/" + name;
    auto driver = site.dovecot_get(prefix + "/driver");
    bool takes_all =
        site.dovecot_get(prefix + "/args").find("allow_all_users=yes") != std::string::npos;
    return driver == "prefetch" || driver == "passwd" || (driver == "static" && !takes_all);
  });
}

}  // namespace

void rule_user_lists(Site& site, Report& report) {
  if (site.get("virtual_transport").find("lmtp") == std::string::npos) return;
  auto known = passdb_users(site);
  if (!known) return;
  std::set<std::string> mailboxes;
  Place place = site.at("virtual_mailbox_maps");
  for (auto& table : Tables::named_in(site.get("virtual_mailbox_maps"))) {
    auto& listing = site.tables().list(table);
    if (!listing.complete) return;
    for (auto& row : listing.rows) mailboxes.insert(row.key);
  }
  if (mailboxes.empty()) return;
  std::vector<std::string> only_postfix, only_dovecot;
  for (auto& one : mailboxes) {
    if (one.find('@') != one.npos && one[0] != '@' && !known->contains(one))
      only_postfix.push_back(one);
  }
  for (auto& one : *known) {
    auto address = parse_address(site, one);
    bool covered = mailboxes.contains(one) || mailboxes.contains("@" + address.domain);
    if (covered || one.find('@') == one.npos || fate_of(site, one) != Fate::nowhere) continue;
    only_dovecot.push_back(one);
  }
  if (!only_postfix.empty() && delivery_asks_passdb(site)) {
    report.add({place, Severity::error,
                format("virtual_mailbox_maps has {}, whom Dovecot's passdb does not know",
                       some_of(only_postfix)),
                "their mail is taken, then refused by Dovecot (\"User doesn't exist\") and "
                "bounces; they cannot log in",
                "let both queries choose the same users"});
  }
  if (!only_dovecot.empty()) {
    report.add({place, Severity::warning,
                format("Dovecot's passdb has {}, who is not in virtual_mailbox_maps",
                       some_of(only_dovecot)),
                "they can log in, and mail for them is refused with \"User unknown in virtual "
                "mailbox table\"",
                "let both queries choose the same users"});
  }
}

}  // namespace dovetail::check
