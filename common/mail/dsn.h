// Delivery status: enhanced status codes (RFC 3463), the DSN options of SMTP (RFC 3461), xtext.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dovetail::mail {

// Length of a status code "x.y.z" (x one of 2, 4, 5; y and z of 1 to 3 digits) at the start of the
// text, else 0.
size_t dsn_length(std::string_view text);
inline bool is_dsn(std::string_view text) {
  return !text.empty() && dsn_length(text) == text.size();
}

struct DsnText {
  std::string status;  // "4.3.0"
  std::string text;
};
// Takes a leading status code off the text ("5.1.1 User unknown"), or gives the default one.
DsnText split_dsn(std::string_view text, std::string_view default_status);
// The same code in class 4 for 5 and so on ("5.7.1", '4' -> "4.7.1"): soft_bounce and the like.
std::string with_dsn_class(std::string_view status, char digit);

// RFC 3461 4.1 as bits; the values stand in queue files and bounce logs.
enum NotifyFlags : int {
  kNotifyNever = 1,
  kNotifySuccess = 2,
  kNotifyFailure = 4,
  kNotifyDelay = 8
};
// "SUCCESS,DELAY" in any case; nullopt: unknown word, empty, or NEVER beside others.
std::optional<int> parse_notify(std::string_view text);
std::string format_notify(int flags);
// RFC 3461 4.3; 0 is "not said".
enum RetFlags : int { kRetFull = 1, kRetHeaders = 2 };
std::optional<int> parse_ret(std::string_view text);

// RFC 3461 4: xtext.
std::string encode_xtext(std::string_view text);
std::optional<std::string> decode_xtext(std::string_view text);
// "rfc822;user@example.org" as xtext-decoded text: the type and the address; nullopt without ';' or
// type.
std::optional<std::pair<std::string_view, std::string_view>> split_orcpt(std::string_view text);

}  // namespace dovetail::mail
