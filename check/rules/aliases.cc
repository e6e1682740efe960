// Mail for root and postmaster, alias loops, aliases to nobody.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "check/domains.h"
#include "check/rules.h"
#include "common/base/text.h"

namespace dovetail::check {

namespace {

struct AliasNode {
  Place place;
  std::vector<std::string> to;
};
using AliasGraph = std::map<std::string, AliasNode>;

// Follows the aliases from every name; each loop is told once, at its first name.
class LoopFinder {
 public:
  explicit LoopFinder(const AliasGraph& graph) : graph_(graph) {}

  std::vector<std::vector<std::string>> loops() {
    for (auto& [name, node] : graph_) visit(name);
    return std::move(loops_);
  }

 private:
  void visit(const std::string& name) {
    auto node = graph_.find(name);
    if (node == graph_.end() || done_.contains(name)) return;
    auto on_path = std::find(path_.begin(), path_.end(), name);
    if (on_path != path_.end()) {
      loops_.emplace_back(on_path, path_.end());
      return;
    }
    if (path_.size() > 1000) return;
    path_.push_back(name);
    // An alias that names itself ends there: the name is an address of its own.
    auto& to = node->second.to;
    if (std::find(to.begin(), to.end(), name) == to.end()) {
      for (auto& next : to) visit(next);
    }
    path_.pop_back();
    done_.insert(name);
  }

  const AliasGraph& graph_;
  std::vector<std::string> path_;
  std::set<std::string> done_;
  std::vector<std::vector<std::string>> loops_;
};

std::string loop_text(const std::vector<std::string>& loop) {
  std::string text;
  for (auto& name : loop) text += name + " -> ";
  return text + loop[0];
}

// aliases(5): names of this host only; \name and addresses elsewhere end the way.
AliasGraph local_graph(Site& site) {
  AliasGraph graph;
  for (auto& table : Tables::named_in(site.get("alias_maps"))) {
    for (auto& row : site.tables().list(table).rows) {
      AliasNode node{row.place, {}};
      for (auto& one : destinations(row.value).addresses) {
        auto address = parse_address(site, one);
        bool here = in_list(site, "mydestination", address.domain) == InList::yes;
        if (here && !one.starts_with('\\')) node.to.push_back(address.local);
      }
      graph.emplace(row.key, std::move(node));
    }
  }
  return graph;
}

// The first table that has a key wins.
AliasGraph virtual_graph(Site& site) {
  AliasGraph graph;
  for (auto& table : Tables::named_in(site.get("virtual_alias_maps"))) {
    AliasGraph of_table;
    for (auto& row : site.tables().list(table).rows) {
      if (row.key.starts_with('@')) continue;
      auto key = parse_address(site, row.key);
      auto& node = of_table[key.local + "@" + key.domain];
      node.place = row.place;
      for (auto& one : destinations(row.value).addresses) {
        auto address = parse_address(site, one);
        node.to.push_back((address.local.empty() ? key.local : address.local) + "@" +
                          address.domain);
      }
    }
    graph.merge(of_table);
  }
  return graph;
}

void judge_root(Site& site, Report& report) {
  auto root = "root@" + base::lower(site.get("myorigin"));
  if (fate_of(site, root) != Fate::nowhere) return;
  report.add(
      {site.at("myorigin"), Severity::warning, format("mail for root ({}) has no mailbox", root),
       "what cron and the system write to root bounces, and the bounce, which goes to root too, is "
       "lost",
       format("give {} an alias in virtual_alias_maps{}, or let $myorigin be in mydestination",
              root,
              in_list(site, "mydestination", parse_address(site, root).domain) == InList::yes
                  ? " or alias_maps"
                  : "")});
}

}  // namespace

void rule_postmaster(Site& site, Report& report) {
  judge_root(site, report);
  // RFC 5321 4.5.1: a host that takes mail for a domain takes it for its postmaster.
  std::vector<std::string> without;
  Place place = site.at("mydestination");
  for (auto& [domain, where] : own_domains(site)) {
    if (fate_of(site, "postmaster@" + domain) != Fate::nowhere) continue;
    if (without.empty()) place = where;
    without.push_back("postmaster@" + domain);
  }
  if (without.empty()) return;
  report.add({place, Severity::warning, format("{} does not exist", some_of(without)),
              "who reports a fault or abuse gets \"User unknown\", and some sites refuse mail of "
              "such domains",
              "make an alias of that name to someone who reads it"});
}

void rule_unused_aliases(Site& site, Report& report) {
  // transport_maps and routes of other classes may still lead to local(8).
  bool local =
      !list_words(site.get("mydestination")).empty() || !site.get("transport_maps").empty();
  if (local || !site.main_cf().is_set("alias_maps") || site.get("alias_maps").empty()) return;
  report.add({site.at("alias_maps"), Severity::note,
              "alias_maps is set, and mydestination is empty",
              "no address is local, so none of these aliases is ever used, root's and postmaster's "
              "neither",
              "put such aliases into virtual_alias_maps, or a name into mydestination"});
}

void rule_local_alias_loops(Site& site, Report& report) {
  auto graph = local_graph(site);
  for (auto& loop : LoopFinder(graph).loops()) {
    report.add({graph[loop[0]].place, Severity::error, format("alias loop {}", loop_text(loop)),
                "mail for each of them bounces: \"alias database loop\"",
                "let one of them end at a user, and run newaliases"});
  }
}

void rule_virtual_alias_loops(Site& site, Report& report) {
  auto graph = virtual_graph(site);
  for (auto& loop : LoopFinder(graph).loops()) {
    report.add({graph[loop[0]].place, Severity::error,
                format("virtual alias loop {}", loop_text(loop)),
                "each message for them is refused with \"451 4.6.0 Alias expansion error\" until "
                "the sender gives up",
                "let one of them end at a mailbox"});
  }
}

void rule_dead_aliases(Site& site, Report& report) {
  std::set<std::string> mailboxes;
  for (auto& table : Tables::named_in(site.get("virtual_mailbox_maps"))) {
    auto& listing = site.tables().list(table);
    if (!listing.complete) return;
    for (auto& row : listing.rows) mailboxes.insert(row.key);
  }
  auto graph = virtual_graph(site);
  auto domains = domain_names(site, "virtual_mailbox_domains");
  auto delimiter = site.get("recipient_delimiter");
  for (auto& [key, node] : graph) {
    for (auto& to : node.to) {
      auto address = parse_address(site, to);
      if (!domains.names.contains(address.domain) || graph.contains(to)) continue;
      auto base_name = address.local.substr(0, address.local.find_first_of(delimiter, 1));
      if (mailboxes.contains(to) || mailboxes.contains(base_name + "@" + address.domain)) continue;
      if (fate_of(site, to) != Fate::nowhere) continue;
      report.add({node.place, Severity::warning,
                  format("alias {} leads to {}, which is no mailbox", key, to),
                  "mail for the alias is taken and then bounces: nobody has that mailbox",
                  format("make a mailbox {} or change the alias", to)});
    }
  }
}

}  // namespace dovetail::check
