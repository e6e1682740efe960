// local(8): a user of the system, and a name that is none.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "common/base/text.h"
#include "conf/expand.h"
#include "conf/units.h"
#include "mta/local/local.h"

namespace dovetail::mta {

namespace {

constexpr std::string_view kRequiredAliases[] = {"mailer-daemon", "postmaster"};

}  // namespace

std::string LocalRole::expand_text(const std::string& text, const Place& place, const Name& name,
                                   const SystemUser* user, const std::string& filter) const {
  auto value = [&](std::string_view what, bool) -> std::optional<std::string> {
    if (what == "user") return user ? user->name : name.user;
    if (what == "home") return user ? user->home : "";
    if (what == "shell") return user ? user->shell : "";
    if (what == "recipient") return place.rcpt.address;
    if (what == "extension") return name.extension;
    if (what == "domain") return name.domain;
    if (what == "local") return name.local;
    if (what == "recipient_delimiter") {
      // The one that was used, if any was.
      return name.extension.empty() ? "" : name.local.substr(name.user.size(), 1);
    }
    return std::nullopt;
  };
  conf::ExpandOptions options;
  options.recursive = false;
  options.filter = filter;
  auto done = conf::expand(text, value, options);
  if (!done) context_->log.warning("{}: {}", text, done.error().text);
  return done ? done->text : "";
}

Task<Result<std::string>> LocalRole::transport_for(const lookup::Maps& maps,
                                                   const std::string& fallback, const Name& name) {
  const std::vector<std::string> keys{name.local, name.user};
  for (auto& key : keys) {
    auto found = co_await maps.lookup(key);
    if (!found) co_return found.error();
    if (*found) co_return **found;
  }
  co_return fallback;
}

Task<> LocalRole::deliver_user(Work& work, Place place, Name name, bool mailbox_only) {
  auto user_name = name.user;
  auto look = [user_name] { return find_system_user(user_name); };
  auto user = co_await disk().run(look);
  if (!user) {
    co_await end(work, place, "4.3.0", user.error().text);
    co_return;
  }
  if (!*user) {
    co_await deliver_unknown(work, place, name);
    co_return;
  }
  place.rights = **user;
  struct stat home;
  if (parameters_.require_home_directory && ::stat((*user)->home.c_str(), &home) != 0) {
    co_await end(work, place, "4.3.0", "cannot access home directory " + (*user)->home);
    co_return;
  }
  auto transport = co_await transport_for(mailbox_transports_, parameters_.mailbox_transport, name);
  if (!transport) {
    co_await end(work, place, "4.3.0", "mailbox_transport_maps lookup failure");
    co_return;
  }
  if (!transport->empty()) {
    work.passes.emplace_back(place.rcpt, *transport);
    co_return;
  }
  if (!mailbox_only) {
    bool expanded = co_await try_forward_file(work, place, name, **user);
    if (expanded) co_return;
  }
  co_await deliver_mailbox(work, place, name, **user);
}

Task<> LocalRole::deliver_unknown(Work& work, Place place, Name name) {
  auto transport =
      co_await transport_for(fallback_transports_, parameters_.fallback_transport, name);
  if (!transport) {
    co_await end(work, place, "4.3.0", "fallback_transport_maps lookup failure");
    co_return;
  }
  if (!transport->empty()) {
    work.passes.emplace_back(place.rcpt, *transport);
    co_return;
  }
  auto relay = expand_text(parameters_.luser_relay, place, name, nullptr,
                           parameters_.forward_expansion_filter);
  if (!relay.empty() && place.level == 0) {
    Place inside = place;
    inside.from = Place::alias;
    ++inside.level;
    auto members = parse_alias_value(relay);
    for (auto& member : members) co_await take(work, inside, member);
    co_return;
  }
  for (auto required : kRequiredAliases) {
    if (name.user != required) continue;
    context_->log.warning("required alias not found: {}", name.user);
    co_await end(work, place, "2.0.0", "discarded");
    co_return;
  }
  co_await end(work, place, "5.1.1", format("unknown user: \"{}\"", name.local));
}

// True: the file said where the mail goes.
Task<bool> LocalRole::try_forward_file(Work& work, const Place& place, const Name& name,
                                       const SystemUser& user) {
  // Root's own file would have to be read as root.
  if (parameters_.forward_path.empty() || work.delivery.is_probe() || user.uid == 0)
    co_return false;
  Job job;
  job.kind = Job::Kind::read_file;
  for (auto& pattern : conf::split_list(parameters_.forward_path)) {
    auto path = expand_text(pattern, place, name, &user, parameters_.forward_expansion_filter);
    if (path.starts_with('/') && (job.paths.empty() || job.paths.back() != path))
      job.paths.push_back(path);
  }
  if (job.paths.empty()) co_return false;
  DeliveryRights rights{user.uid, user.gid};
  auto got = co_await workshop().run(rights, job, nullptr, nullptr);
  if (!got.done) {
    // A file that cannot be read now may say that the mail must not stay here.
    co_await end(work, place, "4.3.0", base::printable(got.failure.text));
    co_return true;
  }
  auto members = parse_forward(got.content);
  if (!got.found || members.empty()) co_return false;
  Place inside = place;
  inside.from = Place::forward;
  inside.expanding = name.user;
  inside.rights = user;
  ++inside.level;
  inside.extension.clear();
  for (auto& member : members) co_await take(work, inside, member);
  co_return true;
}

Task<> LocalRole::deliver_mailbox(Work& work, const Place& place, const Name& name,
                                  const SystemUser& user) {
  // "bob, \bob" in bob's own file is one copy.
  if (!work.seen.insert("mailbox " + user.name).second) co_return;
  auto command = co_await transport_for(mailbox_commands_, parameters_.mailbox_command, name);
  if (!command) {
    co_await end(work, place, "4.3.0", "mailbox_command_maps lookup failure");
    co_return;
  }
  if (!command->empty()) {
    co_await deliver_command(work, place, user, *command);
    co_return;
  }
  bool in_spool = parameters_.home_mailbox.empty();
  auto path =
      in_spool ? parameters_.mail_spool_directory : user.home + "/" + parameters_.home_mailbox;
  if (in_spool) {
    bool maildir = path.ends_with('/');
    if (!maildir) path += '/';
    path += user.name;
    if (maildir) path += '/';
  }
  std::string said = path.ends_with('/') ? "maildir" : "mailbox";
  co_await deliver_to_path(work, place, user, path, in_spool, said);
}

}  // namespace dovetail::mta
