// Questions to the table of settings: rows by name, by path, defaults by vendor, built-in services.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/schema.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "common/base/file.h"
#include "config.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr std::string_view kBlocks[] = {
    "service", "unix_listener", "fifo_listener", "inet_listener", "passdb",
    "userdb",  "namespace",     "mailbox",       "metric",        "event_exporter"};

struct VendorDefault {
  std::string_view vendor, name, value;
};

// clang-format off
constexpr VendorDefault kVendorDefaults[] = {
    // vendor     name                                 default there (the table has Debian's)
    {"rocky",    "protocols",                         "imap pop3 lmtp"},
    {"rocky",    "mbox_write_locks",                  "dotlock fcntl"},
    {"rocky",    "login_greeting",                    "Dovecot ready."},
    {"rocky",    "login_plugin_dir",                  "/usr/lib64/dovecot/login"},
    {"rocky",    "mail_plugin_dir",                   "/usr/lib64/dovecot"},
    {"rocky",    "managesieve_implementation_string", "Dovecot Pigeonhole"},
    {"upstream", "protocols",                         "imap pop3 lmtp"},
    {"upstream", "mbox_write_locks",                  "dotlock fcntl"},
    {"upstream", "login_greeting",                    "Dovecot ready."},
    {"upstream", "login_plugin_dir",                  "/usr/local/lib/dovecot/login"},
    {"upstream", "mail_plugin_dir",                   "/usr/local/lib/dovecot"},
    {"upstream", "managesieve_implementation_string", "Dovecot Pigeonhole"},
};

struct ModuleReaders {
  std::string_view module;
  std::uint32_t readers;
};

constexpr ModuleReaders kModules[] = {
    {"master",              kMaster | kAll},
    {"auth",                kAuth | kAll},
    {"auth-worker",         kAuth | kAll},
    {"imap-login",          kImapLogin | kTls | kAll},
    {"pop3-login",          kPop3Login | kTls | kAll},
    {"managesieve-login",   kSieveLogin | kTls | kAll},
    {"submission-login",    kSubmissionLogin | kTls | kAll},
    {"imap-urlauth-login",  kUrlauthLogin | kTls | kAll},
    {"imap",                kImap | kMail | kAll},
    {"pop3",                kPop3 | kMail | kAll},
    {"managesieve",         kManagesieve | kMail | kAll},
    {"submission",          kSubmission | kMail | kTls | kAll},
    {"lmtp",                kLmtp | kMail | kTls | kAll},
    {"lda",                 kLda | kMail | kAll},
    {"imap-urlauth",        kUrlauth | kAll},
    {"imap-urlauth-worker", kUrlauthWorker | kMail | kAll},
    {"doveadm",             kDoveadm | kMail | kTls | kAll},
    {"indexer-worker",      kMail | kAll},
    {"dict",                kDict | kAll},
    {"stats",               kStats | kOldStats | kTls | kAll},
    {"director",            kDirector | kAll},
    {"replicator",          kReplicator | kAll},
    {"aggregator",          kAggregator | kAll},
    {"old-stats",           kOldStats | kAll},
    {"quota-status",        kQuotaStatus | kMail | kAll},
};
// clang-format on

using RowIndex = std::unordered_map<std::string_view, const SettingRow*>;

RowIndex index_rows(std::span<const SettingRow> rows) {
  RowIndex index;
  for (auto& row : rows) index.emplace(row.name, &row);
  return index;
}

const RowIndex& row_index(std::string_view block) {
  static const auto indexes = [] {
    std::unordered_map<std::string_view, RowIndex> all;
    all.emplace("", index_rows(global_rows()));
    for (auto name : kBlocks) all.emplace(name, index_rows(block_rows(name)));
    return all;
  }();
  static const RowIndex none;
  auto found = indexes.find(block);
  return found == indexes.end() ? none : found->second;
}

bool is_list(Type type) {
  return type == Type::named_list || type == Type::unnamed_list;
}

const ServiceListener* find_listener(std::string_view service, std::string_view kind,
                                     std::string_view escaped) {
  for (auto& listener : builtin_listeners()) {
    if (listener.service == service && listener.kind == kind &&
        escape_name(listener.name) == escaped)
      return &listener;
  }
  return nullptr;
}

}  // namespace

std::span<const SettingRow> settings_of(std::string_view block) {
  return block.empty() ? global_rows() : block_rows(block);
}

const SettingRow* find_setting(std::string_view block, std::string_view name) {
  auto& index = row_index(block);
  auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

std::string_view resolve_alias(std::string_view block, std::string_view name) {
  if (block.empty() && name == "mail") return "mail_location";
  if (block.empty() && name == "doveadm_proxy_port") return "doveadm_port";
  if (block == "namespace" && (name == "mail" || name == "mail_location")) return "location";
  return name;
}

std::string_view default_of(std::string_view block, const SettingRow& row) {
  if (!block.empty()) return row.standard;
  if (row.name == "libexec_dir") return DOVETAIL_DOVECOT_LIBEXECDIR;
  for (auto& other : kVendorDefaults) {
    if (other.vendor == DOVETAIL_VENDOR && other.name == row.name) return other.value;
  }
  return row.standard;
}

std::vector<std::string_view> path_parts(std::string_view path) {
  std::vector<std::string_view> parts;
  for (;;) {
    auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::optional<Place> place_of(std::string_view path) {
  auto parts = path_parts(path);
  Place place;
  place.row = place.top = find_setting("", parts[0]);
  if (!place.row) return std::nullopt;
  if (place.row->type == Type::map) {
    if (parts.size() > 2) return std::nullopt;
    place.map_element = parts.size() == 2;
    if (place.map_element) place.row = nullptr;
    return place;
  }
  for (std::size_t at = 1; at < parts.size(); at += 2) {
    if (!is_list(place.row->type)) return std::nullopt;
    place.block = place.row->name;
    if (at + 1 == parts.size()) return place;  // the element itself: row is its list
    place.row = find_setting(place.block, parts[at + 1]);
    if (!place.row) return std::nullopt;
  }
  return place;
}

namespace {

using ValuesOfService = std::unordered_map<std::string_view, std::vector<const ServiceValue*>>;

// Asked for every setting of every service that is printed or packed.
const ValuesOfService& values_of_services() {
  static const ValuesOfService values = [] {
    ValuesOfService made;
    for (auto& value : builtin_service_values()) made[value.service].push_back(&value);
    return made;
  }();
  return values;
}

}  // namespace

std::optional<std::string_view> builtin_value(std::string_view path) {
  if (!path.starts_with("service/")) return std::nullopt;
  auto parts = path_parts(path);
  if (parts.size() < 3 || parts[0] != "service") return std::nullopt;
  if (parts.size() == 3) {
    auto service = values_of_services().find(parts[1]);
    if (service == values_of_services().end()) return std::nullopt;
    for (auto* value : service->second) {
      if (value->key == parts[2]) return value->value;
    }
    return std::nullopt;
  }
  auto listener = parts.size() == 5 ? find_listener(parts[1], parts[2], parts[3]) : nullptr;
  if (!listener) return std::nullopt;
  for (auto& value : listener->values) {
    if (value.key == parts[4]) return value.value;
  }
  return std::nullopt;
}

std::vector<std::string> builtin_elements(std::string_view list) {
  std::vector<std::string> names;
  auto parts = path_parts(list);
  if (list == "service") {
    for (auto name : builtin_services()) names.push_back(escape_name(name));
  } else if (parts.size() == 3 && parts[0] == "service") {
    for (auto& listener : builtin_listeners()) {
      if (listener.service == parts[1] && listener.kind == parts[2])
        names.push_back(escape_name(listener.name));
    }
  }
  return names;
}

std::uint32_t readers_of(std::string_view module) {
  for (auto& known : kModules) {
    if (known.module == module) return known.readers;
  }
  return 0;
}

bool pigeonhole_installed() {
  return base::file_exists(DOVETAIL_DOVECOT_LIBEXECDIR "/managesieve-login");
}

std::string escape_name(std::string_view name) {
  if (name.empty()) return "\\.";
  std::string out;
  for (char c : name) {
    if (c == '/') {
      out += "\\s";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (c == ' ') {
      out += "\\_";
    } else if (c == '=') {
      out += "\\e";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescape_name(std::string_view name) {
  std::string out;
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (name[at] != '\\' || at + 1 == name.size()) {
      out += name[at];
      continue;
    }
    char c = name[++at];
    if (c == 's') {
      out += '/';
    } else if (c == '_') {
      out += ' ';
    } else if (c == 'e') {
      out += '=';
    } else if (c != '.') {
      out += c;
    }
  }
  return out;
}

}  // namespace dovetail::conf::dovecot
