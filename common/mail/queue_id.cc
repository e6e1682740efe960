// SPDX-License-Identifier: Apache-2.0
#include "common/mail/queue_id.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mail {

namespace {

// Digits and consonants: no words can come up. Base 51 leaves out the last one, 'z', which
// separates.
constexpr std::string_view kSafeDigits = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
constexpr size_t kSecondDigits = 6;
constexpr size_t kMicrosecondDigits = 4;

std::string to_safe(uint64_t value, unsigned radix, size_t least_digits) {
  std::string out;
  while (value > 0 || out.size() < least_digits) {
    out += kSafeDigits[value % radix];
    value /= radix;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::optional<uint64_t> from_safe(std::string_view text, unsigned radix) {
  uint64_t value = 0;
  for (char c : text) {
    size_t digit = kSafeDigits.find(c);
    if (digit >= radix || value > UINT64_MAX / radix - radix) return std::nullopt;
    value = value * radix + digit;
  }
  return text.empty() ? std::nullopt : std::optional(value);
}

// Where the separating 'z' of a long id stands. Short ids are upper case hex and have none.
std::optional<size_t> separator_of(std::string_view id) {
  size_t at = id.rfind('z');
  if (at == std::string_view::npos || at < kSecondDigits + kMicrosecondDigits) return std::nullopt;
  return at;
}

}  // namespace

std::string make_queue_id(const base::Wall& arrival, ino_t inode, bool long_id) {
  auto microseconds = static_cast<uint64_t>(arrival.microseconds);
  if (!long_id) return base::format("{:05X}{:X}", microseconds, static_cast<uint64_t>(inode));
  return to_safe(static_cast<uint64_t>(arrival.seconds), 52, kSecondDigits) +
         to_safe(microseconds, 52, kMicrosecondDigits) + 'z' + to_safe(inode, 51, 1);
}

bool is_queue_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxQueueId &&
         std::all_of(id.begin(), id.end(), [](char c) { return base::is_alnum(c) || c == '_'; });
}

bool is_long_queue_id(std::string_view id) {
  auto at = separator_of(id);
  return at && from_safe(id.substr(0, *at), 52).has_value();
}

std::string queue_id_hash_key(std::string_view id) {
  auto at = separator_of(id);
  if (!at) return std::string(id);
  auto microseconds = from_safe(id.substr(*at - kMicrosecondDigits, kMicrosecondDigits), 52);
  if (!microseconds) return std::string(id);
  return base::format("{:05X}", *microseconds);
}

std::optional<ino_t> queue_id_inode(std::string_view id) {
  if (auto at = separator_of(id)) return from_safe(id.substr(*at + 1), 51);
  if (id.size() < 6) return std::nullopt;
  return base::parse_number<ino_t>(id.substr(5), 16);
}

}  // namespace dovetail::mail
