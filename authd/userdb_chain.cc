// The chain of userdbs.
// SPDX-License-Identifier: Apache-2.0
#include "authd/databases.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

bool userdb_goes_on(Rule rule) {
  return rule == Rule::go_on || rule == Rule::go_on_ok || rule == Rule::go_on_fail;
}

}  // namespace

void Databases::say(const UserdbEntry& entry, const Request& request, bool error,
                    std::string_view text) const {
  if (text.empty() || (!error && !entry.verbose)) return;
  log_.write(error ? Level::error : Level::info,
             format("{}: {}", log_name(entry.db->driver(), request), text));
}

// A static userdb knows everybody; whether the user exists is the passdbs' word.
net::Task<UserdbResult> Databases::known_to_passdb(const Request& request) {
  Request probe = request;
  probe.extra = {};
  probe.userdb = {};
  probe.requested_login_user.reset();
  auto result = co_await look_up_passdb(probe);
  switch (result) {
    case PassdbResult::ok:
    case PassdbResult::scheme_not_available:
      co_return UserdbResult::ok;
    case PassdbResult::internal_failure:
      co_return UserdbResult::internal_failure;
    default:
      co_return UserdbResult::unknown;
  }
}

net::Task<UserdbReply> Databases::fetch_user(UserdbEntry& entry, const Request& request) {
  const std::string template_text = cache_.enabled() ? entry.db->cache_key() : std::string();
  const bool cached = conf::dovecot::uses_variable(template_text, 'u', "user") ||
                      conf::dovecot::uses_variable(template_text, 'n', "username");
  std::string key;
  if (cached) {
    key = format("U{}\t{}\t{}", entry.id, request.user.value_or(""),
                 expand_for(request, template_text));
    if (const auto* answer = cache_.find(key)) {
      co_return UserdbReply{
          answer->known ? UserdbResult::ok : UserdbResult::unknown, answer->fields, {}, false};
    }
  }
  auto reply = co_await entry.db->lookup(request);
  if (cached && reply.result != UserdbResult::internal_failure) {
    cache_.put(key, request.user.value_or(""), {reply.result == UserdbResult::ok, reply.fields});
  }
  co_return reply;
}

net::Task<UserdbResult> Databases::ask_userdb(UserdbEntry& entry, Request& request) {
  request.userdb_id = entry.id;
  for (const auto& field : entry.default_fields) {
    if (request.userdb.has(field.name)) continue;
    auto set = set_userdb_field(request, field.name, expand_for(request, field.value));
    if (!set) say(entry, request, true, set.error().text);
  }
  auto reply = co_await fetch_user(entry, request);
  say(entry, request, reply.log_is_error, reply.log);
  if (reply.result != UserdbResult::ok) co_return reply.result;
  if (entry.db->wants_passdb_check() && !request.successful) {
    auto known = co_await known_to_passdb(request);
    if (known != UserdbResult::ok) co_return known;
  }
  for (const auto* fields : {&reply.fields, &entry.override_fields}) {
    for (const auto& field : *fields) {
      const bool ours = fields == &entry.override_fields;
      auto set = set_userdb_field(request, field.name,
                                  ours ? expand_for(request, field.value) : field.value);
      if (set) continue;
      say(entry, request, true, set.error().text);
      co_return UserdbResult::internal_failure;
    }
  }
  if (request.userdb_tempfail) co_return UserdbResult::internal_failure;
  co_return UserdbResult::ok;
}

net::Task<UserdbResult> Databases::look_up_userdb(Request& request) {
  bool success = false, seen_internal_failure = false;
  auto result = UserdbResult::unknown;
  for (size_t i = 0; i < userdbs_.size(); ++i) {
    auto& entry = userdbs_[i];
    if (entry.settings.skip == "found" && success) continue;
    if (entry.settings.skip == "notfound" && !success) continue;
    const Request before = request;
    result = co_await ask_userdb(entry, request);
    auto rule = entry.on_failure;
    if (result == UserdbResult::ok) rule = entry.on_success;
    if (result == UserdbResult::internal_failure) rule = entry.on_internal_failure;
    if (rule == Rule::ok || rule == Rule::go_on_ok) success = true;
    if (rule == Rule::fail || rule == Rule::go_on_fail) success = false;
    if (result != UserdbResult::ok) request = before;
    if (!userdb_goes_on(rule)) break;
    if (i + 1 < userdbs_.size()) seen_internal_failure |= result == UserdbResult::internal_failure;
  }
  if (success) co_return UserdbResult::ok;
  if (seen_internal_failure) co_return UserdbResult::internal_failure;
  co_return result;
}

net::Task<Result<std::vector<std::string>>> Databases::list_users() {
  std::vector<std::string> users;
  bool any = false;
  for (auto& entry : userdbs_) {
    if (!entry.db->can_list()) continue;
    any = true;
    auto listed = co_await entry.db->list();
    if (!listed) co_return listed.error();
    users.insert(users.end(), listed->begin(), listed->end());
  }
  if (!any) co_return temporary("Trying to iterate users, but userdbs don't support it");
  co_return users;
}

}  // namespace dovetail::authd
