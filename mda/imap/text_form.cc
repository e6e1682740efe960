// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/text_form.h"

#include <time.h>

#include <algorithm>
#include <chrono>

#include "common/base/text.h"
#include "mda/message/envelope.h"

namespace dovetail::mda::imap {

namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

bool is_plain_atom(std::string_view text) {
  if (text.empty() || base::iequals(text, "NIL")) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte > 32 && byte < 127 &&
           std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
  });
}

std::optional<unsigned> parse_month(std::string_view text) {
  if (text.size() != 3) return std::nullopt;
  for (unsigned month = 0; month < 12; ++month) {
    if (base::iequals(kMonths.substr(month * 3, 3), text)) return month + 1;
  }
  return std::nullopt;
}

}  // namespace

void append_literal(std::string& out, std::string_view bytes) {
  base::format_to(std::back_inserter(out), "{{{}}}\r\n", bytes.size());
  out += bytes;
}

void append_astring(std::string& out, std::string_view text) {
  if (is_plain_atom(text)) {
    out += text;
  } else {
    append_string(out, text);
  }
}

void append_internal_date(std::string& out, int64_t seconds) {
  auto moment = static_cast<time_t>(seconds);
  struct tm local {};
  localtime_r(&moment, &local);
  auto offset = local.tm_gmtoff / 60;
  base::format_to(std::back_inserter(out), "\"{:02}-{}-{:04} {:02}:{:02}:{:02} {}{:02}{:02}\"",
                  local.tm_mday, kMonths.substr(static_cast<size_t>(local.tm_mon) * 3, 3),
                  local.tm_year + 1900, local.tm_hour, local.tm_min, local.tm_sec,
                  offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
}

std::optional<int64_t> parse_date(std::string_view text) {
  auto parts = base::split(text, '-');
  if (parts.size() != 3 || parts[2].size() != 4) return std::nullopt;
  auto day = base::parse_number<unsigned>(base::trim_left(parts[0], " "));
  auto month = parse_month(parts[1]);
  auto year = base::parse_number<int>(parts[2]);
  if (!day || !month || !year) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                   std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::optional<InternalDate> parse_internal_date(std::string_view text) {
  auto [date, behind] = base::cut(base::trim_left(text, " "), ' ');
  auto days = parse_date(date);
  if (!days || !behind) return std::nullopt;
  auto [clock, zone] = base::cut(*behind, ' ');
  auto time = base::split(clock, ':');
  if (!zone || zone->size() != 5 || time.size() != 3) return std::nullopt;
  auto hour = base::parse_number<unsigned>(time[0]), minute = base::parse_number<unsigned>(time[1]),
       second = base::parse_number<unsigned>(time[2]),
       east = base::parse_number<unsigned>(zone->substr(1));
  if (!hour || !minute || !second || !east || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  if (((*zone)[0] != '+' && (*zone)[0] != '-') || *east % 100 > 59 || *east / 100 > 23)
    return std::nullopt;
  InternalDate result;
  result.offset = static_cast<int>(*east / 100 * 60 + *east % 100) * ((*zone)[0] == '-' ? -1 : 1);
  result.seconds = *days * 86400 + *hour * 3600 + *minute * 60 + *second - result.offset * 60;
  return result;
}

}  // namespace dovetail::mda::imap
