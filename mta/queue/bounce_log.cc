// SPDX-License-Identifier: Apache-2.0
#include "mta/queue/bounce_log.h"

#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "common/base/lock.h"
#include "common/base/text.h"
#include "common/mail/address.h"

namespace dovetail::mta {

namespace {

constexpr size_t kBounceLogLimit = size_t{256} << 20;
constexpr int kLockAttempts = 500;  // of 10 ms: entries are short, nobody holds the lock longer

struct BounceField {
  std::string_view name;
  std::string BounceEntry::*field;
};
// In the order of the file; recipient, offset and notify_flags are numbers or special.
// clang-format off
constexpr BounceField bounce_fields[] = {
    {"status", &BounceEntry::status},       {"action", &BounceEntry::action},       {"diag_type", &BounceEntry::diag_type},
    {"diag_text", &BounceEntry::diag_text}, {"mta_type", &BounceEntry::mta_type},   {"mta_mname", &BounceEntry::mta_mname},
    {"reason", &BounceEntry::reason},       {"dsn_orig_rcpt", &BounceEntry::dsn_orig_rcpt},
};
// clang-format on

void add_bounce_line(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += name;
  out += '=';
  out += base::printable(value, true);
  out += '\n';
}

std::string quoted_or_null(std::string_view address) {
  return address.empty() ? "<>" : mail::quote_address(address);
}

std::string from_quoted(std::string_view text) {
  return text == "<>" ? std::string() : mail::unquote_address(text);
}

Result<void> lock_bounce_log(int fd) {
  for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
    auto locked = base::try_flock(fd, base::LockKind::exclusive);
    if (!locked) return locked.error();
    if (*locked) return {};
    timespec pause{0, 10'000'000};
    nanosleep(&pause, nullptr);
  }
  return temporary("lock: Resource temporarily unavailable");
}

void set_bounce_field(BounceEntry& entry, std::string_view name, std::string_view value) {
  if (name == "recipient")
    entry.recipient = from_quoted(value);
  else if (name == "original_recipient")
    entry.original_recipient = from_quoted(value);
  else if (name == "offset")
    entry.offset = base::parse_number<off_t>(value).value_or(0);
  else if (name == "notify_flags")
    entry.notify_flags = base::parse_number<int>(value).value_or(0);
  for (const BounceField& row : bounce_fields) {
    if (row.name == name) entry.*row.field = value;
  }
}

}  // namespace

std::string format_bounce_entry(const BounceEntry& entry) {
  std::string quoted = entry.recipient.empty() ? "" : mail::quote_address(entry.recipient);
  std::string out =
      format("\n<{}>: {}\n", base::printable(quoted, true), base::printable(entry.reason, true));
  add_bounce_line(out, "recipient", quoted_or_null(entry.recipient));
  if (!entry.original_recipient.empty() &&
      !base::iequals(entry.original_recipient, entry.recipient))
    add_bounce_line(out, "original_recipient", mail::quote_address(entry.original_recipient));
  if (entry.offset > 0) add_bounce_line(out, "offset", format("{}", entry.offset));
  add_bounce_line(out, "dsn_orig_rcpt", entry.dsn_orig_rcpt);
  if (entry.notify_flags) add_bounce_line(out, "notify_flags", format("{}", entry.notify_flags));
  for (const BounceField& row : bounce_fields) {
    if (row.field != &BounceEntry::dsn_orig_rcpt) add_bounce_line(out, row.name, entry.*row.field);
  }
  out += '\n';
  return out;
}

Result<void> append_bounce_entry(const QueueDirectories& directories, std::string_view log,
                                 std::string_view queue_id, const BounceEntry& entry) {
  auto opened = directories.open(log, queue_id, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (!opened) return opened.error();
  int fd = (*opened)->get();
  if (auto locked = lock_bounce_log(fd); !locked)
    return locked.error().wrap(directories.path(log, queue_id));
  off_t before = lseek(fd, 0, SEEK_END);
  auto written = base::write_all(fd, format_bounce_entry(entry));
  auto synced = written ? base::sync_file(fd) : written;
  // Half an entry would spoil the next one.
  if (!synced && before >= 0 && ftruncate(fd, before) != 0)
    return errno_error("truncate bounce log", errno);
  return synced;
}

std::vector<BounceEntry> parse_bounce_log(std::string_view text) {
  std::vector<BounceEntry> entries;
  BounceEntry entry;
  bool any = false;
  auto finish = [&] {
    if (any) entries.push_back(std::move(entry));
    entry = BounceEntry();
    any = false;
  };
  for (std::string_view line : base::split(text, '\n')) {
    if (line.empty()) {
      finish();
      continue;
    }
    if (line[0] == '<') continue;  // for people
    auto [name, value] = base::cut(line, '=');
    if (!value) continue;
    any |= name == "recipient";
    set_bounce_field(entry, name, *value);
  }
  finish();
  return entries;
}

Result<std::vector<BounceEntry>> read_bounce_log(const QueueDirectories& directories,
                                                 std::string_view log, std::string_view queue_id) {
  auto opened = directories.open(log, queue_id, O_RDONLY);
  if (!opened) return opened.error();
  if (!*opened) return std::vector<BounceEntry>();
  auto text = base::read_all((*opened)->get(), kBounceLogLimit);
  if (!text) return text.error();
  return parse_bounce_log(*text);
}

}  // namespace dovetail::mta
