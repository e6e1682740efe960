// SPDX-License-Identifier: Apache-2.0
#include "common/mail/date.h"

#include <cstdlib>
#include <ctime>

#include "common/base/text.h"

namespace dovetail::mail {

std::string header_date(int64_t seconds) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t when = static_cast<time_t>(seconds);
  tm local{};
  localtime_r(&when, &local);
  long offset = local.tm_gmtoff / 60;
  std::string text = base::format(
      "{}, {:2d} {} {:04d} {:02d}:{:02d}:{:02d} {}{:02d}{:02d}", days[local.tm_wday], local.tm_mday,
      months[local.tm_mon], local.tm_year + 1900, local.tm_hour, local.tm_min, local.tm_sec,
      offset < 0 ? '-' : '+', std::labs(offset) / 60, std::labs(offset) % 60);
  if (local.tm_zone && *local.tm_zone) text += base::format(" ({})", local.tm_zone);
  return text;
}

}  // namespace dovetail::mail
