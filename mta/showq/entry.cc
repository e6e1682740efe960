// SPDX-License-Identifier: Apache-2.0
#include "mta/showq/entry.h"

#include <sys/stat.h>

#include <set>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/queue/bounce_log.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

namespace {

struct ListedMessage {
  int64_t time = 0, size = 0;
  std::string sender;
  std::vector<std::string> recipients;
};

// Queue files and maildrop files alike; stops without complaint at what it does not understand.
ListedMessage read_listed(int fd, const struct stat& status) {
  ListedMessage message{status.st_mtime, status.st_size, {}, {}};
  SizeRecord size;
  RecordReader reader(fd);
  for (;;) {
    auto record = reader.next();
    if (!record || !*record) return message;
    const std::string& data = (*record)->data;
    switch ((*record)->type) {
      case kRecSize:
        size = SizeRecord::parse(data);
        if (size.content_size > 0) message.size = size.content_size;
        break;
      case kRecTime:
        message.time =
            base::parse_number<int64_t>(base::cut(data, ' ').first).value_or(message.time);
        break;
      case kRecFrom:
        message.sender = data;
        break;
      case kRecRcpt:
        message.recipients.push_back(data);
        break;
      case kRecMessage:
        if (size.data_offset > 0 && size.content_size > 0)
          reader.seek(size.data_offset + size.content_size);
        break;
      case kRecEnd:
        return message;
      default:
        break;
    }
  }
}

std::string shown_address(const std::string& address) {
  return address.empty() ? "MAILER-DAEMON" : base::printable(mail::quote_address(address), true);
}

}  // namespace

const std::vector<std::string_view>& listed_queues() {
  static const std::vector<std::string_view> queues = {"maildrop", "active", "incoming", "deferred",
                                                       "hold"};
  return queues;
}

std::optional<proto::Attributes> queue_entry(const QueueDirectories& directories,
                                             std::string_view queue, std::string_view queue_id) {
  auto fd = directories.open(queue, queue_id, O_RDONLY | O_NONBLOCK);
  if (!fd || !*fd) return std::nullopt;
  struct stat status {};
  if (fstat((*fd)->get(), &status) != 0) return std::nullopt;
  bool finished = S_ISREG(status.st_mode) && (status.st_mode & S_IXUSR);
  if (!finished) return std::nullopt;
  ListedMessage message = read_listed((*fd)->get(), status);
  proto::Attributes out;
  out.add("queue_name", queue)
      .add("queue_id", queue_id)
      .add_number("time", message.time)
      .add_number("size", message.size);
  out.add_number("forced_expire", status.st_mode & S_IXGRP ? 1 : 0)
      .add("sender", shown_address(message.sender));
  std::set<std::string> explained;
  auto reasons = read_bounce_log(directories, "defer", queue_id);
  if (reasons) {
    for (const BounceEntry& entry : *reasons) {
      std::string address = shown_address(entry.recipient);
      if (!explained.insert(address).second) continue;
      out.add("recipient", address).add("reason", base::printable(entry.reason, true));
    }
  }
  for (const std::string& recipient : message.recipients) {
    std::string address = shown_address(recipient);
    if (!explained.contains(address)) out.add("recipient", address).add("reason", "");
  }
  return out;
}

}  // namespace dovetail::mta
