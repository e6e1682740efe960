// See filename.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/filename.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "common/base/clock.h"
#include "common/base/text.h"

namespace dovetail::mda {

namespace {

struct FlagLetter {
  char letter;
  uint8_t flag;
};
constexpr FlagLetter flag_letters[] = {
    {'D', kDraft}, {'F', kFlagged}, {'R', kAnswered}, {'S', kSeen}, {'T', kDeleted}};

std::optional<uint64_t> number_behind(std::string_view file, std::string_view tag) {
  std::string_view base = maildir_base(file);
  size_t at = base.find(tag);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view text = base.substr(at + tag.size());
  return base::parse_number<uint64_t>(text.substr(0, text.find_first_not_of("0123456789")));
}

struct NameOrder {
  uint64_t seconds = 0, microseconds = 0;
};

NameOrder order_of(std::string_view name) {
  NameOrder order;
  size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  order.seconds = base::parse_number<uint64_t>(name.substr(0, digits)).value_or(0);
  name.remove_prefix(digits);
  if (!name.starts_with(".M")) return order;
  name.remove_prefix(2);
  order.microseconds =
      base::parse_number<uint64_t>(name.substr(0, name.find_first_not_of("0123456789")))
          .value_or(0);
  return order;
}

}  // namespace

std::string unique_maildir_name(std::string_view hostname) {
  // Time never repeats inside a process: two names of one microsecond differ by pushing the second one on.
  static std::mutex mutex;
  static base::Wall last;
  base::Wall now = base::wall_now();
  {
    std::lock_guard guard(mutex);
    if (now <= last) {
      now = last;
      if (++now.microseconds == 1000000) now = {now.seconds + 1, 0};
    }
    last = now;
  }
  std::string host;
  for (char c : hostname) {
    // The separators of a Maildir name, as its inventor writes them.
    if (c == '/')
      host += "\\057";
    else if (c == ':')
      host += "\\072";
    else
      host += c;
  }
  return format("{}.M{}P{}.{}", now.seconds, now.microseconds, getpid(), host);
}

std::string_view maildir_base(std::string_view file) {
  return file.substr(0, file.find(':'));
}

NameFlags parse_name_flags(std::string_view file) {
  NameFlags result;
  size_t info = file.find(":2,");
  if (info == std::string_view::npos) return result;
  for (char c : file.substr(info + 3)) {
    auto known = std::find_if(std::begin(flag_letters), std::end(flag_letters),
                              [c](const FlagLetter& flag) { return flag.letter == c; });
    if (known != std::end(flag_letters))
      result.flags |= known->flag;
    else if (c >= 'a' && c <= 'z')
      result.keywords |= KeywordSet{1} << (c - 'a');
    else if (c == ',')
      break;  // fields of other programs
    else
      result.others += c;
  }
  return result;
}

std::string maildir_name(std::string_view base, const NameFlags& flags) {
  std::string capitals = flags.others;
  for (const FlagLetter& known : flag_letters) {
    if (flags.flags & known.flag) capitals += known.letter;
  }
  std::sort(capitals.begin(), capitals.end());
  std::string name = format("{}:2,{}", base, capitals);
  for (unsigned i = 0; i < kKeywordLetters; ++i) {
    if (flags.keywords >> i & 1) name += static_cast<char>('a' + i);
  }
  return name;
}

std::optional<uint64_t> physical_size_in_name(std::string_view file) {
  return number_behind(file, ",S=");
}
std::optional<uint64_t> virtual_size_in_name(std::string_view file) {
  return number_behind(file, ",W=");
}

bool maildir_name_before(std::string_view a, std::string_view b) {
  NameOrder x = order_of(a), y = order_of(b);
  if (x.seconds != y.seconds) return x.seconds < y.seconds;
  if (x.microseconds != y.microseconds) return x.microseconds < y.microseconds;
  return a < b;
}

}  // namespace dovetail::mda
