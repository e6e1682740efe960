// The reading half of queue_file.h: envelope, content, marks.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "mta/queue/envelope_builder.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

Result<QueueMessage> read_envelope(int fd, const ReadOptions& options) {
  QueueMessage message;
  EnvelopeBuilder builder(message, options.recipient_limit);
  RecordReader reader(fd);
  auto first = reader.next();
  if (!first) return first.error();
  if (!*first || (*first)->type != kRecSize) return permanent("no size record");
  message.size = SizeRecord::parse((*first)->data);
  off_t extracted = message.size.data_offset + message.size.content_size;
  if (message.size.data_offset <= 0 || message.size.content_size < 0)
    return permanent("queue file was not completed");
  if (options.recipients_from > 0) reader.seek(options.recipients_from);
  for (;;) {
    off_t at = reader.offset();
    auto record = reader.next();
    if (!record) return record.error();
    if (!*record) return permanent("unexpected end of file");
    RecordType type = (*record)->type;
    if (type == kRecEnd) break;
    if (type == kRecMessage) {
      reader.seek(extracted);
      continue;
    }
    if (type == kRecExtracted) continue;
    if (type == kRecRcpt && builder.full()) {
      if (!message.more_recipients) message.more_recipients = at;
      // Attributes behind the content (encoding) count for every recipient; the other recipients are read later.
      if ((*record)->offset < extracted) reader.seek(extracted);
      continue;
    }
    if (auto added = builder.add(**record); !added) return added.error();
  }
  message.complete = true;
  return message;
}

Result<void> mark_done(int fd, off_t offset) {
  char type = 0;
  if (pread(fd, &type, 1, offset) != 1) return errno_error("read queue file", errno);
  if (type == kRecDone) return {};
  if (type != kRecRcpt) return permanent(format("no recipient record at offset {}", offset));
  type = kRecDone;
  if (pwrite(fd, &type, 1, offset) != 1) return errno_error("update queue file", errno);
  return {};
}

Result<void> set_warn_time(int fd, off_t offset, int64_t time) {
  std::string record;
  append_record(record, kRecWarn, format("{:15d}", time));
  char type = 0;
  if (pread(fd, &type, 1, offset) != 1 || type != kRecWarn)
    return permanent(format("no warning time record at offset {}", offset));
  if (pwrite(fd, record.data(), record.size(), offset) != static_cast<ssize_t>(record.size()))
    return errno_error("update queue file", errno);
  return {};
}

ContentReader::ContentReader(int fd, const SizeRecord& size, LineEnd line_end)
    : reader_(fd, size.data_offset),
      size_(size.content_size),
      line_end_(line_end == LineEnd::crlf ? "\r\n" : "\n") {}

bool ContentReader::is_here() {
  constexpr int64_t kSmall = 65536, kEndRecord = 2;
  return size_ <= kSmall && reader_.prime(static_cast<size_t>(size_ + kEndRecord));
}

Result<bool> ContentReader::read(std::string& out, size_t want) {
  size_t before = out.size();
  while (!ended_ && (out.size() < want || in_line_)) {
    auto record = reader_.next();
    if (!record) return record.error();
    if (!*record) return permanent("unexpected end of file in message content");
    switch ((*record)->type) {
      case kRecNormal:
        out += (*record)->data;
        out += line_end_;
        in_line_ = false;
        break;
      case kRecContinued:
        out += (*record)->data;
        in_line_ =
            out.size() < want + kLongestPiece;  // a line without end must not fill the memory
        break;
      case kRecPadding:
      case kRecKilled:
        break;
      case kRecExtracted:
        ended_ = true;
        break;
      default:
        return permanent(format("unexpected record type {} in message content",
                                static_cast<int>((*record)->type)));
    }
  }
  return out.size() > before || !ended_;
}

}  // namespace dovetail::mta
