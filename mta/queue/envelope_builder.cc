// SPDX-License-Identifier: Apache-2.0
#include "mta/queue/envelope_builder.h"

#include "common/base/text.h"
#include "common/mail/address.h"

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

}  // namespace

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
  // Anybody can put such a record into the maildrop; it must not become a line of its own anywhere.
  if (!mail::is_one_line(record.data)) {
    return add({record.type, mail::one_line(record.data), record.offset});
  }
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

}  // namespace dovetail::mta
