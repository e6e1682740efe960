// THE table of main.cf parameters: every name the incumbent knows, its type, default, unit, range,
// and what we do while a program does not act on it. postconf, the daemons (conf/bind.h) and the
// check at start read this one table. Values that depend on host, build or vendor are filled in by
// computed_defaults.cc; reading main.cf is main_cf.h's. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <climits>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dovetail::conf {

// raw: macros stay, the program expands them itself. nint, nboolean: text that may be an
// expression.
enum class Type : uint8_t {
  str,
  raw,
  boolean,
  nboolean,
  integer,
  nint,
  long_integer,
  time,
  read_only
};
// What a string is made of; tells scanners where table names can stand.
enum class Kind : uint8_t { plain, maps, match_list, restriction_list, enumeration };
// supported: some program of ours acts on it. ignore: cosmetic or tuning, one warning at start if
// set. defer: mail that would need it waits with 451 4.3.5. fatal: the program does not start.
enum class Unsupported : uint8_t { supported, ignore, defer, fatal };
// obsolete and legacy names still work; removed ones are only known so that a helpful line can be
// printed.
enum class Status : uint8_t { current, newer, obsolete, legacy_alias, removed };

inline constexpr long kNoLimit = LONG_MIN;

struct Parameter {
  std::string_view name;
  Type type;
  Kind kind;
  std::string_view default_value;  // unexpanded
  Unsupported unsupported;
  std::string_view programs;  // who reads it; "ALL": every daemon and command
  char unit = ' ';            // of a time without suffix
  long min = kNoLimit;        // for strings: least length; 0 is no limit, as in the incumbent
  long max = kNoLimit;
  std::string_view values = {};  // words allowed, when they are few
  Status status = Status::current;
};

// All rows in the order of their names.
std::span<const Parameter> parameters();
const Parameter* find_parameter(std::string_view name);

// Per-transport families: "smtp_destination_recipient_limit" has the default
// "$default_destination_recipient_limit" as long as `smtp` is a transport of master.cf. The suffix
// begins with '_'.
struct TransportFamily {
  std::string_view suffix;
  std::string_view
      default_name;  // "default_destination_recipient_limit": type, unit, range and default
  bool command_only = false;  // only for services that run pipe(8) or spawn(8): <name>_time_limit
};
std::span<const TransportFamily> transport_families();
// The family a name belongs to, and the transport before it.
struct TransportParameter {
  const TransportFamily* family;
  std::string_view transport;
};
std::optional<TransportParameter> find_transport_parameter(std::string_view name);

}  // namespace dovetail::conf
