// THE table of all dovecot.conf settings: name, type, default, choices, who reads it, and what happens while this
// version does not act on it. doveconf, the parser, the daemons and the manual all ask here and nowhere else.
// Defaults are those of 2.3.19 as Debian builds it; vendor differences are one small table in schema.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/dovecot/settings.h"

namespace dovetail::conf::dovecot {

enum class Type {
  text,
  vars,  // text with % variables
  boolean,
  number,
  octal,
  size,
  time,
  time_ms,
  choice,
  port,
  named_list,
  unnamed_list,
  map,
  alias
};

// What happens when the administrator sets something this version does not act on (design.md 3): ignore with one
// warning (cosmetic, tuning), defer mail or fail logins temporarily, refuse to start.
enum class Act { supported, ignore, defer, fatal };

// Who reads a setting. kAll goes to everyone, kMail to everything that opens mailboxes.
enum Reader : std::uint32_t {
  kAll = 1u << 0,
  kMaster = 1u << 1,
  kAuth = 1u << 2,
  kImapLogin = 1u << 3,
  kPop3Login = 1u << 4,
  kSieveLogin = 1u << 5,
  kSubmissionLogin = 1u << 6,
  kUrlauthLogin = 1u << 7,
  kLogins = kImapLogin | kPop3Login | kSieveLogin | kSubmissionLogin | kUrlauthLogin,
  kMail = 1u << 8,
  kImap = 1u << 9,
  kPop3 = 1u << 10,
  kManagesieve = 1u << 11,
  kSubmission = 1u << 12,
  kLmtp = 1u << 13,
  kLda = 1u << 14,
  kUrlauth = 1u << 15,
  kUrlauthWorker = 1u << 16,
  kTls = 1u << 17,  // everything that speaks TLS
  kDoveadm = 1u << 18,
  kDict = 1u << 19,
  kStats = 1u << 20,
  kDirector = 1u << 21,
  kReplicator = 1u << 22,
  kAggregator = 1u << 23,
  kOldStats = 1u << 24,
  kQuotaStatus = 1u << 25,
};

enum SettingFlag : std::uint8_t {
  kHidden = 1,      // shown by doveconf -s only
  kUnset = 2,       // no default at all: shown only when set
  kPigeonhole = 4,  // shown only where ManageSieve is installed
  kPrivateKey = 8,  // packed for login and lmtp only
};

struct SettingRow {
  std::string_view name;
  Type type;
  Act act;
  std::string_view standard;  // the default, as doveconf prints it
  std::string_view choices;   // "yes|no|required"
  std::uint32_t readers;
  std::uint8_t flags;
};

// Where a setting may stand: "" (global), "service", "unix_listener", "inet_listener", "passdb", "userdb",
// "namespace", "mailbox", "metric", "event_exporter". Rows are in the order of doveconf -S.
std::span<const SettingRow> settings_of(std::string_view block);
const SettingRow* find_setting(std::string_view block, std::string_view name);
// An alias's real name ("mail" -> "mail_location"); any other name as it is.
std::string_view resolve_alias(std::string_view block, std::string_view name);
// The default with the vendor's differences (not yet those of a service's own row).
std::string_view default_of(std::string_view block, const SettingRow& row);

// The row behind a path: "service/imap/unix_listener/login\simap/mode" -> {"unix_listener", row}. For elements of
// plugin and dict `row` is null and map_element true. nullopt: no such setting.
struct Place {
  std::string_view block;
  const SettingRow* row = nullptr;
  const SettingRow* top = nullptr;  // the row of the first part
  bool map_element = false;
};
std::optional<Place> place_of(std::string_view path);

// The 30 built-in services and their listeners.
struct ServiceValue {
  std::string_view service, key, value;
};
struct ServiceListener {
  std::string_view service, kind, name;
  struct Value {
    std::string_view key, value;
  } values[2];
};
std::span<const std::string_view> builtin_services();  // in the order of doveconf -S
std::span<const ServiceValue> builtin_service_values();
std::span<const ServiceListener> builtin_listeners();
// The built-in value under a path that starts with service/; nullopt: only the general default.
std::optional<std::string_view> builtin_value(std::string_view path);
// Built-in element names (escaped) of "service", "service/imap/unix_listener" ...
std::vector<std::string> builtin_elements(std::string_view list);

// Reader bits of a module name as doveconf -m and PackFor name it ("imap-login", "auth", "master"); 0: unknown.
std::uint32_t readers_of(std::string_view module);

// True where the ManageSieve programs are installed beside ours.
bool pigeonhole_installed();

// The path's parts between slashes; names stay escaped.
std::vector<std::string_view> path_parts(std::string_view path);

// Internal: the tables' rows by block (settings_global.cc, settings_blocks.cc).
std::span<const SettingRow> global_rows();
std::span<const SettingRow> block_rows(std::string_view block);

}  // namespace dovetail::conf::dovecot
