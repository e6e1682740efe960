// The conversions of obsolete settings, one table where a rename is enough, a function where it is not.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/obsolete.h"

#include <algorithm>

#include "common/base/text.h"
#include "conf/dovecot/values.h"

namespace dovetail::conf::dovecot {

namespace {

// clang-format off
struct OldService {
  std::string_view name, suffix, key;  // suffix "-login": login services, "": mail services, "auth": that one
  enum class Value { as_is, megabytes, login_or_empty, one_or_zero } value = Value::as_is;
};

constexpr OldService kOldServices[] = {
    {"login_chroot",                 "-login", "chroot",               OldService::Value::login_or_empty},
    {"login_user",                   "-login", "user"},
    {"login_executable",             "-login", "executable"},
    {"login_process_size",           "-login", "vsz_limit",            OldService::Value::megabytes},
    {"login_process_per_connection", "-login", "service_count",        OldService::Value::one_or_zero},
    {"login_processes_count",        "-login", "process_min_avail"},
    {"login_max_processes_count",    "-login", "process_limit"},
    {"login_max_connections",        "-login", "client_limit"},
    {"max_mail_processes",           "",       "process_limit"},
    {"mail_executable",              "",       "executable"},
    {"mail_process_size",            "",       "vsz_limit",            OldService::Value::megabytes},
    {"mail_drop_priv_before_exec",   "",       "drop_priv_before_exec"},
    {"auth_executable",              "auth",   "executable"},
    {"auth_process_size",            "auth",   "vsz_limit",            OldService::Value::megabytes},
    {"auth_user",                    "auth",   "user"},
    {"auth_chroot",                  "auth",   "chroot"},
};

struct OldName {
  std::string_view name, now, says;  // now empty: dropped
  enum class Value { as_is, file, inverted, fsync } value = Value::as_is;
};

constexpr OldName kOldNames[] = {
    {"ssl_parameters_regenerate",      "",                    "is no longer needed"},
    {"ssl_dh_parameters_length",       "",                    "is no longer needed"},
    {"ssl_cert_file",                  "ssl_cert",            "has been replaced by ssl_cert = <file",  OldName::Value::file},
    {"ssl_key_file",                   "ssl_key",             "has been replaced by ssl_key = <file",   OldName::Value::file},
    {"ssl_ca_file",                    "ssl_ca",              "has been replaced by ssl_ca = <file",    OldName::Value::file},
    {"ssl_disable",                    "ssl",                 "has been renamed to ssl",                OldName::Value::inverted},
    {"sieve",                          "plugin/sieve",        "has been moved into plugin {} section"},
    {"sieve_storage",                  "plugin/sieve_storage", "has been moved into plugin { sieve_dir }"},
    {"fsync_disable",                  "mail_fsync",          "has been renamed to mail_fsync",         OldName::Value::fsync},
    {"dbox_rotate_size",               "mdbox_rotate_size",   "has been renamed to mdbox_rotate_size"},
    {"login_dir",                      "",                    "has been removed"},
    {"dbox_rotate_min_size",           "",                    "has been removed"},
    {"dbox_rotate_days",               "",                    "has been removed"},
    {"director_consistent_hashing",    "",                    "has been removed"},
    {"mail_log_max_lines_per_sec",     "",                    "has been removed"},
    {"maildir_copy_preserve_filename", "",                    "has been removed"},
    {"auth_count",                     "",                    "has been removed, and its value must be 1"},
};
// clang-format on

constexpr std::string_view kCompress = "mail_cache_compress_";

std::string old_name_value(const OldName& old, const std::string& value) {
  bool no = base::iequals(value, "no");
  if (old.value == OldName::Value::inverted) return no ? "yes" : "no";
  if (old.value == OldName::Value::fsync) return no ? "optimized" : "never";
  return value;
}

std::string old_service_value(const OldService& old, const std::string& value) {
  bool no = base::iequals(value, "no");
  switch (old.value) {
    case OldService::Value::megabytes:
      return value + " M";
    case OldService::Value::login_or_empty:
      return no ? "" : "login";
    case OldService::Value::one_or_zero:
      return no ? "0" : "1";
    default:
      return value;
  }
}

}  // namespace

void ObsoleteNames::warn(std::string text) {
  if (!parser_.noted_obsolete_) {
    parser_.tree_.warn(
        "NOTE: You can get a new clean config file with: doveconf -Pn > dovecot-new.conf");
    parser_.noted_obsolete_ = true;
  }
  parser_.tree_.warn(format("Obsolete setting in {}:{}: {}", parser_.tree_.files()[parser_.file_],
                            parser_.line_, text));
}

Result<void> ObsoleteNames::put(const std::string& path, const std::string& value, bool from_file) {
  Line line;
  line.kind = Line::Kind::setting;
  line.key = path;
  line.value = value;
  line.from_file = from_file;
  auto cut = path.find('/');
  if (cut != std::string::npos && path.substr(0, cut) == "service") {
    // Make sure the listener exists: service/X/inet_listener/Y/key.
    auto parts = path_parts(path);
    if (parts.size() == 5) {
      auto list = format("service/{}/{}", parts[1], parts[2]);
      auto& here = parser_.tree_.filters()[0].lists[list];
      if (std::find(here.begin(), here.end(), parts[3]) == here.end()) here.emplace_back(parts[3]);
    }
    // Service settings hold for all, even when the old name stood inside protocol { }.
    std::vector<Parser::Section> outside;
    std::swap(outside, parser_.stack_);
    auto done = parser_.assign(path, line);
    std::swap(outside, parser_.stack_);
    return done;
  }
  return parser_.assign(path, line);
}

Result<void> ObsoleteNames::put_in_services(std::string_view suffix, std::string_view key,
                                            const std::string& value) {
  if (suffix == "auth") return put(format("service/auth/{}", key), value);
  auto& protocol = parser_.tree_.filters()[parser_.filter()].protocol;
  for (std::string_view service : {"imap", "pop3"}) {
    if (!protocol.empty() && protocol != service) continue;
    if (auto done = put(format("service/{}{}/{}", service, suffix, key), value); !done) return done;
  }
  return {};
}

Result<bool> ObsoleteNames::service_setting(const Line& line) {
  for (auto& old : kOldServices) {
    if (old.name != line.key) continue;
    auto target = old.suffix == "auth" ? format("service auth {{ {} }}", old.key)
                                       : format("service {{ {} }}", old.key);
    warn(format("{} has been replaced by {}", line.key, target));
    auto done = put_in_services(old.suffix, old.key, old_service_value(old, line.value));
    if (!done) return done.error();
    return true;
  }
  return false;
}

// listen = address:port, ssl_listen, and both inside protocol { }.
Result<bool> ObsoleteNames::listen_with_port(Line& line, bool ssl) {
  bool in_protocol = !parser_.tree_.filters()[parser_.filter()].protocol.empty();
  std::string_view address = base::trim(base::cut(line.value, ',').first);
  std::string port;
  auto colon = address.rfind(':');
  bool has_port = colon != std::string_view::npos &&
                  (address[0] == '[' ? address.find("]:") != std::string_view::npos
                                     : address.find(':') == colon);
  if (has_port) {
    port = address.substr(colon + 1);
    address = address.substr(0, colon);
    warn(
        format("{}=..:port has been replaced by service {{ inet_listener {{ port }} }}", line.key));
  }
  if (!has_port && !in_protocol && !ssl) return false;
  auto host = std::string(address);
  auto& protocol = parser_.tree_.filters()[parser_.filter()].protocol;
  if (ssl || in_protocol) {
    warn(format("protocol {{ {} }} has been replaced by service {{ inet_listener {{ address }} }}",
                line.key));
  }
  for (std::string_view service : {"imap", "pop3"}) {
    if (!protocol.empty() && protocol != service) continue;
    auto listener = format("service/{0}-login/inet_listener/{0}{1}", service, ssl ? "s" : "");
    if (has_port) {
      if (auto done = put(listener + "/port", port); !done) return done.error();
    }
    if (ssl || in_protocol) {
      if (auto done = put(listener + "/address", host); !done) return done.error();
    }
  }
  if (ssl || in_protocol) return true;
  line.value = host;
  return false;
}

// The lowest protocol that is on becomes ssl_min_protocol.
Result<bool> ObsoleteNames::ssl_protocols(const Line& line) {
  constexpr std::string_view kProtocols[] = {"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"};
  bool on[4] = {}, off[4] = {};
  bool any_on = false;
  warn("ssl_protocols has been replaced by ssl_min_protocol");
  auto failed = [&](std::string_view why) {
    parser_.tree_.soft_error(
        format("Could not find a minimum ssl_min_protocol setting from ssl_protocols = {}: {}",
               line.value, why));
    return true;
  };
  for (auto word : base::words(line.value)) {
    bool negative = word[0] == '!';
    auto name = negative ? word.substr(1) : word;
    auto found = std::find(std::begin(kProtocols), std::end(kProtocols), name);
    if (found == std::end(kProtocols)) return failed(format("Unrecognized protocol '{}'", name));
    (negative ? off : on)[found - std::begin(kProtocols)] = true;
    any_on = any_on || !negative;
  }
  for (std::size_t at = 0; at < 4; ++at) {
    if (any_on ? !on[at] || off[at] : off[at]) continue;
    auto done = put("ssl_min_protocol", std::string(kProtocols[at]));
    if (!done) return done.error();
    return true;
  }
  return failed("All protocols disabled");
}

Result<bool> ObsoleteNames::protocols(Line& line) {
  auto names = base::words(line.value, " ");
  auto has = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<std::string> kept;
  for (auto name : names) {
    if (name == "managesieve") {
      warn("protocols=managesieve has been renamed to protocols=sieve");
      kept.emplace_back("sieve");
    } else if (name == "imaps" || name == "pop3s") {
      auto plain = name.substr(0, 4);
      if (has(plain)) {
        warn(format("'{}' protocol is no longer necessary, remove it", name));
        continue;
      }
      warn(
          format("'{0}' protocol can no longer be specified (use protocols={1}). to disable "
                 "non-ssl {1}, use service "
                 "{1}-login {{ inet_listener {1} {{ port=0 }} }}",
                 name, plain));
      kept.emplace_back(plain);
      if (auto done = put(format("service/{0}-login/inet_listener/{0}/port", plain), "0"); !done)
        return done.error();
    } else {
      kept.emplace_back(name);
    }
  }
  bool changed = has("managesieve") || has("imaps") || has("pop3s");
  if (changed) line.value = base::join(kept, " ");
  return false;
}

// Settings whose name stayed and whose values changed.
Result<bool> ObsoleteNames::value_forms(Line& line) {
  if (line.key == "protocols") return protocols(line);
  if (line.key == "imap_client_workarounds") {
    for (std::string_view gone : {"outlook-idle", "netscape-eoh"}) {
      auto at = line.value.find(gone);
      if (at == std::string::npos) continue;
      warn(format("imap_client_workarounds={} is no longer {}", gone,
                  gone[0] == 'o' ? "necessary" : "supported"));
      line.value.erase(at, gone.size());
    }
  } else if (line.key == "auth_cache_size") {
    auto bare = base::parse_number<unsigned>(line.value);
    if (bare && *bare > 0 && *bare < 1024) {
      warn(format("auth_cache_size value no longer defaults to megabytes. Use {}M", *bare));
      line.value += "M";
    }
  }
  return false;
}

Result<bool> ObsoleteNames::simple(Line& line) {
  for (auto& old : kOldNames) {
    if (old.name != line.key) continue;
    bool file = old.value == OldName::Value::file;
    if (file && line.value.empty()) return true;
    warn(format("{} {}", line.key, old.says));
    if (old.now.empty()) return true;
    auto done = put(std::string(old.now), old_name_value(old, line.value), file || line.from_file);
    if (!done) return done.error();
    return true;
  }
  if (line.key.compare(0, kCompress.size(), kCompress) == 0) {
    auto now = format("mail_cache_purge_{}", line.key.substr(kCompress.size()));
    warn(format("{} has been renamed to {}", line.key, now));
    line.key = now;
  }
  return false;
}

// Inside auth { }, socket listen { } and its client { } and master { }.
Result<bool> ObsoleteNames::inside_auth(Line& line) {
  auto& section = parser_.stack_.back();
  if (section.key == "auth") {
    line.key = "auth_" + line.key;
    return false;
  }
  bool client = section.key == "client" || section.key == "master";
  if (!client) return parser_.unknown_setting(line.key);
  if (line.key == "path") {
    auto path = line.value;
    auto base_dir = parser_.current_value("base_dir") + "/";
    if (path.compare(0, base_dir.size(), base_dir) == 0) path.erase(0, base_dir.size());
    auto listener = format("service/auth/unix_listener/{}/", escape_name(path));
    if (auto done = put(listener + "path", path); !done) return done.error();
    parser_.stack_.back().prefix = listener;
    return true;
  }
  if (section.prefix.empty()) return parser_.unknown_setting(line.key);
  if (auto done = put(section.prefix + line.key, line.value); !done) return done.error();
  return true;
}

Result<bool> ObsoleteNames::set(Line& line) {
  bool in_auth = !parser_.stack_.empty() && parser_.stack_.back().auth;
  if (in_auth) {
    auto done = inside_auth(line);
    if (!done || *done) return done;
  }
  auto& prefix = parser_.prefix();
  if (prefix == "plugin/" && line.key == "imap_zlib_compress_level") {
    warn("imap_zlib_compress_level has been replaced by imap_compress_deflate_level");
    line.key = "imap_compress_deflate_level";
    return false;
  }
  if (!prefix.empty()) return false;
  if (line.key == "listen" || line.key == "ssl_listen")
    return listen_with_port(line, line.key == "ssl_listen");
  if (line.key == "ssl_protocols") return ssl_protocols(line);
  if (auto done = service_setting(line); !done || *done) return done;
  if (auto done = simple(line); !done || *done) return done;
  return value_forms(line);
}

Result<bool> ObsoleteNames::open_block(const std::string& key, const std::string& name) {
  bool in_auth = !parser_.stack_.empty() && parser_.stack_.back().auth;
  Parser::Section section{key, "", parser_.filter(), false, true, parser_.file_, parser_.line_};
  if (!in_auth) {
    if (key != "auth" || !parser_.stack_.empty()) return false;
    warn(
        "add auth_ prefix to all settings inside auth {} and remove the auth {} section "
        "completely");
    parser_.stack_.push_back(std::move(section));
    return true;
  }
  auto& outer = parser_.stack_.back().key;
  if (outer == "auth" && (key == "passdb" || key == "userdb")) {
    warn(format("{0} {1} {{}} has been replaced by {0} {{ driver={1} }}", key, name));
    auto element = parser_.add_element(key, *place_of(key), "");
    if (!element) return element.error();
    section.prefix = format("{}/{}/", key, *element);
    section.auth = false;
    if (auto done = put(section.prefix + "driver", name); !done) return done.error();
    parser_.stack_.push_back(std::move(section));
    return true;
  }
  bool socket = outer == "auth" && key == "socket" && name == "listen";
  bool client = outer == "socket" && (key == "client" || key == "master");
  if (outer == "auth" && key == "socket" && name == "connect") {
    warn("socket connect {} is no longer supported, configure external auth server separately");
  }
  if (!socket && !client) return parser_.unknown_setting(format("{0} {{ {0}", key));
  parser_.stack_.push_back(std::move(section));
  return true;
}

std::string ObsoleteNames::protocol_name(const std::string& key, const std::string& name) {
  if (key != "protocol" || name != "managesieve") return name;
  warn("protocol managesieve {} has been replaced by protocol sieve { }");
  return "sieve";
}

std::string ObsoleteNames::service_name(const std::string& key, const std::string& name) {
  if (key != "service" || name != "dns_client") return name;
  warn("service dns_client {} has been replaced by service dns-client { }");
  return "dns-client";
}

}  // namespace dovetail::conf::dovecot
