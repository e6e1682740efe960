// The chains of passdb and userdb blocks: order, skip, deny, master, result_*, default and override fields, cache. What one
// database says is in passdb/ and userdb/; what it means for the request is here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "authd/cache.h"
#include "authd/passdb/passdb.h"
#include "authd/password_pool.h"
#include "authd/settings.h"
#include "authd/userdb/userdb.h"
#include "common/base/log.h"

namespace dovetail::authd {

class WorkerPool;

enum class Rule {
  go_on,
  stop,
  ok,
  fail,
  go_on_ok,
  go_on_fail
};  // continue, return, return-ok, return-fail ...

struct PassdbEntry {
  conf::dovecot::Passdb settings;
  std::unique_ptr<Passdb> db;
  int id = 0;
  Rule on_success = Rule::ok, on_failure = Rule::go_on, on_internal_failure = Rule::go_on;
  std::vector<FieldTemplate> default_fields, override_fields;
  std::vector<std::string> mechanisms, username_filter;
  bool verbose = false;
};

struct UserdbEntry {
  conf::dovecot::Userdb settings;
  std::unique_ptr<Userdb> db;
  int id = 0;
  Rule on_success = Rule::ok, on_failure = Rule::go_on, on_internal_failure = Rule::go_on;
  std::vector<FieldTemplate> default_fields, override_fields;
  bool verbose = false;
};

class Databases {
 public:
  // Opens all that the settings name; an Error is the Fatal line. workers may be null (auth -w itself, tests).
  static Result<std::unique_ptr<Databases>> open(net::Loop& loop, const AuthSettings& settings,
                                                 WorkerPool* workers, const Logger& log);

  // Is request.password right for request.user? Fills the request's fields on success.
  net::Task<PassdbResult> authenticate(Request& request);
  // What the passdbs know of request.user, no password needed.
  net::Task<PassdbResult> look_up_passdb(Request& request);
  net::Task<UserdbResult> look_up_userdb(Request& request);
  net::Task<Result<std::vector<std::string>>> list_users();
  AuthCache& cache() { return cache_; }

  // For tests: databases of their own.
  Databases(net::Loop& loop, const AuthSettings& settings, const Logger& log);
  Result<void> add(conf::dovecot::Passdb settings, std::unique_ptr<Passdb> db);
  Result<void> add(conf::dovecot::Userdb settings, std::unique_ptr<Userdb> db);

 private:
  enum class Purpose { verify, look_up };
  struct Walk;
  net::Task<PassdbResult> walk_passdbs(Request& request, Purpose purpose);
  net::Task<PassdbResult> ask_passdb(PassdbEntry& entry, Request& request, Purpose purpose);
  net::Task<PassdbReply> fetch(PassdbEntry& entry, const Request& request, bool use_cache,
                               bool& from_cache);
  net::Task<PassdbResult> judge(PassdbEntry& entry, Request& request, PassdbReply reply,
                                Purpose purpose);
  net::Task<PassdbResult> check_password(PassdbEntry& entry, Request& request);
  bool skips(const PassdbEntry& entry, const Request& request) const;
  net::Task<UserdbResult> ask_userdb(UserdbEntry& entry, Request& request);
  net::Task<UserdbReply> fetch_user(UserdbEntry& entry, const Request& request);
  net::Task<UserdbResult> known_to_passdb(const Request& request);
  void say(const PassdbEntry& entry, const Request& request, bool error,
           std::string_view text) const;
  void say(const UserdbEntry& entry, const Request& request, bool error,
           std::string_view text) const;
  void log_mismatch(const PassdbEntry& entry, const Request& request) const;

  const AuthSettings& settings_;
  Logger log_;
  PasswordPool pool_;
  AuthCache cache_;
  std::vector<PassdbEntry> passdbs_, masterdbs_;
  std::vector<UserdbEntry> userdbs_;
};

}  // namespace dovetail::authd
