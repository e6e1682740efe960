// Opening the databases, and the chain of passdbs.
// SPDX-License-Identifier: Apache-2.0
#include "authd/databases.h"

#include <fnmatch.h>

#include <algorithm>
#include <thread>

#include "authd/scheme/scheme.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

struct NamedRule {
  std::string_view name;
  Rule rule;
};
constexpr NamedRule rules[] = {
    {"continue", Rule::go_on},       {"return", Rule::stop},
    {"return-ok", Rule::ok},         {"return-fail", Rule::fail},
    {"continue-ok", Rule::go_on_ok}, {"continue-fail", Rule::go_on_fail},
};

Rule rule_named(std::string_view name, Rule other) {
  for (const auto& row : rules) {
    if (row.name == name) return row.rule;
  }
  return other;
}

bool is_verbose(const std::string& own, bool global) {
  return own == "yes" || (own != "no" && global);
}

bool goes_on(Rule rule) {
  return rule == Rule::go_on || rule == Rule::go_on_ok || rule == Rule::go_on_fail;
}

// username_filter: "a*" asks for a match with one of them, "!b*" excludes.
bool passes_filter(const std::vector<std::string>& filter, const std::string& user) {
  bool has_includes = false, included = false;
  for (const auto& pattern : filter) {
    const bool negative = pattern.starts_with('!');
    const bool match = fnmatch(pattern.c_str() + (negative ? 1 : 0), user.c_str(), 0) == 0;
    if (negative && match) return false;
    if (negative) continue;
    has_includes = true;
    included |= match;
  }
  return included || !has_includes;
}

// "plain", "sha1", either with ":N" to show only the first N characters.
std::string shown_password(const std::string& how, const Secret& password) {
  auto [kind, length] = base::cut(how, ':');
  std::string text;
  if (kind == "plain" || kind == "yes") {
    text = password.reveal();
  } else if (kind == "sha1") {
    auto digest = generate_sha1({password, {}, 0});
    text = base::hex(*digest);
  } else {
    return {};
  }
  const auto limit = length ? base::parse_number<size_t>(*length) : std::nullopt;
  return format(" (given password: {})",
                base::printable(text.substr(0, limit.value_or(text.size())), true));
}

void set_defaults(Request& request, const std::vector<FieldTemplate>& fields) {
  for (const auto& field : fields) {
    if (request.extra.fields.has(field.name)) continue;
    // A default is the administrator's own text: it cannot be wrong in a way a log line would help with.
    auto set = set_passdb_field(request, field.name, expand_for(request, field.value), "PLAIN");
    (void)!set;
  }
}

}  // namespace

Databases::Databases(net::Loop& loop, const AuthSettings& settings, const Logger& log)
    : settings_(settings),
      log_(log),
      pool_(loop, std::max(2U, std::thread::hardware_concurrency())),
      cache_(settings.cache_size, settings.cache_ttl, settings.cache_negative_ttl) {}

Result<void> Databases::add(conf::dovecot::Passdb settings, std::unique_ptr<Passdb> db) {
  PassdbEntry entry;
  entry.id = static_cast<int>(passdbs_.size() + masterdbs_.size()) + 1;
  entry.on_success = rule_named(settings.result_success, Rule::ok);
  if (settings.pass) entry.on_success = Rule::go_on;  // the old way to say so
  entry.on_failure = rule_named(settings.result_failure, Rule::go_on);
  entry.on_internal_failure = rule_named(settings.result_internalfail, Rule::go_on);
  entry.default_fields = parse_field_templates(settings.default_fields);
  entry.override_fields = parse_field_templates(settings.override_fields);
  for (auto word : base::words(settings.mechanisms, " ,"))
    entry.mechanisms.push_back(base::upper(word));
  for (auto word : base::words(settings.username_filter, " ,"))
    entry.username_filter.emplace_back(word);
  entry.verbose = is_verbose(settings.auth_verbose, settings_.verbose);
  if (settings.deny && settings.master) return config_error("Master passdb can't have deny=yes");
  entry.db = std::move(db);
  auto& list = settings.master ? masterdbs_ : passdbs_;
  entry.settings = std::move(settings);
  list.push_back(std::move(entry));
  return {};
}

Result<void> Databases::add(conf::dovecot::Userdb settings, std::unique_ptr<Userdb> db) {
  UserdbEntry entry;
  entry.id = static_cast<int>(userdbs_.size()) + 1;
  entry.on_success = rule_named(settings.result_success, Rule::ok);
  entry.on_failure = rule_named(settings.result_failure, Rule::go_on);
  entry.on_internal_failure = rule_named(settings.result_internalfail, Rule::go_on);
  entry.default_fields = parse_field_templates(settings.default_fields);
  entry.override_fields = parse_field_templates(settings.override_fields);
  entry.verbose = is_verbose(settings.auth_verbose, settings_.verbose);
  entry.db = std::move(db);
  entry.settings = std::move(settings);
  userdbs_.push_back(std::move(entry));
  return {};
}

// Info lines are for auth_verbose, errors for everybody.
void Databases::say(const PassdbEntry& entry, const Request& request, bool error,
                    std::string_view text) const {
  if (text.empty() || (!error && !entry.verbose)) return;
  log_.write(error ? Level::error : Level::info,
             format("{}: {}", log_name(entry.db->driver(), request), text));
}

void Databases::log_mismatch(const PassdbEntry& entry, const Request& request) const {
  if (!entry.verbose) return;
  say(entry, request, false,
      "Password mismatch" + shown_password(settings_.verbose_passwords, request.password));
}

bool Databases::skips(const PassdbEntry& entry, const Request& request) const {
  const auto& names = entry.mechanisms;
  if (!names.empty() && std::find(names.begin(), names.end(), request.mech) == names.end()) {
    const bool lookup =
        request.mech.empty() && std::find(names.begin(), names.end(), "NONE") != names.end();
    if (!lookup) return true;
  }
  if (!passes_filter(entry.username_filter, request.user.value_or(""))) return true;
  if (entry.settings.skip == "authenticated") return request.skip_password_check;
  if (entry.settings.skip == "unauthenticated") return !request.skip_password_check;
  return false;
}

net::Task<PassdbResult> Databases::check_password(PassdbEntry& entry, Request& request) {
  if (request.skip_password_check || entry.settings.deny) co_return PassdbResult::ok;
  if (request.extra.fields.has("nopassword")) co_return PassdbResult::ok;
  if (!request.stored) co_return PassdbResult::mismatch;
  Attempt attempt{request.password, request.user.value_or(""), 0};
  StoredPassword stored = *request.stored;
  std::string who = request.remote_ip.empty() ? attempt.user : request.remote_ip;
  auto checked = co_await pool_.verify(std::move(who), std::move(attempt), std::move(stored));
  switch (checked.verdict) {
    case Verdict::match:
      co_return PassdbResult::ok;
    case Verdict::mismatch:
      log_mismatch(entry, request);
      break;
    case Verdict::unknown_scheme:
      say(entry, request, true,
          format("Unknown scheme {}", base::printable(request.stored->scheme)));
      break;
    case Verdict::invalid:
      say(entry, request, true,
          checked.not_decoded ? format("Password data is not valid for scheme {}: {}",
                                       request.stored->scheme, checked.error)
                              : format("Invalid password in passdb: {}", checked.error));
      break;
  }
  co_return PassdbResult::mismatch;
}

net::Task<PassdbReply> Databases::fetch(PassdbEntry& entry, const Request& request, bool use_cache,
                                        bool& from_cache) {
  from_cache = false;
  const std::string template_text = cache_.enabled() ? entry.db->cache_key() : std::string();
  // Without the user in it the key would be the same for everybody.
  const bool cached = conf::dovecot::uses_variable(template_text, 'u', "user") ||
                      conf::dovecot::uses_variable(template_text, 'n', "username");
  std::string key;
  if (cached) {
    key = format("P{}\t{}\t{}", entry.id, request.user.value_or(""),
                 expand_for(request, template_text));
    const auto* answer = use_cache ? cache_.find(key) : nullptr;
    if (answer) {
      from_cache = true;
      co_return PassdbReply{answer->known ? PassdbResult::ok : PassdbResult::unknown,
                            answer->fields, answer->known ? "" : "unknown user", false};
    }
  }
  auto reply = co_await entry.db->lookup(request);
  if (cached && (reply.result == PassdbResult::ok || reply.result == PassdbResult::unknown)) {
    cache_.put(key, request.user.value_or(""), {reply.result == PassdbResult::ok, reply.fields});
  }
  co_return reply;
}

net::Task<PassdbResult> Databases::judge(PassdbEntry& entry, Request& request, PassdbReply reply,
                                         Purpose purpose) {
  // A deny list has no passwords, and being in it is told below.
  const bool quiet = entry.settings.deny && reply.result == PassdbResult::mismatch;
  if (!quiet) say(entry, request, reply.log_is_error, reply.log);
  if (reply.result != PassdbResult::ok) co_return reply.result;
  const Request before = request;  // lines are about the name that was asked for
  for (const auto& field : reply.fields) {
    auto set = set_passdb_field(request, field.name, field.value, entry.db->default_scheme());
    if (set) continue;
    say(entry, before, true, set.error().text);
    co_return PassdbResult::internal_failure;
  }
  if (request.extra.fields.has("noauthenticate")) co_return PassdbResult::next;
  auto result = PassdbResult::ok;
  if (purpose == Purpose::verify && !entry.db->verifies_itself()) {
    auto renamed = std::exchange(request.user, before.user);
    result = co_await check_password(entry, request);
    request.user = std::move(renamed);
  }
  if (result != PassdbResult::ok) co_return result;
  for (std::string_view name : {"allow_nets", "allow_real_nets"}) {
    auto networks = purpose == Purpose::verify ? request.extra.fields.get(name) : std::nullopt;
    if (!networks) continue;
    const auto& real = request.real_remote_ip.empty() ? request.remote_ip : request.real_remote_ip;
    auto allowed =
        check_allow_nets(name, *networks, name == "allow_nets" ? request.remote_ip : real);
    if (allowed) continue;
    say(entry, before, allowed.error().fault != Fault::permanent, allowed.error().text);
    co_return PassdbResult::unknown;
  }
  for (const auto& field : entry.override_fields) {
    auto set = set_passdb_field(request, field.name, expand_for(request, field.value), "PLAIN");
    if (!set) say(entry, before, true, set.error().text);
  }
  co_return PassdbResult::ok;
}

net::Task<PassdbResult> Databases::ask_passdb(PassdbEntry& entry, Request& request,
                                              Purpose purpose) {
  request.passdb_id = entry.id;
  request.stored.reset();
  set_defaults(request, entry.default_fields);
  if (entry.db->verifies_itself()) {
    if (purpose == Purpose::look_up) co_return PassdbResult::scheme_not_available;
    auto own = co_await entry.db->verify(request);
    auto judged = co_await judge(entry, request, std::move(own), purpose);
    co_return judged;
  }
  bool from_cache = false;
  const Request before = request;
  auto reply = co_await fetch(entry, request, true, from_cache);
  if (from_cache && reply.result == PassdbResult::ok) {
    // Quietly first: the password may have been changed since it was remembered.
    const bool verbose = std::exchange(entry.verbose, false);
    auto result = co_await judge(entry, request, reply, purpose);
    entry.verbose = verbose;
    if (result == PassdbResult::ok) co_return result;
    request = before;
    reply = co_await fetch(entry, request, false, from_cache);
  }
  auto result = co_await judge(entry, request, std::move(reply), purpose);
  co_return result;
}

// What the rules have made of the databases asked so far.
struct Databases::Walk {
  bool success = false, seen_internal_failure = false, seen_unknown = false;
};

net::Task<PassdbResult> Databases::walk_passdbs(Request& request, Purpose purpose) {
  Walk walk;
  auto* list = request.requested_login_user ? &masterdbs_ : &passdbs_;
  size_t at = 0;
  auto result = PassdbResult::unknown;
  while (at < list->size() && skips((*list)[at], request)) ++at;
  while (at < list->size()) {
    auto& entry = (*list)[at];
    const Request before = request;
    result = co_await ask_passdb(entry, request, purpose);
    if (entry.settings.deny) {
      if (result == PassdbResult::internal_failure) co_return result;
      if (result != PassdbResult::unknown && result != PassdbResult::scheme_not_available) {
        if (entry.verbose) log_.info("User found from deny passdb");
        request.extra = before.extra;
        co_return PassdbResult::disabled;
      }
    }
    if (result == PassdbResult::disabled) co_return result;
    if (result == PassdbResult::expired) {
      request.extra.set("reason", "Password expired", false);
      co_return result;
    }
    auto rule = entry.on_failure;
    if (result == PassdbResult::ok) rule = entry.on_success;
    if (result == PassdbResult::internal_failure) rule = entry.on_internal_failure;
    if (result == PassdbResult::next) rule = Rule::go_on;
    if (result == PassdbResult::ok && goes_on(rule)) request.skip_password_check = true;
    if (rule == Rule::ok || rule == Rule::go_on_ok) walk.success = true;
    if (rule == Rule::fail || rule == Rule::go_on_fail) walk.success = false;
    const bool checked = request.skip_password_check;
    if (result != PassdbResult::ok && result != PassdbResult::next) {
      request.extra = before.extra;  // a failed database leaves no trace
      request.userdb = before.userdb;
      request.user = before.user;
      request.userdb_prefetched = before.userdb_prefetched;
      request.nodelay |= before.nodelay;
    }
    request.skip_password_check = checked;
    // They speak of this database's password only.
    request.extra.remove("nopassword");
    request.extra.remove("noauthenticate");
    ++at;
    if (request.requested_login_user && result == PassdbResult::ok) {
      request.master_user =
          std::exchange(request.user, std::exchange(request.requested_login_user, std::nullopt));
      if (entry.verbose)
        log_.info("Master user logging in as {}", base::printable(*request.user, true));
      list = &passdbs_;
      at = 0;
    }
    while (at < list->size() && skips((*list)[at], request)) ++at;
    if (!goes_on(rule) || at == list->size()) break;
    walk.seen_unknown |= result == PassdbResult::unknown;
    walk.seen_internal_failure |= result == PassdbResult::internal_failure;
  }
  if (walk.success) co_return PassdbResult::ok;
  if (result == PassdbResult::next || walk.seen_internal_failure)
    co_return PassdbResult::internal_failure;
  if (result == PassdbResult::scheme_not_available && walk.seen_unknown)
    co_return PassdbResult::unknown;
  co_return result;
}

net::Task<PassdbResult> Databases::authenticate(Request& request) {
  auto result = co_await walk_passdbs(request, Purpose::verify);
  request.successful = result == PassdbResult::ok;
  co_return result;
}

net::Task<PassdbResult> Databases::look_up_passdb(Request& request) {
  auto result = co_await walk_passdbs(request, Purpose::look_up);
  co_return result;
}

}  // namespace dovetail::authd
