// Domains in two address classes, and mailbox users whose domain is in none.
// SPDX-License-Identifier: Apache-2.0
#include "check/domains.h"

#include "check/rules.h"
#include "check/sql/databases.h"
#include "check/sql/listing_query.h"
#include "common/base/text.h"

namespace dovetail::check {

namespace {

struct ClassPair {
  std::string_view wins, loses, effect;
};
// clang-format off
constexpr ClassPair class_pairs[] = {
    {"mydestination", "virtual_mailbox_domains",
     "trivial-rewrite warns and takes the domain as local: the users of virtual_mailbox_maps are unknown there"},
    {"mydestination", "virtual_alias_domains",
     "trivial-rewrite warns and takes the domain as local: addresses without an alias are local users"},
    {"virtual_alias_domains", "virtual_mailbox_domains",
     "trivial-rewrite warns and takes only aliases of the domain: its mailboxes get \"User unknown in virtual alias table\""},
    {"virtual_mailbox_domains", "relay_domains",
     "trivial-rewrite warns and delivers the domain here: nothing of it is passed on"},
};
// clang-format on

// Users of one domain.
struct DomainUsers {
  Place place;
  std::string source;
  std::vector<std::string> names;
};
using UsersByDomain = std::map<std::string, DomainUsers>;

void add_user(UsersByDomain& users, const std::string& key, const Place& place,
              const std::string& source) {
  auto [local, domain] = base::cut_last(key, '@');
  if (!domain || domain->empty()) return;
  auto& one = users[base::lower(*domain)];
  if (one.names.empty()) {
    one.place = place;
    one.source = source;
  }
  one.names.push_back(base::lower(key));
}

void add_dovecot_users(Site& site, UsersByDomain& users) {
  for (auto& one : site.databases().dovecot()) {
    auto query = listing_query(one.password_query, true);
    if (!query || site.databases().down(one.source)) continue;
    auto rows = site.databases().rows(one.source, query->text);
    if (!rows) continue;
    UsersByDomain found;
    for (auto& row : rows->rows)
      add_user(found, query->key_of(row), one.password_place, "password_query");
    for (auto& [domain, of_domain] : found) users.emplace(domain, std::move(of_domain));
  }
}

// Local mail may go into Dovecot too: then its users may well be of a domain in mydestination.
bool local_mail_goes_to_dovecot(const Site& site) {
  return !site.get("mailbox_transport").empty() || !site.get("mailbox_transport_maps").empty() ||
         !site.get("local_transport").starts_with("local:") ||
         site.get("local_recipient_maps").find("virtual_mailbox_maps") != std::string::npos;
}

std::string users_text(const DomainUsers& users) {
  if (users.names.size() == 1) return format("user {}", users.names[0]);
  return format("{} users ({})", users.names.size(), some_of(users.names, 2));
}

void judge_domain(Site& site, Report& report, const std::string& domain, const DomainUsers& users,
                  const DomainNames& known) {
  if (in_list(site, "virtual_mailbox_domains", domain) != InList::no) return;
  if (in_list(site, "relay_domains", domain) != InList::no) return;
  auto local = in_list(site, "mydestination", domain);
  if (local == InList::cannot_tell) return;
  if (local == InList::yes && local_mail_goes_to_dovecot(site)) return;
  auto meant = nearest(domain, known.set());
  std::string remedy = format("add {} to virtual_mailbox_domains", domain);
  if (!meant.empty())
    remedy = format("virtual_mailbox_domains has \"{}\": if that is a slip, make it \"{}\"", meant,
                    domain);
  std::string where = format("{} of {}", users_text(users), users.source);
  if (local == InList::yes) {
    report.add(
        {users.place, Severity::error,
         format("{}: {} is in mydestination and not in virtual_mailbox_domains", where, domain),
         "Postfix looks for them among the local users: their mail is refused as \"User unknown in "
         "local recipient "
         "table\", or bounces where virtual_alias_maps has them",
         remedy + format(", and take {} out of mydestination", domain)});
    return;
  }
  if (in_list(site, "virtual_alias_domains", domain) == InList::yes) {
    report.add(
        {users.place, Severity::error, format("{}: {} is a virtual alias domain", where, domain),
         "mail for users without an alias is refused as \"User unknown in virtual alias table\"",
         format("move {} to virtual_mailbox_domains", domain)});
    return;
  }
  report.add({users.place, Severity::error,
              format("{}: {} is in none of mydestination, virtual_mailbox_domains, relay_domains",
                     where, domain),
              "mail for them from elsewhere is refused with \"Relay access denied\"", remedy});
}

}  // namespace

void rule_two_classes(Site& site, Report& report) {
  for (auto& pair : class_pairs) {
    for (auto& [one, other] :
         {std::pair(pair.wins, pair.loses), std::pair(pair.loses, pair.wins)}) {
      auto names = domain_names(site, one);
      for (auto& [name, place] : names.names) {
        if (in_list(site, other, name) != InList::yes) continue;
        report.add({site.at(pair.wins), Severity::error,
                    format("{} is in both {} and {}", name, pair.wins, pair.loses),
                    std::string(pair.effect),
                    format("take it out of {} or {}", pair.wins, pair.loses)});
      }
    }
  }
}

void rule_users_without_domain(Site& site, Report& report) {
  UsersByDomain users;
  for (auto& table : Tables::named_in(site.get("virtual_mailbox_maps"))) {
    for (auto& row : site.tables().list(table).rows)
      add_user(users, row.key, row.place, "virtual_mailbox_maps");
  }
  if (site.has_dovecot()) add_dovecot_users(site, users);
  auto known = domain_names(site, "virtual_mailbox_domains");
  for (auto& [domain, of_domain] : users) judge_domain(site, report, domain, of_domain, known);
}

}  // namespace dovetail::check
