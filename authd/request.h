// One authentication or user lookup from its first line to its last: who asks, whose name it is by now, what the
// databases said. Passdbs and userdbs read it and fill it through set_passdb_field() and set_userdb_field(), which know
// the names with a meaning (user, nopassword, allow_nets, userdb_..., uid, gid ...); everything else is passed through.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "authd/scheme/scheme.h"
#include "authd/settings.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/proto/auth_fields.h"
#include "conf/dovecot/variables.h"

namespace dovetail::authd {

// Fields of a passdb's answer. Hidden ones count (a reply with only hidden fields has an empty field: clients know that
// form) but are not told to the client.
struct ExtraFields {
  proto::AuthFields fields;
  std::set<std::string, std::less<>> hidden;

  void set(std::string_view name, std::string value, bool is_hidden);
  void set_flag(std::string_view name, bool is_hidden);
  void remove(std::string_view name);
  // "", or TAB and the visible fields between TABs.
  std::string reply_text() const;
};

struct Request {
  // --- as asked
  std::string mech, service, session, local_name, client_id, cert_username;
  std::string local_ip, remote_ip, real_local_ip, real_remote_ip;
  std::string local_port, remote_port, real_local_port, real_remote_port, session_pid;
  bool secured = false, nologin = false, no_penalty = false, valid_client_cert = false;
  bool lookup_only = false;   // USER, PASS: nobody logs in
  proto::AuthFields forward;  // forward_*: told on to a proxy's backend

  // --- whose name it is
  std::optional<std::string> user;           // unset while unknown or refused
  std::optional<std::string> original_user;  // as the client gave it
  std::optional<std::string>
      requested_login_user;                // a master user's wish, until his password is right
  std::optional<std::string> master_user;  // ... and then he stands here
  Secret password;

  // --- what the databases said
  ExtraFields extra;
  proto::AuthFields userdb;        // userdb_* of the passdb, and the userdb's own
  bool userdb_prefetched = false;  // a passdb gave userdb_* fields
  bool userdb_tempfail = false;
  std::optional<StoredPassword> stored;
  bool nodelay = false;
  bool skip_password_check = false;  // an earlier passdb has checked it
  bool successful = false;           // authentication is through
  int passdb_id = 0, userdb_id = 0;
};

// AUTH's and USER's words; an unknown name is ignored, as later protocol versions need.
void import_request_field(Request& request, std::string_view name, std::string_view value);

// "passwd-file(alice@example.com,192.0.2.1,<sess>)": how a line about this request begins.
std::string log_name(std::string_view module, const Request& request);

// One field of a passdb row; default_scheme for a password without prefix. An Error is what is wrong with the value.
Result<void> set_passdb_field(Request& request, std::string_view name, std::string_view value,
                              std::string_view default_scheme);
// One field of a userdb row.
Result<void> set_userdb_field(Request& request, std::string_view name, std::string_view value);
// "name=value name2=value2" of default_fields, override_fields, static args; values are expanded already.
struct FieldTemplate {
  std::string name, value;
};
std::vector<FieldTemplate> parse_field_templates(std::string_view text);

// %u %n %d %s %r ... for expanding this text; each value goes through escape first (SQL). The password is in the table
// only if the text asks for it. Holds a reference to the request.
conf::dovecot::Variables request_variables(
    const Request& request, std::string_view text,
    const std::function<std::string(std::string_view)>& escape = {});
std::string expand_for(const Request& request, std::string_view text);

// auth_username_*: the name every database sees. An Error is the log line ("Username character disallowed ...").
Result<std::string> normalise_username(const AuthSettings& settings, Request& request,
                                       std::string_view name);
// Sets user, original_user and requested_login_user from what the mechanism got.
Result<void> set_login(const AuthSettings& settings, Request& request, std::string_view user,
                       std::string_view authzid);

// allow_nets: "10.0.0.0/8,local"; an Error is the log line.
Result<void> check_allow_nets(std::string_view what, std::string_view networks,
                              const std::string& ip);

}  // namespace dovetail::authd
