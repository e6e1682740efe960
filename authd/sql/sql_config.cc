// dovecot-sql.conf.ext and its connect string.
// SPDX-License-Identifier: Apache-2.0
#include "authd/sql/sql_db.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/ext_file.h"

namespace dovetail::authd {

namespace {

struct SqlTextKey {
  std::string_view name;
  std::string SqlConfig::*field;
};
constexpr SqlTextKey sql_text_keys[] = {
    {"driver", &SqlConfig::driver},
    {"default_pass_scheme", &SqlConfig::default_pass_scheme},
    {"password_query", &SqlConfig::password_query},
    {"user_query", &SqlConfig::user_query},
    {"iterate_query", &SqlConfig::iterate_query},
};

Result<std::vector<conf::dovecot::ExtSetting>> read_settings(const AuthSettings& settings,
                                                             const std::string& path) {
  if (settings.external_file) {
    if (auto content = settings.external_file(path))
      return conf::dovecot::parse_ext_file(content->reveal(), path);
  }
  auto text = base::read_file(path, 1 << 20);
  if (!text) {
    // "open PATH: reason" in the incumbent's words.
    const std::string reason = text.error().text.substr(text.error().text.rfind(": ") + 2);
    return config_error(format("Can't open configuration file {}: {}", path, reason));
  }
  auto parsed = conf::dovecot::parse_ext_file(*text, path);
  base::wipe(*text);
  return parsed;
}

// update_query serves mechanisms that change passwords (OTP), which are not here; userdb_warning_disable a warning we lack.
bool is_harmless_key(std::string_view key) {
  return key == "update_query" || key == "userdb_warning_disable";
}

struct ConnectTextKey {
  std::string_view name;
  std::string SqlConnect::*field;
};
constexpr ConnectTextKey connect_text_keys[] = {
    {"user", &SqlConnect::user},
    {"dbname", &SqlConnect::dbname},
    {"ssl_cert", &SqlConnect::ssl_cert},
    {"ssl_key", &SqlConnect::ssl_key},
    {"ssl_ca", &SqlConnect::ssl_ca},
    {"ssl_ca_path", &SqlConnect::ssl_ca_path},
    {"ssl_cipher", &SqlConnect::ssl_cipher},
    {"option_file", &SqlConnect::option_file},
    {"option_group", &SqlConnect::option_group},
};
struct ConnectNumberKey {
  std::string_view name;
  unsigned SqlConnect::*field;
};
constexpr ConnectNumberKey connect_number_keys[] = {
    {"port", &SqlConnect::port},
    {"connect_timeout", &SqlConnect::connect_timeout},
    {"read_timeout", &SqlConnect::read_timeout},
    {"write_timeout", &SqlConnect::write_timeout},
};

Result<void> set_connect_key(SqlConnect& connect, std::string_view name, std::string_view value) {
  for (const auto& key : connect_text_keys) {
    if (key.name != name) continue;
    connect.*key.field = value;
    return {};
  }
  for (const auto& key : connect_number_keys) {
    if (key.name != name) continue;
    const auto number = base::parse_number<unsigned>(value);
    if (!number) return config_error(format("mysql: Invalid {} value: {}", name, value));
    connect.*key.field = *number;
    return {};
  }
  if (name == "host" || name == "hostaddr") {
    connect.hosts.emplace_back(value);
  } else if (name == "password") {
    connect.password = Secret(value);
  } else if (name == "client_flags") {
    connect.client_flags = base::parse_number<unsigned long>(value).value_or(0);
  } else if (name == "ssl_verify_server_cert") {
    connect.ssl_verify_server_cert = value == "yes";
  } else {
    return config_error(format("sqlpool: Unknown connect string: {}", name));
  }
  return {};
}

}  // namespace

Result<SqlConfig> read_sql_config(const AuthSettings& settings, const std::string& path) {
  auto read = read_settings(settings, path);
  if (!read) return read.error().wrap(format("sql {}", path));
  SqlConfig config;
  for (auto& setting : *read) {
    bool known = is_harmless_key(setting.key) && setting.section.empty();
    if (setting.key == "connect" && setting.section.empty()) {
      config.connect = std::move(setting.value);
      continue;
    }
    for (const auto& key : sql_text_keys) {
      if (key.name != setting.key || !setting.section.empty()) continue;
      config.*key.field = std::string(setting.value.reveal());
      known = true;
    }
    if (known) continue;
    return config_error(
        format("sql {}: Error in configuration file {} line {}: Unknown setting: {}", path, path,
               setting.line, setting.key));
  }
  return config;
}

Result<SqlConnect> parse_sql_connect(std::string_view text) {
  SqlConnect connect;
  for (auto word : base::words(text, " ")) {
    auto [name, value] = base::cut(word, '=');
    if (!value) return config_error(format("sqlpool: Missing value in connect string: {}", name));
    auto set = set_connect_key(connect, name, *value);
    if (!set) return set.error();
  }
  if (connect.hosts.empty()) return config_error("sqlpool: No hosts given in connect string");
  return connect;
}

Result<std::shared_ptr<SqlDb>> open_sql(net::Loop& loop, const SqlConfig& config,
                                        const Logger& log) {
  if (config.driver == "sqlite") return open_sqlite(loop, config.connect.reveal(), log);
#ifdef DOVETAIL_MYSQL
  if (config.driver == "mysql") {
    auto connect = parse_sql_connect(config.connect.reveal());
    if (!connect) return connect.error();
    return open_mysql(loop, std::move(*connect), log);
  }
#endif
  return config_error(format("sql: Unknown database driver '{}'", config.driver));
}

}  // namespace dovetail::authd
