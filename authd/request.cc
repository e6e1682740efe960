// SPDX-License-Identifier: Apache-2.0
#include "authd/request.h"

#include "common/base/text.h"

namespace dovetail::authd {

namespace {

struct TextParameter {
  std::string_view name;
  std::string Request::*field;
};
// clang-format off
constexpr TextParameter text_parameters[] = {
    {"service", &Request::service},             {"session", &Request::session},
    {"lip", &Request::local_ip},                {"rip", &Request::remote_ip},
    {"lport", &Request::local_port},            {"rport", &Request::remote_port},
    {"real_lip", &Request::real_local_ip},      {"real_rip", &Request::real_remote_ip},
    {"real_lport", &Request::real_local_port},  {"real_rport", &Request::real_remote_port},
    {"local_name", &Request::local_name},       {"client_id", &Request::client_id},
    {"cert_username", &Request::cert_username}, {"session_pid", &Request::session_pid},
};
struct FlagParameter {
  std::string_view name;
  bool Request::* field;
};
constexpr FlagParameter flag_parameters[] = {
    {"secured", &Request::secured},       {"nologin", &Request::nologin},
    {"no-penalty", &Request::no_penalty}, {"valid-client-cert", &Request::valid_client_cert},
};
// clang-format on

}  // namespace

void ExtraFields::set(std::string_view name, std::string value, bool is_hidden) {
  fields.set(name, std::move(value));
  if (is_hidden) hidden.emplace(name);
}

void ExtraFields::set_flag(std::string_view name, bool is_hidden) {
  if (!fields.has(name)) fields.add_flag(std::string(name));
  if (is_hidden) hidden.emplace(name);
}

void ExtraFields::remove(std::string_view name) {
  fields.remove(name);
  hidden.erase(std::string(name));
}

std::string ExtraFields::reply_text() const {
  if (fields.empty()) return {};
  proto::AuthFields visible;
  for (const auto& field : fields) {
    if (hidden.contains(field.name)) continue;
    if (field.flag)
      visible.add_flag(field.name);
    else
      visible.add(field.name, field.value);
  }
  return visible.empty() ? "\t" : visible.text();
}

void import_request_field(Request& request, std::string_view name, std::string_view value) {
  for (const auto& parameter : text_parameters) {
    if (parameter.name == name) request.*parameter.field = value;
  }
  for (const auto& parameter : flag_parameters) {
    if (parameter.name == name) request.*parameter.field = true;
  }
  if (name.starts_with("forward_")) request.forward.set(name, std::string(value));
}

std::string log_name(std::string_view module, const Request& request) {
  // Before its password is checked a master's line carries his own name and the word "master".
  std::string text = format("{}({}", module, base::printable(request.user.value_or("?"), true));
  if (!request.remote_ip.empty()) text += format(",{}", base::printable(request.remote_ip));
  if (request.requested_login_user) text += ",master";
  if (!request.session.empty()) text += format(",<{}>", base::printable(request.session));
  return text + ")";
}

std::vector<FieldTemplate> parse_field_templates(std::string_view text) {
  std::vector<FieldTemplate> templates;
  for (auto word : base::words(text, " ")) {
    auto [name, value] = base::cut(word, '=');
    templates.push_back({std::string(name), std::string(value.value_or(""))});
  }
  return templates;
}

conf::dovecot::Variables request_variables(
    const Request& request, std::string_view text,
    const std::function<std::string(std::string_view)>& escape) {
  conf::dovecot::Variables variables;
  auto add = [&](char key, const char* name, std::string_view value) {
    variables.table.push_back({key, name, escape ? escape(value) : std::string(value)});
  };
  auto add_user = [&](char u, char n, char d, const std::string& prefix, std::string_view user) {
    auto [name, domain] = base::cut(user, '@');
    auto add_one = [&](char key, const std::string& long_name, std::string_view value) {
      variables.table.push_back({key, long_name, escape ? escape(value) : std::string(value)});
    };
    add_one(u, prefix + "user", user);
    add_one(n, prefix + "username", name);
    add_one(d, prefix + "domain", domain.value_or(""));
  };
  const std::string user = request.user.value_or("");
  add_user('u', 'n', 'd', "", user);
  add_user(0, 0, 0, "login_", request.requested_login_user.value_or(user));
  add_user(0, 0, 0, "orig_", request.original_user.value_or(user));
  add_user(0, 0, 0, "auth_", request.master_user.value_or(request.original_user.value_or(user)));
  auto [local_part, domains] = base::cut(user, '@');
  add(0, "domain_first", base::cut(domains.value_or(""), '@').first);
  add(0, "domain_last", user.find('@') == user.npos ? "" : user.substr(user.rfind('@') + 1));
  add(0, "master_user", request.master_user.value_or(""));
  add(0, "original_user", request.original_user.value_or(""));
  add('s', "service", request.service);
  add('h', "home", request.userdb.get("home").value_or(""));
  add('l', "lip", request.local_ip);
  add(0, "local_ip", request.local_ip);
  add('r', "rip", request.remote_ip);
  add(0, "remote_ip", request.remote_ip);
  add('p', "pid", request.session_pid);
  if (conf::dovecot::uses_variable(text, 'w', "password"))
    add('w', "password", request.password.reveal());
  add('!', "", std::to_string(request.passdb_id));
  add('m', "mech", request.mech);
  add(0, "mechanism", request.mech);
  add('c', "secured", request.secured ? "secured" : "");
  add('a', "lport", request.local_port);
  add(0, "local_port", request.local_port);
  add('b', "rport", request.remote_port);
  add(0, "remote_port", request.remote_port);
  add('k', "cert", request.valid_client_cert ? "valid" : "");
  auto real = [](const std::string& told, const std::string& other) {
    return told.empty() ? other : told;
  };
  add(0, "real_lip", real(request.real_local_ip, request.local_ip));
  add(0, "real_rip", real(request.real_remote_ip, request.remote_ip));
  add(0, "real_lport", real(request.real_local_port, request.local_port));
  add(0, "real_rport", real(request.real_remote_port, request.remote_port));
  add(0, "session", request.session);
  add(0, "session_pid", request.session_pid);
  add(0, "local_name", request.local_name);
  add(0, "client_id", request.client_id);
  // The fields are asked for while the text is expanded, at once.
  variables.by_prefix = [&request, escape](std::string_view prefix,
                                           std::string_view rest) -> std::optional<std::string> {
    if (prefix != "passdb" && prefix != "userdb") return std::nullopt;
    auto [name, fallback] = base::cut(rest, ':');
    const auto& fields = prefix == "passdb" ? request.extra.fields : request.userdb;
    const std::string value = fields.get(name).value_or(std::string(fallback.value_or("")));
    return escape ? escape(value) : value;
  };
  return variables;
}

std::string expand_for(const Request& request, std::string_view text) {
  if (text.find('%') == text.npos) return std::string(text);
  return conf::dovecot::expand_variables(text, request_variables(request, text)).text;
}

}  // namespace dovetail::authd
