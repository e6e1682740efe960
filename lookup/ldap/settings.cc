// SPDX-License-Identifier: Apache-2.0
#include "lookup/ldap/settings.h"

#include <ldap.h>

#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::lookup {
namespace {

// Words of server_host as the library wants them: URLs.
std::string server_urls(const conf::TableCf& cf, int port, const Logger& log) {
  std::string urls;
  for (auto& word : conf::split_list(cf.get("server_host", "localhost"))) {
    std::string url = word;
    if (ldap_is_ldap_url(url.c_str())) {
      LDAPURLDesc* parts = nullptr;
      if (int wrong = ldap_url_parse(url.c_str(), &parts); wrong) {
        log.error("dict_ldap_open: error parsing URL {}: {}: {}; skipping", url, wrong,
                  ldap_err2string(wrong));
        continue;
      }
      ldap_free_urldesc(parts);
    } else {
      url = word.find(':') == std::string::npos ? format("ldap://{}:{}", word, port)
                                                : "ldap://" + word;
    }
    if (!urls.empty()) urls += ' ';
    urls += url;
  }
  return urls;
}

Result<LdapSettings::Bind> read_bind(const conf::TableCf& cf) {
  struct Way {
    std::string_view word;
    LdapSettings::Bind bind;
  };
  // clang-format off
  static constexpr Way kWays[] = {
      {"no",  LdapSettings::Bind::none},   {"none",   LdapSettings::Bind::none},
      {"yes", LdapSettings::Bind::simple}, {"simple", LdapSettings::Bind::simple},
      {"sasl", LdapSettings::Bind::external},
  };
  // clang-format on
  auto text = cf.get("bind", "yes");
  for (auto& way : kWays) {
    if (!base::iequals(way.word, text)) continue;
    auto mechanisms = cf.get("sasl_mechs");
    bool known = way.bind != LdapSettings::Bind::external || base::iequals(mechanisms, "EXTERNAL");
    if (known) return way.bind;
    return config_error(format("{}: bind = sasl with sasl_mechs = {} is not supported; EXTERNAL is",
                               cf.name(), mechanisms));
  }
  return config_error(format("{}: unsupported parameter value: bind = {}", cf.name(), text));
}

int read_scope(const conf::TableCf& cf, const Logger& log) {
  auto text = cf.get("scope", "sub");
  if (base::iequals(text, "one")) return LDAP_SCOPE_ONELEVEL;
  if (base::iequals(text, "base")) return LDAP_SCOPE_BASE;
  if (!base::iequals(text, "sub")) {
    log.warning("dict_ldap_open: {}: Unrecognized value {} specified for scope; using sub",
                cf.name(), text);
  }
  return LDAP_SCOPE_SUBTREE;
}

void warn_of_old(const conf::TableCf& cf, const Logger& log) {
  for (const char* parameter : {"cache", "cache_expiry", "cache_size"}) {
    if (cf.has(parameter)) log.warning("dict_ldap_open: {} ignoring {}", cf.name(), parameter);
  }
}

Result<void> read_numbers(const conf::TableCf& cf, LdapSettings& settings) {
  auto& expansion_limit = settings.query.expansion_limit;
  struct Number {
    const char* parameter;
    int& value;
    int min;
  };
  // clang-format off
  Number numbers[] = {
      {"timeout",         settings.timeout,         0},
      {"version",         settings.version,         0},
      {"expansion_limit", expansion_limit,          0},
      {"size_limit",      settings.size_limit,      0},
      {"recursion_limit", settings.recursion_limit, 1},
      {"dereference",     settings.dereference,     0},
      {"debuglevel",      settings.debuglevel,      0},
  };
  // clang-format on
  for (auto& number : numbers) {
    if (&number.value == &settings.size_limit) number.value = expansion_limit;  // its default
    auto value = cf.get_int(number.parameter, number.value, number.min, 0);
    if (!value) return config_error(value.error().text);
    number.value = *value;
  }
  return {};
}

Result<void> read_flags(const conf::TableCf& cf, LdapSettings& settings) {
  struct Flag {
    const char* parameter;
    bool& value;
  };
  Flag flags[] = {{"chase_referrals", settings.chase_referrals},
                  {"start_tls", settings.start_tls},
                  {"tls_require_cert", settings.tls_require_cert}};
  for (auto& flag : flags) {
    auto value = cf.get_bool(flag.parameter, false);
    if (!value) return config_error(value.error().text);
    flag.value = *value;
  }
  return {};
}

Result<void> read_templates(const OpenContext& context, const conf::TableCf& cf,
                            LdapSettings& settings) {
  auto filter = cf.get("query_filter", "(mailacceptinggeneralid=%s)");
  auto base_text = cf.get("search_base");
  auto result_text =
      cf.has("result_format") ? cf.get("result_format") : cf.get("result_filter", "%s");
  struct Template {
    const char* what;
    const std::string& text;
    SqlTemplate& into;
  };
  auto& query = settings.query;
  query.owner = cf.name();
  Template templates[] = {{"query", base_text, settings.search_base},
                          {"query", filter, query.query},
                          {"result", result_text, query.result_format}};
  for (auto& one : templates) {
    auto parsed = SqlTemplate::parse(cf.name(), one.what, one.text);
    if (!parsed) return parsed.error();
    one.into = std::move(*parsed);
  }
  settings.dynamic_base = base_text.find('%') != std::string::npos;
  if (filter.find('%') == std::string::npos) {
    context.options.log.warning("dict_ldap_open: {}: Fixed query_filter {} is probably useless",
                                cf.name(), filter);
  }
  return query.read_domain(context, cf);
}

}  // namespace

Result<LdapSettings> LdapSettings::read(const OpenContext& context, const conf::TableCf& cf) {
  const Logger& log = context.options.log;
  LdapSettings settings;
  settings.name = cf.name();
  auto port = cf.get_int("server_port", LDAP_PORT, 0, 0);
  if (!port) return config_error(port.error().text);
  settings.urls = server_urls(cf, *port, log);
  settings.scope = read_scope(cf, log);
  auto bind = read_bind(cf);
  if (!bind) return bind.error();
  settings.bind = *bind;
  settings.bind_dn = cf.get("bind_dn");
  settings.bind_pw = Secret(cf.get("bind_pw"));
  settings.sasl_authz_id = cf.get("sasl_authz_id");
  warn_of_old(cf, log);
  if (auto read = read_numbers(cf, settings); !read) return read.error();
  if (auto read = read_flags(cf, settings); !read) return read.error();
  if (settings.version != 2 && settings.version != 3) {
    log.warning("dict_ldap_open: {} Unknown version {}, using 3.", cf.name(), settings.version);
    settings.version = 3;
  }
  if (settings.dereference < 0 || settings.dereference > 3) {
    log.warning("dict_ldap_open: {} Unrecognized value {} specified for dereference; using 0",
                cf.name(), settings.dereference);
    settings.dereference = 0;
  }
  settings.tls_ca_cert_dir = cf.get("tls_ca_cert_dir");
  settings.tls_ca_cert_file = cf.get("tls_ca_cert_file");
  settings.tls_cert = cf.get("tls_cert");
  settings.tls_key = cf.get("tls_key");
  settings.tls_random_file = cf.get("tls_random_file");
  settings.tls_cipher_suite = cf.get("tls_cipher_suite");
  settings.result = conf::split_list(cf.get("result_attribute", "maildrop"));
  settings.special = conf::split_list(cf.get("special_result_attribute"));
  settings.terminal = conf::split_list(cf.get("terminal_result_attribute"));
  settings.leaf = conf::split_list(cf.get("leaf_result_attribute"));
  if (auto read = read_templates(context, cf, settings); !read) return read.error();
  return settings;
}

std::string quote_for_filter(std::string_view text) {
  std::string quoted;
  for (char c : text) {
    bool special = c == '*' || c == '(' || c == ')' || c == '\\' || c == '\0';
    if (special)
      quoted += format("\\{:02x}", static_cast<unsigned char>(c));
    else
      quoted += c;
  }
  return quoted;
}

std::string quote_for_dn(std::string_view text) {
  std::string quoted;
  for (size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    bool first = at == 0, last = at + 1 == text.size();
    bool special = std::string_view(",+\"\\<>;=").find(c) != std::string_view::npos ||
                   (first && (c == ' ' || c == '#')) || (last && c == ' ');
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      quoted += format("\\{:02x}", static_cast<unsigned char>(c));
      continue;
    }
    if (special) quoted += '\\';
    quoted += c;
  }
  return quoted;
}

}  // namespace dovetail::lookup
