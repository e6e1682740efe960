// local(8): aliases, lists and the destinations they give.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <pwd.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "lookup/mail_addr_find.h"
#include "mta/local/local.h"

namespace dovetail::mta {

namespace {

constexpr int kDeepestExpansion = 100;

// Whose rights an alias table gives: those of its file's owner.
uid_t table_owner(const std::string& name) {
  auto colon = name.find(':');
  struct stat st;
  if (colon == name.npos || ::stat(name.c_str() + colon + 1, &st) != 0) return 0;
  return st.st_uid;
}

Result<std::optional<SystemUser>> user_of_uid(uid_t uid) {
  std::string buffer(16384, '\0');
  passwd entry{};
  passwd* found = nullptr;
  int code = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  if (!found && code != 0) return errno_error(format("user lookup error for uid {}", uid), code);
  if (!found) return std::optional<SystemUser>();
  return std::optional(
      SystemUser{found->pw_name, found->pw_dir, found->pw_shell, found->pw_uid, found->pw_gid});
}

Status worse(Status a, Status b) {
  auto rank = [](Status s) { return s == Status::deferred ? 2 : s == Status::bounced ? 1 : 0; };
  return rank(a) < rank(b) ? b : a;
}

}  // namespace

Task<> LocalRole::end(Work& work, const Place& place, Outcome outcome) {
  work.ended = true;
  // Nothing had to be connected: all the time goes to the delivery itself.
  outcome.connected = work.delivery.request().handoff;
  auto status = co_await work.delivery.record(place.rcpt, std::move(outcome));
  work.worst = worse(work.worst, status);
}

Task<> LocalRole::end(Work& work, const Place& place, std::string status, std::string text) {
  Outcome outcome;
  outcome.relay = "local";
  outcome.status = status[0] == '2'   ? Status::sent
                   : status[0] == '4' ? Status::deferred
                                      : Status::bounced;
  outcome.dsn = {std::move(status), std::move(text)};
  if (outcome.status == Status::sent) outcome.trace_action = "delivered";
  co_await end(work, place, std::move(outcome));
}

Task<> LocalRole::deliver_recipient(Delivery& delivery, size_t index,
                                    const std::set<std::string>& delivered_before) {
  auto& rcpt = delivery.recipients()[index];
  Work work{delivery, index, rcpt.address};
  Place place;
  place.rcpt = rcpt;
  place.sender = delivery.request().envelope.sender;
  // Mail that comes back here with our own mark would go round for ever.
  if (delivered_before.contains(base::lower(rcpt.address))) {
    co_await end(work, place, "5.4.6", format("mail forwarding loop for {}", rcpt.address));
  } else {
    co_await expand(work, place);
    // Aliases that only name each other lead nowhere: the mail must not vanish.
    if (!work.ended && work.forwards.empty() && work.passes.empty()) {
      co_await end(work, place, "5.4.6",
                   format("possible alias database loop for {}", rcpt.address));
    }
    co_await send_forwards(work);
    co_await send_passes(work);
  }
  co_await delivery.close(index, work.worst, work.marked);
}

Task<> LocalRole::expand(Work& work, Place place) {
  if (place.level > kDeepestExpansion) {
    co_await end(work, place, "5.4.6",
                 format("possible alias database loop for {}", place.rcpt.address));
    co_return;
  }
  auto name = split(place.rcpt.address);
  bool expanded = co_await try_alias(work, place, name, name.local);
  if (expanded) co_return;
  if (name.user != name.local) {
    expanded = co_await try_alias(work, place, name, name.user);
    if (expanded) co_return;
  }
  // Another local address gets a queue file of its own, so that each user's mail is tried again by itself.
  if (!base::iequals(place.rcpt.address, work.delivered)) {
    add_forward(work, place, place.rcpt.address);
    co_return;
  }
  co_await deliver_user(work, place, name, false);
}

Task<Result<std::optional<LocalRole::AliasFound>>> LocalRole::find_alias(std::string key) {
  for (auto& table : aliases_.tables()) {
    auto found = co_await table->lookup(key);
    if (!found) co_return found.error();
    if (!*found) continue;
    AliasFound alias;
    alias.value = std::move(**found);
    alias.owner = table_owner(table->name());
    co_return std::optional(std::move(alias));
  }
  co_return std::optional<AliasFound>();
}

// A list with an owner sends its errors to him.
Task<Result<void>> LocalRole::take_over_sender(Place& place, const std::string& alias) {
  bool special = parameters_.owner_request_special &&
                 (alias.starts_with("owner-") || alias.ends_with("-request"));
  if (special) co_return Result<void>();
  auto owner = co_await find_alias("owner-" + alias);
  if (!owner) co_return owner.error();
  if (!*owner) {
    // Without reset_owner_alias the owner of the list around this one stays in charge.
    if (parameters_.reset_owner_alias) place.in_list = false;
    co_return Result<void>();
  }
  place.in_list = true;
  place.sender = "owner-" + alias;
  if (parameters_.expand_owner_alias) {
    auto members = parse_alias_value((*owner)->value);
    if (members.size() == 1 && members[0].kind == Destination::address)
      place.sender = members[0].text;
  }
  if (place.sender.find('@') == place.sender.npos) place.sender += "@" + parameters_.myorigin;
  // The sender of the mail is no longer told about each member.
  place.rcpt.dsn_notify = 0;
  place.rcpt.dsn_orcpt.clear();
  co_return Result<void>();
}

Task<bool> LocalRole::try_alias(Work& work, const Place& place, const Name& name, std::string key) {
  // A user in his own alias means his mailbox.
  if (key.empty() || (place.from == Place::alias && base::iequals(place.expanding, key)))
    co_return false;
  auto found = co_await find_alias(key);
  if (!found) {
    context_->log.warning("{}: alias lookup of {}: {}", work.delivery.request().queue_id, key,
                          found.error().text);
    co_await end(work, place, "4.3.0", "alias database unavailable");
    co_return true;
  }
  if (!*found) co_return false;
  Place inside = place;
  inside.from = Place::alias;
  inside.expanding = key;
  ++inside.level;
  bool propagate = has_word(parameters_.propagate_unmatched_extensions, "alias");
  inside.extension =
      propagate && key == name.user && key != name.local ? name.local.substr(name.user.size()) : "";
  inside.rights.reset();
  if ((*found)->owner != 0 && (*found)->owner != ::getuid()) {
    auto owner = user_of_uid((*found)->owner);
    if (!owner || !*owner) {
      co_await end(work, place, "4.3.0", "cannot find alias database owner");
      co_return true;
    }
    inside.rights = **owner;
  }
  auto taken = co_await take_over_sender(inside, key);
  if (!taken) {
    co_await end(work, place, "4.3.0", "alias database unavailable");
    co_return true;
  }
  auto members = parse_alias_value((*found)->value);
  if (members.empty()) context_->log.warning("no recipients in alias {}", key);
  if (members.empty())
    co_await end(work, place, "5.1.1", format("unknown user: \"{}\"", name.local));
  for (auto& member : members) co_await take(work, inside, member);
  co_return true;
}

Task<> LocalRole::take(Work& work, Place place, Destination destination) {
  auto mark = format("{} {} {}", static_cast<int>(destination.kind), place.sender,
                     base::lower(destination.text));
  if (destination.kind == Destination::address && place.from == Place::forward)
    mark = "forward " + mark;
  if (!work.seen.insert(mark).second) co_return;
  constexpr std::string_view kWords[] = {"", "alias", "forward", "include"};
  auto word = kWords[place.from];
  auto user = place.rights.value_or(default_user_);
  switch (destination.kind) {
    case Destination::command:
      if (!has_word(parameters_.allow_mail_to_commands, word))
        co_await end(work, place, "5.7.1", "mail to command is restricted");
      else
        co_await deliver_command(work, place, user, destination.text);
      co_return;
    case Destination::file:
      if (!has_word(parameters_.allow_mail_to_files, word))
        co_await end(work, place, "5.7.1", "mail to file is restricted");
      else
        co_await deliver_file(work, place, user, destination.text);
      co_return;
    case Destination::include:
      co_await take_include(work, place, destination.text);
      co_return;
    case Destination::mailbox: {
      auto address = destination.text;
      if (address.find('@') == address.npos) address += "@" + split(place.rcpt.address).domain;
      place.rcpt.address = address;
      co_await deliver_user(work, place, split(address), true);
      co_return;
    }
    case Destination::address:
      break;
  }
  co_await take_address(work, place, destination.text);
}

Task<> LocalRole::take_address(Work& work, Place place, std::string address) {
  auto canonical = co_await rewrite_->rewrite(address, RewriteContext::local);
  if (!canonical) {
    co_await end(work, place, "4.3.0", "address rewriting failure: " + canonical.error().text);
    co_return;
  }
  auto target = lookup::add_extension(*canonical, place.extension);
  auto resolved = co_await rewrite_->resolve(place.sender, target);
  if (!resolved) {
    co_await end(work, place, "4.3.0", "address resolver failure: " + resolved.error().text);
    co_return;
  }
  if (resolved->bad_address) {
    co_await end(work, place, "5.1.3", "bad recipient address syntax");
    co_return;
  }
  if (resolved->transport != context_->service) {
    add_forward(work, place, resolved->recipient);
    co_return;
  }
  place.rcpt.address = resolved->recipient;
  place.extension.clear();
  ++place.level;
  // The user's own name in his .forward: straight to the mailbox.
  auto name = split(place.rcpt.address);
  bool own = place.from == Place::forward && name.user == place.expanding &&
             base::iequals(place.rcpt.address, work.delivered);
  if (own)
    co_await deliver_user(work, place, name, true);
  else
    co_await expand(work, place);
}

Task<> LocalRole::take_include(Work& work, Place place, std::string path) {
  if (!path.starts_with('/')) {
    co_await end(work, place, "5.2.0", format(":include:{} uses a relative path", path));
    co_return;
  }
  auto reader = place.rights.value_or(default_user_);
  Job job;
  job.kind = Job::Kind::read_file;
  job.paths = {path};
  job.strict_ownership = false;
  DeliveryRights rights{reader.uid, reader.gid};
  auto got = co_await workshop().run(rights, job, nullptr, nullptr);
  if (!got.done || !got.found) {
    auto why = got.done ? (got.system.empty() ? "not a safe file" : got.system) : got.failure.text;
    std::string status = got.done ? "5.2.0" : "4.3.0";
    auto text = format("cannot open include file {}: {}", path, base::printable(why));
    co_await end(work, place, status, text);
    co_return;
  }
  place.from = Place::include;
  ++place.level;
  if (place.level > kDeepestExpansion) {
    co_await end(work, place, "5.4.6",
                 format("possible alias database loop for {}", place.rcpt.address));
    co_return;
  }
  if (got.owner != 0) {
    auto owner = user_of_uid(got.owner);
    if (owner && *owner) place.rights = **owner;
  }
  auto members = parse_forward(got.content);
  for (auto& member : members) co_await take(work, place, member);
}

}  // namespace dovetail::mta
