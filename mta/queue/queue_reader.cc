// The reading half of queue_file.h: envelope, content, marks.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

namespace {

struct TextAttribute {
  std::string_view name;
  std::string mail::Envelope::*field;
};
struct ClientAttribute {
  std::string_view name;
  std::string mail::ClientInfo::*field;
};
// clang-format off
constexpr TextAttribute text_attributes[] = {
    {"log_message_origin", &mail::Envelope::log_origin},   {"log_ident", &mail::Envelope::log_ident},
    {"sasl_method", &mail::Envelope::sasl_method},         {"sasl_username", &mail::Envelope::sasl_username},
    {"sasl_sender", &mail::Envelope::sasl_sender},         {"envelope_id", &mail::Envelope::dsn_envid},
};
constexpr ClientAttribute client_attributes[] = {
    {"client_name", &mail::ClientInfo::name},              {"reverse_client_name", &mail::ClientInfo::reverse_name},
    {"client_address", &mail::ClientInfo::address},        {"client_port", &mail::ClientInfo::port},
    {"helo_name", &mail::ClientInfo::helo},                {"protocol_name", &mail::ClientInfo::protocol},
    {"server_address", &mail::ClientInfo::server_address}, {"server_port", &mail::ClientInfo::server_port},
};
constexpr ClientAttribute log_client_attributes[] = {
    {"log_client_name", &mail::ClientInfo::name},          {"log_client_address", &mail::ClientInfo::address},
    {"log_client_port", &mail::ClientInfo::port},          {"log_helo_name", &mail::ClientInfo::helo},
    {"log_protocol_name", &mail::ClientInfo::protocol},
};
// clang-format on

int as_int(std::string_view text) {
  return base::parse_number<int>(base::trim(text)).value_or(0);
}

bool set_number_attribute(mail::Envelope& envelope, std::string_view name, std::string_view value) {
  if (name == "rewrite_context")
    envelope.rewrite_local = value != "remote";
  else if (name == "ret_flags")
    envelope.dsn_ret = as_int(value);
  else if (name == "trace_flags")
    envelope.trace_flags = as_int(value);
  else if (name == "smtputf8")
    envelope.smtputf8 = as_int(value);
  else if (name == "client_address_type")
    envelope.client.address_family = as_int(value);
  else if (name == "encoding")
    envelope.encoding = value == "8bit"   ? mail::Encoding::eight_bit
                        : value == "7bit" ? mail::Encoding::seven_bit
                                          : mail::Encoding::none;
  else if (name == "create_time")
    envelope.other["create_time"] = value;
  else
    return false;
  return true;
}

void set_attribute(mail::Envelope& envelope, std::string_view name, std::string_view value) {
  if (set_number_attribute(envelope, name, value)) return;
  for (const TextAttribute& row : text_attributes) {
    if (row.name == name) return (void)(envelope.*row.field = value);
  }
  for (const ClientAttribute& row : client_attributes) {
    if (row.name == name) return (void)(envelope.client.*row.field = value);
  }
  for (const ClientAttribute& row : log_client_attributes) {
    if (row.name == name) return (void)(envelope.log_client.*row.field = value);
  }
  envelope.other[std::string(name)] = value;  // not ours: carried along
}

base::Wall parse_time_record(std::string_view text) {
  auto numbers = base::words(text);
  base::Wall time;
  if (!numbers.empty()) time.seconds = base::parse_number<int64_t>(numbers[0]).value_or(0);
  if (numbers.size() > 1) time.microseconds = base::parse_number<int64_t>(numbers[1]).value_or(0);
  return time;
}

// Collects what the records of envelope and extracted segment say.
class EnvelopeBuilder {
 public:
  EnvelopeBuilder(QueueMessage& message, size_t recipient_limit)
      : message_(message), limit_(recipient_limit) {}

  bool full() const { return message_.envelope.recipients.size() >= limit_; }
  Result<void> add(const Record& record);

 private:
  void add_attribute(std::string_view text);
  void add_recipient(const Record& record);

  QueueMessage& message_;
  size_t limit_;
  mail::Recipient next_;  // what was said about the recipient that follows
};

void EnvelopeBuilder::add_attribute(std::string_view text) {
  auto [name, value] = base::cut(text, '=');
  if (!value) return;  // damaged attributes are ignored, as by the incumbent
  if (name == "dsn_orig_rcpt")
    next_.dsn_orcpt = *value;
  else if (name == "notify_flags")
    next_.dsn_notify = as_int(*value);
  else
    set_attribute(message_.envelope, name, *value);
}

void EnvelopeBuilder::add_recipient(const Record& record) {
  if (record.type == kRecRcpt) {
    next_.address = record.data;
    next_.offset = record.offset;
    message_.envelope.recipients.push_back(std::move(next_));
  } else {
    ++message_.recipients_done;
  }
  next_ = mail::Recipient();
}

Result<void> EnvelopeBuilder::add(const Record& record) {
  mail::Envelope& envelope = message_.envelope;
  switch (record.type) {
    case kRecSize:
      message_.size = SizeRecord::parse(record.data);
      break;
    case kRecTime:
      envelope.arrival = parse_time_record(record.data);
      break;
    case kRecFrom:
      envelope.sender = record.data;
      break;
    case kRecFullName:
      envelope.full_name = record.data;
      break;
    case kRecFilter:
      envelope.filter = record.data;
      break;
    case kRecRedirect:
      envelope.redirect = record.data;
      break;
    case kRecVerp:
      envelope.verp_delims = record.data;
      break;
    case kRecDsnRet:
      envelope.dsn_ret = as_int(record.data);
      break;
    case kRecDsnEnvid:
      envelope.dsn_envid = record.data;
      break;
    case kRecReturnReceipt:
      message_.return_receipt = record.data;
      break;
    case kRecErrorsTo:
      message_.errors_to = record.data;
      break;
    case kRecAttr:
      add_attribute(record.data);
      break;
    case kRecOrigRcpt:
      next_.orig_rcpt = record.data;
      break;
    case kRecDsnOrcpt:
      next_.dsn_orcpt = record.data;
      break;
    case kRecDsnNotify:
      next_.dsn_notify = as_int(record.data);
      break;
    case kRecRcpt:
    case kRecDone:
    case kRecCancelled:
      add_recipient(record);
      break;
    case kRecWarn:
      message_.warn_time = base::parse_number<int64_t>(base::trim(record.data)).value_or(0);
      message_.warn_offset = record.offset;
      break;
    case kRecCreateTime:
    case kRecInspector:
    case kRecPadding:
    case kRecKilled:
    case kRecPriority:
    case kRecMilterCount:
    case kRecFlags:
    case kRecDelay:
      break;
    default:
      return permanent(format("unexpected record type {}", static_cast<int>(record.type)));
  }
  return {};
}

}  // namespace

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
    : reader_(fd, size.data_offset), line_end_(line_end == LineEnd::crlf ? "\r\n" : "\n") {}

Result<bool> ContentReader::read(std::string& out, size_t want) {
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
  return !out.empty() || !ended_;
}

}  // namespace dovetail::mta
