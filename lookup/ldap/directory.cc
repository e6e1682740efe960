// SPDX-License-Identifier: Apache-2.0
#include "lookup/ldap/directory.h"

#include <ldap.h>

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

using Names = std::vector<std::string>;

bool is_named(const Names& names, std::string_view attribute) {
  return std::any_of(names.begin(), names.end(),
                     [&](auto& name) { return base::iequals(name, attribute); });
}

bool any_named(const Names& names, const Names& attributes) {
  return std::any_of(attributes.begin(), attributes.end(),
                     [&](auto& attribute) { return is_named(names, attribute); });
}

struct MessageFree {
  void operator()(LDAPMessage* message) const { ldap_msgfree(message); }
};
using LdapEntries = std::unique_ptr<LDAPMessage, MessageFree>;

std::vector<std::string> ldap_values(LDAP* handle, LDAPMessage* entry, const std::string& name) {
  std::vector<std::string> values;
  berval** found = ldap_get_values_len(handle, entry, name.c_str());
  for (berval** at = found; at && *at; ++at) values.emplace_back((*at)->bv_val, (*at)->bv_len);
  if (found) ldap_value_free_len(found);
  return values;
}

timeval seconds_of(int seconds) {
  timeval time{};
  time.tv_sec = seconds;
  return time;
}

int simple_bind(LDAP* handle, const LdapSettings& settings) {
  std::string password(settings.bind_pw.reveal());
  berval secret{static_cast<ber_len_t>(password.size()), password.data()};
  int status = ldap_sasl_bind_s(handle, settings.bind_dn.c_str(), LDAP_SASL_SIMPLE, &secret,
                                nullptr, nullptr, nullptr);
  base::wipe(password);
  return status;
}

// A referral leads to another server, which wants to know who asks as well.
int bind_again(LDAP* handle, LDAP_CONST char*, ber_tag_t, ber_int_t, void* settings) {
  auto& ours = *static_cast<const LdapSettings*>(settings);
  return ours.bind == LdapSettings::Bind::none ? LDAP_SUCCESS : simple_bind(handle, ours);
}

}  // namespace

LdapDirectory::~LdapDirectory() {
  disconnect();
}

void LdapDirectory::disconnect() {
  if (handle_) ldap_unbind_ext_s(handle_, nullptr, nullptr);
  handle_ = nullptr;
}

bool LdapDirectory::set_tls(LdapAnswer& answer) {
  auto& settings = *settings_;
  struct Option {
    int number;
    const std::string& value;
    const char* name;
  };
  // clang-format off
  Option options[] = {
      {LDAP_OPT_X_TLS_CACERTFILE,   settings.tls_ca_cert_file, "tls_ca_cert_file"},
      {LDAP_OPT_X_TLS_CACERTDIR,    settings.tls_ca_cert_dir,  "tls_ca_cert_dir"},
      {LDAP_OPT_X_TLS_CERTFILE,     settings.tls_cert,         "tls_cert"},
      {LDAP_OPT_X_TLS_KEYFILE,      settings.tls_key,          "tls_key"},
      {LDAP_OPT_X_TLS_RANDOM_FILE,  settings.tls_random_file,  "tls_random_file"},
      {LDAP_OPT_X_TLS_CIPHER_SUITE, settings.tls_cipher_suite, "tls_cipher_suite"},
  };
  // clang-format on
  for (auto& option : options) {
    if (option.value.empty()) continue;
    int status = ldap_set_option(handle_, option.number, option.value.c_str());
    if (status == LDAP_OPT_SUCCESS) continue;
    answer.failure = format("dict_ldap_set_tls_options: Unable to set {} to {}: {}: {}",
                            option.name, option.value, status, ldap_err2string(status));
    return false;
  }
  int require = settings.tls_require_cert ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
  ldap_set_option(handle_, LDAP_OPT_X_TLS_REQUIRE_CERT, &require);
  int client = 0;
  ldap_set_option(handle_, LDAP_OPT_X_TLS_NEWCTX, &client);
  return true;
}

bool LdapDirectory::bind(LdapAnswer& answer) {
  auto& settings = *settings_;
  int status = LDAP_SUCCESS;
  if (settings.bind == LdapSettings::Bind::simple) status = simple_bind(handle_, settings);
  if (settings.bind == LdapSettings::Bind::external) {
    std::string identity = settings.sasl_authz_id;
    berval who{static_cast<ber_len_t>(identity.size()), identity.data()};
    status = ldap_sasl_bind_s(handle_, settings.bind_dn.c_str(), "EXTERNAL", &who, nullptr, nullptr,
                              nullptr);
  }
  if (status == LDAP_SUCCESS) return true;
  answer.away = status == LDAP_SERVER_DOWN || status == LDAP_TIMEOUT;
  answer.failure =
      format("dict_ldap_connect: Unable to bind to server {} with dn {}: {} ({})", settings.urls,
             settings.bind_dn.empty() ? "empty or implicit" : settings.bind_dn, status,
             ldap_err2string(status));
  return false;
}

bool LdapDirectory::connect(LdapAnswer& answer) {
  if (handle_) return true;
  auto& settings = *settings_;
  int status = ldap_initialize(&handle_, settings.urls.empty() ? nullptr : settings.urls.c_str());
  if (status != LDAP_SUCCESS || !handle_) {
    answer.failure = format("dict_ldap_connect: Unable to init LDAP server {}: {}", settings.urls,
                            ldap_err2string(status));
    return false;
  }
  int version = settings.version, dereference = settings.dereference;
  int size_limit = settings.size_limit;
  auto time = seconds_of(settings.timeout);
  ldap_set_option(handle_, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(handle_, LDAP_OPT_DEREF, &dereference);
  ldap_set_option(handle_, LDAP_OPT_SIZELIMIT, &size_limit);
  ldap_set_option(handle_, LDAP_OPT_NETWORK_TIMEOUT, &time);
  ldap_set_option(handle_, LDAP_OPT_TIMEOUT, &time);
  ldap_set_option(handle_, LDAP_OPT_REFERRALS,
                  settings.chase_referrals ? LDAP_OPT_ON : LDAP_OPT_OFF);
  if (settings.chase_referrals)
    ldap_set_rebind_proc(handle_, bind_again, const_cast<LdapSettings*>(settings_.get()));
  if (settings.debuglevel > 0) ldap_set_option(nullptr, LDAP_OPT_DEBUG_LEVEL, &settings.debuglevel);
  bool tls = settings.start_tls || settings.urls.find("ldaps:") != std::string::npos;
  bool ready = !tls || set_tls(answer);
  if (ready && settings.start_tls) {
    status = ldap_start_tls_s(handle_, nullptr, nullptr);
    ready = status == LDAP_SUCCESS;
    if (!ready) {
      answer.away = status == LDAP_SERVER_DOWN || status == LDAP_TIMEOUT;
      answer.failure = format("dict_ldap_connect: Unable to set STARTTLS: {}: {}", status,
                              ldap_err2string(status));
    }
  }
  if (ready) ready = bind(answer);
  if (!ready) disconnect();
  return ready;
}

int LdapDirectory::find(const std::string& base, int scope, const std::string& filter,
                        const std::vector<std::string>& attributes, ldapmsg** found) {
  std::vector<char*> names;
  for (auto& attribute : attributes) names.push_back(const_cast<char*>(attribute.c_str()));
  names.push_back(nullptr);
  auto time = seconds_of(settings_->timeout);
  return ldap_search_ext_s(handle_, base.c_str(), scope, filter.c_str(), names.data(), 0, nullptr,
                           nullptr, &time, settings_->size_limit, found);
}

LdapAnswer LdapDirectory::search(const std::string& base, const std::string& filter) {
  auto& settings = *settings_;
  Names wanted;
  for (auto* list : {&settings.result, &settings.special, &settings.terminal, &settings.leaf})
    wanted.insert(wanted.end(), list->begin(), list->end());
  LdapAnswer answer;
  for (int attempt = 1;; ++attempt) {
    bool kept = handle_ != nullptr;
    if (!connect(answer)) return answer;
    LDAPMessage* message = nullptr;
    int status = find(base, settings.scope, filter, wanted, &message);
    LdapEntries found(message);
    // The server closed a connection that was kept: once more on a new one.
    if (status == LDAP_SERVER_DOWN && kept && attempt == 1) {
      disconnect();
      continue;
    }
    if (status == LDAP_SUCCESS) {
      take_entries(message, 1, answer);
      return answer;
    }
    if (status == LDAP_NO_SUCH_OBJECT && settings.dynamic_base) return answer;
    if (status == LDAP_NO_SUCH_OBJECT) {
      answer.failure = format("dict_ldap_lookup: {}: Search base '{}' not found: {}: {}",
                              settings.name, base, status, ldap_err2string(status));
      return answer;
    }
    answer.away = status == LDAP_SERVER_DOWN || status == LDAP_TIMEOUT;
    answer.failure =
        format("dict_ldap_lookup: Search error {}: {} ", status, ldap_err2string(status));
    disconnect();
    return answer;
  }
}

std::vector<std::string> LdapDirectory::attributes_of(ldapmsg* entry) const {
  std::vector<std::string> names;
  BerElement* position = nullptr;
  for (char* name = ldap_first_attribute(handle_, entry, &position); name;
       name = ldap_next_attribute(handle_, entry, position)) {
    names.emplace_back(name);
    ldap_memfree(name);
  }
  if (position) ber_free(position, 0);
  return names;
}

bool LdapDirectory::take_entries(ldapmsg* found, int depth, LdapAnswer& answer) {
  for (auto* entry = ldap_first_entry(handle_, found); entry;
       entry = ldap_next_entry(handle_, entry)) {
    if (!take_entry(entry, depth, answer)) return false;
  }
  return true;
}

bool LdapDirectory::take_entry(ldapmsg* entry, int depth, LdapAnswer& answer) {
  auto& settings = *settings_;
  auto attributes = attributes_of(entry);
  bool is_terminal = any_named(settings.terminal, attributes);
  bool is_leaf = !any_named(settings.special, attributes);
  for (auto& attribute : attributes) {
    bool terminal = is_named(settings.terminal, attribute);
    if (is_terminal && !terminal) continue;
    bool plain = terminal || is_named(settings.result, attribute) ||
                 (is_leaf && is_named(settings.leaf, attribute));
    bool special = !terminal && is_named(settings.special, attribute);
    auto values = ldap_values(handle_, entry, attribute);
    for (auto& value : values) {
      if (plain) answer.values.push_back({value, depth});
      if (special && !follow(attribute, value, depth, answer)) return false;
    }
  }
  return true;
}

bool LdapDirectory::follow(const std::string& attribute, const std::string& value, int depth,
                           LdapAnswer& answer) {
  auto& settings = *settings_;
  auto me = format("dict_ldap_get_values[{}]", depth);
  if (depth >= settings.recursion_limit) {
    answer.failure = format("{}: {}: Recursion limit exceeded for special attribute {}={}", me,
                            settings.name, attribute, base::printable(value, true));
    return false;
  }
  Names wanted;
  for (auto* list : {&settings.result, &settings.special, &settings.terminal, &settings.leaf})
    wanted.insert(wanted.end(), list->begin(), list->end());
  std::string base = value, filter = "objectclass=*";
  int scope = LDAP_SCOPE_BASE;
  if (ldap_is_ldap_url(value.c_str())) {
    LDAPURLDesc* url = nullptr;
    if (int wrong = ldap_url_parse(value.c_str(), &url); wrong) {
      answer.warnings.push_back(format("{}: malformed URL {}: {}({})", me,
                                       base::printable(value, true), wrong,
                                       ldap_err2string(wrong)));
      return true;
    }
    base = url->lud_dn ? url->lud_dn : "";
    if (url->lud_filter) filter = url->lud_filter;
    if (url->lud_scope != LDAP_SCOPE_DEFAULT) scope = url->lud_scope;
    // Attributes that the URL names, of those that the table wants.
    Names named;
    for (char** name = url->lud_attrs; name && *name; ++name) named.emplace_back(*name);
    if (!named.empty()) std::erase_if(wanted, [&](auto& name) { return !is_named(named, name); });
    ldap_free_urldesc(url);
    if (wanted.empty()) return true;
  }
  LDAPMessage* message = nullptr;
  int status = find(base, scope, filter, wanted, &message);
  LdapEntries found(message);
  if (status == LDAP_SUCCESS) return take_entries(message, depth + 1, answer);
  if (status == LDAP_NO_SUCH_OBJECT) {
    answer.warnings.push_back(
        format("{}: DN {} not found, skipping ", me, base::printable(value, true)));
    answer.warnings.push_back(
        format("dict_ldap_lookup: Had some trouble with entries returned by search: {}",
               ldap_err2string(status)));
    return true;
  }
  answer.away = status == LDAP_SERVER_DOWN || status == LDAP_TIMEOUT;
  answer.failure = format("{}: search error {}: {} ", me, status, ldap_err2string(status));
  return false;
}

}  // namespace dovetail::lookup
