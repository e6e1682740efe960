// LIST and LSUB: all names of all namespaces as one tree, then what the patterns and options pick; see
// maildir_store.h.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "common/base/text.h"
#include "mda/storage/list/maildir_store.h"
#include "mda/storage/list/pattern.h"
#include "mda/storage/list/subscriptions.h"

namespace dovetail::mda {

namespace {

// Parents sort before their children, and children right behind them: the separator is the lowest of all characters.
struct TreeOrder {
  char separator;
  bool operator()(const std::string& a, const std::string& b) const {
    return std::lexicographical_compare(
        a.begin(), a.end(), b.begin(), b.end(), [this](char x, char y) {
          int left = x == separator ? -1 : static_cast<unsigned char>(x);
          int right = y == separator ? -1 : static_cast<unsigned char>(y);
          return left < right;
        });
  }
};
using NameTree = std::map<std::string, ListEntry, TreeOrder>;

void add_name(NameTree& tree, const std::string& name, char separator) {
  ListEntry& entry = tree[name];
  entry.name = name;
  entry.separator = separator;
  for (size_t at = name.rfind(separator); at != std::string::npos && at > 0;
       at = name.rfind(separator, at - 1)) {
    std::string parent = name.substr(0, at);
    ListEntry& above = tree[parent];
    above.name = parent;
    above.separator = separator;
    above.has_children = true;
  }
}

Result<std::vector<std::string>> namespace_subscriptions(const Namespace& space) {
  std::vector<std::string> names;
  if (space.settings().subscriptions) {
    auto file =
        read_subscriptions(space.subscriptions_path(), space.location().storage_separator());
    if (!file) return file.error();
    for (const std::string& name : file->names) {
      std::string full = space.name_of(name);
      if (space.valid_name(full)) names.push_back(std::move(full));
    }
  }
  for (const MailboxSettings& mailbox : space.settings().mailboxes) {
    std::string full = base::iequals(mailbox.name, "INBOX") && space.settings().inbox
                           ? "INBOX"
                           : space.settings().prefix + mailbox.name;
    bool listed = std::find(names.begin(), names.end(), full) != names.end();
    if (mailbox.autocreate == AutoMailbox::subscribe && !listed) names.push_back(std::move(full));
  }
  return names;
}

// The tree of one namespace, subscribed names that do not exist included.
Result<void> add_namespace(const Namespace& space, const ListQuery& query, NameTree& tree) {
  bool wants_subscribed =
      query.subscribed_only || query.lsub || query.want_subscribed || query.recursive_match;
  auto names = space.storage_names();
  if (!names) return names.error();
  auto add_existing = [&](const std::string& name) {
    add_name(tree, name, space.separator());
    tree[name].exists = true;
  };
  for (const std::string& name : *names) add_existing(space.name_of(name));
  for (const MailboxSettings& mailbox : space.settings().mailboxes) {
    std::string full = space.settings().prefix + mailbox.name;
    if (!query.on_disk_only && space.exists_always(full)) add_existing(full);
    auto known = tree.find(full);
    if (known != tree.end()) known->second.special_use = mailbox.special_use;
  }
  if (space.settings().inbox) add_existing("INBOX");
  if (!wants_subscribed) return {};
  auto subscribed = namespace_subscriptions(space);
  if (!subscribed) return subscribed.error();
  for (const std::string& name : *subscribed) {
    bool known = tree.count(name) > 0;
    if (!known && !query.subscribed_only && !query.lsub) continue;
    if (!known) add_name(tree, name, space.separator());
    tree[name].subscribed = true;
    for (size_t at = name.rfind(space.separator()); at != std::string::npos && at > 0;
         at = name.rfind(space.separator(), at - 1)) {
      tree[name.substr(0, at)].child_subscribed = true;
    }
  }
  return {};
}

bool picked(const ListEntry& entry, const ListQuery& query) {
  if (query.special_use_only && entry.special_use.empty()) return false;
  bool matches =
      std::any_of(query.patterns.begin(), query.patterns.end(), [&](const std::string& pattern) {
        return list_match_inbox(pattern, entry.name, entry.separator);
      });
  if (!matches) return false;
  if (!query.subscribed_only && !query.lsub) return true;
  if (entry.subscribed) return true;
  if (!entry.child_subscribed) return false;
  if (query.recursive_match) return true;
  // LSUB "%": a parent stands for subscribed names the pattern does not reach (RFC 3501 6.3.9).
  return query.lsub &&
         std::any_of(query.patterns.begin(), query.patterns.end(), [](const std::string& pattern) {
           return pattern.find('%') != std::string::npos;
         });
}

}  // namespace

Result<std::vector<std::string>> list_subscriptions(const std::vector<Namespace>& spaces) {
  std::vector<std::string> all;
  for (const Namespace& space : spaces) {
    auto names = namespace_subscriptions(space);
    if (!names) return names.error();
    all.insert(all.end(), names->begin(), names->end());
  }
  return all;
}

Result<std::vector<ListEntry>> list_mailboxes(const std::vector<Namespace>& spaces,
                                              const ListQuery& query) {
  std::vector<ListEntry> entries;
  std::optional<ListEntry> inbox;
  for (const Namespace& space : spaces) {
    if (space.settings().list == ListNamespace::no) continue;
    NameTree tree(TreeOrder{space.separator()});
    if (auto done = add_namespace(space, query, tree); !done) return done.error();
    const std::string& prefix = space.settings().prefix;
    if (!prefix.empty()) {
      // The namespace's own root shows up as a name that cannot be selected, if there is anything below it.
      std::string root = prefix.substr(0, prefix.size() - 1);
      bool any = tree.count(root) > 0 && tree[root].has_children;
      if (any && space.settings().list == ListNamespace::yes)
        tree[root].namespace_prefix = root != "INBOX";
      if (!any && space.settings().list == ListNamespace::yes && root != "INBOX" &&
          !query.subscribed_only && !query.lsub) {
        ListEntry& entry = tree[root];
        entry.name = root;
        entry.separator = space.separator();
        entry.namespace_prefix = true;
      }
    }
    for (auto& [name, entry] : tree) {
      if (!picked(entry, query)) continue;
      // INBOX comes last, unless its children follow it.
      if (name == "INBOX" && space.settings().inbox && !entry.has_children)
        inbox = std::move(entry);
      else
        entries.push_back(std::move(entry));
    }
  }
  if (inbox) entries.push_back(std::move(*inbox));
  return entries;
}

}  // namespace dovetail::mda
