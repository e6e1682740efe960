// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postqueue/listing.h"

#include "common/base/clock.h"
#include "common/base/text.h"

namespace dovetail::mta {

namespace {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ' || c == 127)
          out += base::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        else
          out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::optional<ListedAttributes> take_listed(std::string_view& input) {
  ListedAttributes out;
  std::string_view rest = input;
  for (;;) {
    size_t name_end = rest.find('\0');
    if (name_end == std::string_view::npos) return std::nullopt;
    std::string_view name = rest.substr(0, name_end);
    rest.remove_prefix(name_end + 1);
    if (name.empty()) break;
    size_t value_end = rest.find('\0');
    if (value_end == std::string_view::npos) return std::nullopt;
    out.emplace_back(name, rest.substr(0, value_end));
    rest.remove_prefix(value_end + 1);
  }
  input = rest;
  return out;
}

std::optional<ListedEntry> ListedEntry::parse(const ListedAttributes& attributes) {
  ListedEntry entry;
  for (auto& [name, value] : attributes) {
    if (name == "queue_name") entry.queue_name = value;
    if (name == "queue_id") entry.queue_id = value;
    if (name == "sender") entry.sender = value;
    if (name == "time") entry.time = base::parse_number<long>(value).value_or(0);
    if (name == "size") entry.size = base::parse_number<long>(value).value_or(0);
    if (name == "forced_expire") entry.forced_expire = value != "0";
    if (name == "recipient") entry.recipients.push_back({std::string(value), {}});
    if (name == "reason" && !entry.recipients.empty()) entry.recipients.back().reason = value;
  }
  if (entry.queue_id.empty() || entry.queue_name.empty()) return std::nullopt;
  return entry;
}

std::string QueueTable::entry(const ListedEntry& entry) {
  std::string out;
  if (count_ == 0) {
    out = long_ids_ ? "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
                    : "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n";
  }
  ++count_;
  bytes_ += static_cast<unsigned long>(entry.size);
  std::string id = entry.queue_id;
  if (entry.queue_name == "active") id += '*';
  if (entry.queue_name == "hold") id += '!';
  if (entry.forced_expire) id += '#';
  // As ctime(3), cut to the width of the column.
  std::string time = base::format_time("%a %b %e %H:%M:%S ", entry.time);
  if (long_ids_)
    out += base::format("{:<17} {:8} {:.19} {}\n", id, entry.size, time, entry.sender);
  else
    out += base::format("{:<11} {:7} {:.20} {}\n", id, entry.size, time, entry.sender);
  constexpr size_t kReasonWidth = 76;
  std::string_view before;
  for (const ListedRecipient& recipient : entry.recipients) {
    // One reason is shown once for recipients that follow each other.
    if (!recipient.reason.empty() && recipient.reason != before) {
      size_t padding =
          recipient.reason.size() < kReasonWidth ? kReasonWidth - recipient.reason.size() : 0;
      out += base::format("{}({})\n", std::string(padding, ' '), recipient.reason);
    }
    before = recipient.reason;
    out += std::string(long_ids_ ? 47 : 41, ' ') + recipient.address + '\n';
  }
  return out + '\n';
}

std::string QueueTable::end() const {
  if (count_ == 0) return "Mail queue is empty\n";
  return base::format("-- {} Kbytes in {} Request{}.\n", bytes_ / 1024, count_,
                      count_ == 1 ? "" : "s");
}

std::string json_entry(const ListedEntry& entry) {
  std::string out = base::format("{{\"queue_name\": {}, \"queue_id\": {}, ",
                                 json_string(entry.queue_name), json_string(entry.queue_id));
  out += base::format("\"arrival_time\": {}, \"message_size\": {}, ", entry.time, entry.size);
  out += base::format("\"forced_expire\": {}, \"sender\": {}, \"recipients\": [",
                      entry.forced_expire, json_string(entry.sender));
  std::string_view separator;
  for (const ListedRecipient& recipient : entry.recipients) {
    out += base::format("{}{{\"address\": {}", separator, json_string(recipient.address));
    if (!recipient.reason.empty())
      out += base::format(", \"delay_reason\": {}", json_string(recipient.reason));
    out += '}';
    separator = ", ";
  }
  return out + "]}\n";
}

}  // namespace dovetail::mta
