// A password database: asked for one user, it answers with a row of fields or checks the password itself (pam). It knows
// nothing of the chain around it, of schemes, caches, delays; those are done once, above (chain.h).
// "Cannot tell" is internal_failure and never anything else.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "authd/request.h"
#include "common/net/task.h"

namespace dovetail::authd {

enum class PassdbResult {
  ok,
  mismatch,
  unknown,
  disabled,  // exists, may not log in: ends the chain
  expired,   // so does this
  internal_failure,
  scheme_not_available,  // cannot be asked without a password
  next,                  // noauthenticate: fields only
};

// What a database says of a user. Lines for the log are given, not written: the chain knows whose request it is.
struct PassdbReply {
  PassdbResult result = PassdbResult::internal_failure;
  std::vector<FieldTemplate> fields;  // password among them; values are final
  std::string log;                    // "" or why, as the incumbent words it
  bool log_is_error = false;          // else Info, seen with auth_verbose only
};

class Passdb {
 public:
  virtual ~Passdb() = default;
  virtual std::string_view driver() const = 0;
  // Used by set_passdb_field() where a password has no {SCHEME}.
  virtual std::string default_scheme() const { return "PLAIN"; }
  // True: verify() is the only way (pam); PASS and static userdbs cannot ask it.
  virtual bool verifies_itself() const { return false; }
  virtual net::Task<PassdbReply> lookup(const Request& request) = 0;
  virtual net::Task<PassdbReply> verify(const Request& request);
  // What an entry of the cache depends on, with % variables; empty: must not be cached.
  virtual std::string cache_key() const { return {}; }
};

}  // namespace dovetail::authd
