// The Date field (RFC 5322 3.3 and 4.3), read leniently; see headers.h.
// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include "common/base/text.h"
#include "common/mail/mime.h"
#include "mda/message/headers.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct ZoneName {
  std::string_view name;
  int minutes;
};
constexpr ZoneName zone_names[] = {{"UT", 0},     {"GMT", 0},    {"UTC", 0},    {"EST", -300},
                                   {"EDT", -240}, {"CST", -360}, {"CDT", -300}, {"MST", -420},
                                   {"MDT", -360}, {"PST", -480}, {"PDT", -420}};

std::optional<int> parse_zone(std::string_view text) {
  if (text.size() == 5 && (text[0] == '+' || text[0] == '-')) {
    auto digits = base::parse_number<int>(text.substr(1));
    if (!digits) return std::nullopt;
    int minutes = *digits / 100 * 60 + *digits % 100;
    return text[0] == '-' ? -minutes : minutes;
  }
  for (const ZoneName& zone : zone_names) {
    if (base::iequals(text, zone.name)) return zone.minutes;
  }
  return 0;  // military letters were defined wrongly and mean nothing (RFC 5322 4.3)
}

std::optional<int> month_number(std::string_view text) {
  for (int i = 0; i < 12; ++i) {
    if (base::istarts_with(text, month_names[i])) return i;
  }
  return std::nullopt;
}

// HH:MM[:SS] with dots forgiven
bool parse_clock(std::string_view text, std::tm& tm) {
  std::vector<std::string_view> parts = base::words(text, ":.");
  if (parts.size() < 2) return false;
  auto hour = base::parse_number<int>(parts[0]);
  auto minute = base::parse_number<int>(parts[1]);
  auto second = parts.size() > 2 ? base::parse_number<int>(parts[2]) : std::optional<int>(0);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return false;
  tm.tm_hour = *hour;
  tm.tm_min = *minute;
  tm.tm_sec = *second;
  return true;
}

// The words of the date without comments and with the weekday gone.
std::vector<std::string> date_words(std::string_view text) {
  std::vector<std::string> words;
  mail::HeaderWords reader(text);
  for (;;) {
    reader.skip_blanks();
    if (reader.done()) break;
    std::string word = reader.until(" \t\r\n(");
    if (!word.empty())
      words.push_back(std::move(word));
    else
      break;
  }
  if (!words.empty()) {
    size_t comma = words.front().find(',');
    if (comma != std::string::npos) {
      words.front().erase(0, comma + 1);
      if (words.front().empty()) words.erase(words.begin());
    } else if (!base::is_digit(words.front().front())) {
      words.erase(words.begin());
      if (!words.empty() && words.front() == ",") words.erase(words.begin());
    }
  }
  return words;
}

}  // namespace

std::optional<MessageDate> parse_message_date(std::string_view text) {
  std::vector<std::string> words = date_words(text);
  if (words.size() < 4) return std::nullopt;
  auto day = base::parse_number<int>(words[0]);
  auto month = month_number(words[1]);
  auto year = base::parse_number<int>(words[2]);
  std::tm tm{};
  if (!day || *day < 1 || *day > 31 || !month || !year || !parse_clock(words[3], tm))
    return std::nullopt;
  if (words[2].size() == 2)
    *year += *year < 50 ? 2000 : 1900;  // RFC 5322 4.3
  else if (words[2].size() == 3)
    *year += 1900;
  if (*year < 1900 || *year > 9999) return std::nullopt;
  tm.tm_mday = *day;
  tm.tm_mon = *month;
  tm.tm_year = *year - 1900;
  auto zone = words.size() > 4 ? parse_zone(words[4]) : std::optional<int>(0);
  if (!zone) return std::nullopt;
  return MessageDate{static_cast<int64_t>(timegm(&tm)) - *zone * 60, *zone};
}

}  // namespace dovetail::mda
