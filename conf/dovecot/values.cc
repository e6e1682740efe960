// Values of dovecot.conf read, checked and printed back.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/values.h"

#include <algorithm>
#include <limits>

#include "common/base/text.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr std::uint64_t kSecond = 1000;

struct Unit {
  std::string_view name;
  std::uint64_t milliseconds;
};

// Any beginning of a name is accepted; "m" means minutes because they stand before milliseconds.
constexpr Unit kUnits[] = {
    {"secs", kSecond},         {"mins", 60 * kSecond},        {"msecs", 1},
    {"hours", 3600 * kSecond}, {"days", 24 * 3600 * kSecond}, {"weeks", 7 * 24 * 3600 * kSecond},
};

// Splits "10 MB" into 10 and "MB". False if there is no digit or the number does not fit.
bool split_amount(std::string_view text, std::uint64_t& amount, std::string_view& unit) {
  std::size_t digits = 0;
  while (digits < text.size() && base::is_digit(text[digits])) ++digits;
  auto number = base::parse_number<std::uint64_t>(text.substr(0, digits));
  if (!number) return false;
  amount = *number;
  unit = base::trim_left(text.substr(digits), base::kBlank);
  return true;
}

Error invalid_uint(std::string_view text, std::string_view why) {
  return config_error(format("Invalid number {}: {}", text, why));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), base::is_digit);
}

}  // namespace

Result<bool> parse_bool(std::string_view text) {
  if (base::iequals(text, "yes") || base::iequals(text, "y") || text == "1") return true;
  if (base::iequals(text, "no")) return false;
  return config_error(format("Invalid boolean value: {} (use yes or no)", text));
}

Result<std::uint32_t> parse_uint(std::string_view text) {
  if (text.size() > 1 && text[0] == '-' && all_digits(text.substr(1)))
    return invalid_uint(text, "Number too small");
  if (!all_digits(text)) return invalid_uint(text, "Not a valid number");
  auto number = base::parse_number<std::uint32_t>(text);
  if (!number) return invalid_uint(text, "Number too large");
  return *number;
}

Result<std::uint32_t> parse_octal(std::string_view text) {
  if (text.empty() || text[0] != '0') return parse_uint(text);
  auto number = base::parse_number<std::uint32_t>(text, 8);
  if (!number) return config_error(format("Invalid number: {}", text));
  return *number;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t amount = 0;
  std::string_view unit;
  if (!split_amount(text, amount, unit)) return config_error(format("Invalid size: {}", text));
  constexpr std::string_view kLetters = "bkmgt";
  unsigned shift = 0;
  if (!unit.empty()) {
    auto at = kLetters.find(base::to_lower(unit[0]));
    if (at == std::string_view::npos) return config_error(format("Invalid size: {}", text));
    shift = static_cast<unsigned>(at) * 10;
    auto rest = unit.substr(1);
    bool bytes =
        rest.empty() || (shift > 0 && (base::iequals(rest, "b") || base::iequals(rest, "ib")));
    if (!bytes) return config_error(format("Invalid size: {}", text));
  }
  if (amount > std::numeric_limits<std::uint64_t>::max() >> shift) {
    return config_error(format("Size is too large: {}", text));
  }
  return amount << shift;
}

Result<std::chrono::milliseconds> parse_time(std::string_view text, bool milliseconds) {
  std::uint64_t amount = 0;
  std::string_view unit;
  if (!split_amount(text, amount, unit))
    return config_error(format("Invalid time interval: {}", text));
  if (unit.empty()) {
    if (amount == 0) return std::chrono::milliseconds(0);
    return config_error(
        format("Time interval '{}' is missing units (add e.g. 's' for seconds)", text));
  }
  auto found = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& known) {
    return base::istarts_with(known.name, unit) ||
           (known.milliseconds == 1 && base::iequals(unit, "ms"));
  });
  if (found == std::end(kUnits)) return config_error(format("Invalid time interval: {}", text));
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t largest = milliseconds ? kLargest : kLargest * kSecond;
  if (amount > largest / found->milliseconds)
    return config_error(format("Time interval is too large: {}", text));
  std::uint64_t value = amount * found->milliseconds;
  if (!milliseconds && value % kSecond != 0) {
    return config_error(format("Milliseconds not supported for this setting: {}", text));
  }
  return std::chrono::milliseconds(value);
}

Result<std::uint16_t> parse_port(std::string_view text) {
  auto port = all_digits(text) ? base::parse_number<std::uint16_t>(text) : std::nullopt;
  if (!port) return config_error(format("Invalid port number {}", text));
  return *port;
}

std::string print_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  if (bytes == std::numeric_limits<std::uint64_t>::max()) return format("{} B", bytes);
  constexpr std::string_view kLetters = "BkMGT";
  std::size_t unit = 0;
  while (unit + 1 < kLetters.size() && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return format("{} {}", bytes, kLetters[unit]);
}

std::string print_time(std::chrono::milliseconds time) {
  auto value = static_cast<std::uint64_t>(time.count());
  if (value == 0) return "0";
  if (value % kSecond != 0) return format("{} ms", value);
  value /= kSecond;
  if (value % (7 * 24 * 3600) == 0) return format("{} weeks", value / (7 * 24 * 3600));
  if (value % (24 * 3600) == 0) return format("{} days", value / (24 * 3600));
  if (value % 3600 == 0) return format("{} hours", value / 3600);
  if (value % 60 == 0) return format("{} mins", value / 60);
  return format("{} secs", value);
}

Result<std::string> canonical_value(Type type, std::string_view choices, std::string_view text) {
  switch (type) {
    case Type::boolean: {
      auto value = parse_bool(text);
      if (!value) return value.error();
      return std::string(*value ? "yes" : "no");
    }
    case Type::number: {
      auto value = parse_uint(text);
      if (!value) return value.error();
      return format("{}", *value);
    }
    case Type::octal: {
      auto value = parse_octal(text);
      if (!value) return value.error();
      return format("0{:o}", *value);
    }
    case Type::size: {
      auto value = parse_size(text);
      if (!value) return value.error();
      return print_size(*value);
    }
    case Type::time:
    case Type::time_ms: {
      auto value = parse_time(text, type == Type::time_ms);
      if (!value) return value.error();
      return print_time(*value);
    }
    case Type::port: {
      auto value = parse_port(text);
      if (!value) return value.error();
      return format("{}", *value);
    }
    case Type::choice: {
      for (auto choice : base::split(choices, '|')) {
        if (choice == text) return std::string(text);
      }
      return config_error(format("Invalid value: {}", text));
    }
    default:
      return std::string(text);
  }
}

}  // namespace dovetail::conf::dovecot
