// SPDX-License-Identifier: Apache-2.0
#include "mta/delivery/request.h"

#include "common/base/text.h"

namespace dovetail::mta {

using proto::Attributes;

namespace {

void add_wall(Attributes& to, std::string_view name, const base::Wall& time) {
  to.add(name, format("{}.{:06}", time.seconds, time.microseconds));
}

base::Wall get_wall(const Attributes& from, std::string_view name) {
  auto [seconds, rest] = base::cut(from.get(name), '.');
  return {base::parse_number<int64_t>(seconds).value_or(0),
          rest ? base::parse_number<int64_t>(*rest).value_or(0) : 0};
}

// The client's words, once as they were and once as they are logged.
struct ClientField {
  std::string_view name;
  std::string mail::ClientInfo::*field;
};
constexpr ClientField kClientFields[] = {
    {"client_name", &mail::ClientInfo::name},
    {"reverse_client_name", &mail::ClientInfo::reverse_name},
    {"client_address", &mail::ClientInfo::address},
    {"client_port", &mail::ClientInfo::port},
    {"helo_name", &mail::ClientInfo::helo},
    {"protocol_name", &mail::ClientInfo::protocol},
    {"server_address", &mail::ClientInfo::server_address},
    {"server_port", &mail::ClientInfo::server_port},
};

struct TextField {
  std::string_view name;
  std::string mail::Envelope::*field;
};
constexpr TextField kEnvelopeTexts[] = {
    {"sender", &mail::Envelope::sender},
    {"full_name", &mail::Envelope::full_name},
    {"envelope_id", &mail::Envelope::dsn_envid},
    {"verp_delimiters", &mail::Envelope::verp_delims},
    {"log_message_origin", &mail::Envelope::log_origin},
    {"log_ident", &mail::Envelope::log_ident},
    {"sasl_method", &mail::Envelope::sasl_method},
    {"sasl_username", &mail::Envelope::sasl_username},
    {"sasl_sender", &mail::Envelope::sasl_sender},
};

struct NumberField {
  std::string_view name;
  int mail::Envelope::*field;
};
constexpr NumberField kEnvelopeNumbers[] = {
    {"smtputf8", &mail::Envelope::smtputf8},
    {"ret_flags", &mail::Envelope::dsn_ret},
    {"trace_flags", &mail::Envelope::trace_flags},
};

}  // namespace

Attributes DeliveryRequest::encode() const {
  Attributes out;
  out.add("request", "deliver")
      .add("queue_name", queue)
      .add("queue_id", queue_id)
      .add("nexthop", nexthop);
  out.add_number("data_offset", data_offset).add_number("content_size", content_size);
  out.add_number("message_size", message_size);
  for (auto& row : kEnvelopeTexts) out.add(row.name, envelope.*row.field);
  for (auto& row : kEnvelopeNumbers) out.add_number(row.name, envelope.*row.field);
  out.add_number("more_waiting", more_waiting);
  out.add_number("encoding", static_cast<int>(envelope.encoding));
  out.add("rewrite_context", envelope.rewrite_local ? "local" : "remote");
  out.add_number("client_address_type", envelope.client.address_family);
  for (auto& row : kClientFields) out.add(row.name, envelope.client.*row.field);
  for (auto& row : kClientFields)
    out.add("log_" + std::string(row.name), envelope.log_client.*row.field);
  add_wall(out, "arrival", envelope.arrival);
  add_wall(out, "active_arrival", active_arrival);
  add_wall(out, "handoff", handoff);
  for (auto& rcpt : envelope.recipients) {
    out.add("recipient", rcpt.address)
        .add("orig_rcpt", rcpt.orig_rcpt)
        .add("dsn_orig_rcpt", rcpt.dsn_orcpt);
    out.add_number("notify_flags", rcpt.dsn_notify).add_number("offset", rcpt.offset);
  }
  return out;
}

Result<DeliveryRequest> DeliveryRequest::decode(const Attributes& from) {
  DeliveryRequest out;
  if (from.get("request") != "deliver") return permanent("not a delivery request");
  out.queue = from.get("queue_name");
  out.queue_id = from.get("queue_id");
  out.nexthop = from.get("nexthop");
  out.data_offset = from.get_number("data_offset");
  out.content_size = from.get_number("content_size");
  out.message_size = from.get_number("message_size");
  for (auto& row : kEnvelopeTexts) out.envelope.*row.field = from.get(row.name);
  for (auto& row : kEnvelopeNumbers)
    out.envelope.*row.field = static_cast<int>(from.get_number(row.name));
  out.more_waiting = from.get_number("more_waiting") != 0;
  out.envelope.encoding = static_cast<mail::Encoding>(from.get_number("encoding"));
  out.envelope.rewrite_local = from.get("rewrite_context") != "remote";
  out.envelope.client.address_family = static_cast<int>(from.get_number("client_address_type"));
  for (auto& row : kClientFields) out.envelope.client.*row.field = from.get(row.name);
  for (auto& row : kClientFields)
    out.envelope.log_client.*row.field = from.get("log_" + std::string(row.name));
  out.envelope.arrival = get_wall(from, "arrival");
  out.active_arrival = get_wall(from, "active_arrival");
  out.handoff = get_wall(from, "handoff");
  for (auto& [name, value] : from.all()) {
    auto& all = out.envelope.recipients;
    if (name == "recipient")
      all.push_back({value, {}, {}, 0, 0});
    else if (all.empty())
      continue;
    else if (name == "orig_rcpt")
      all.back().orig_rcpt = value;
    else if (name == "dsn_orig_rcpt")
      all.back().dsn_orcpt = value;
    else if (name == "notify_flags")
      all.back().dsn_notify = base::parse_number<int>(value).value_or(0);
    else if (name == "offset")
      all.back().offset = base::parse_number<off_t>(value).value_or(0);
  }
  if (out.queue_id.empty() || out.envelope.recipients.empty())
    return permanent("incomplete delivery request");
  return out;
}

Attributes RecipientReport::encode() const {
  Attributes out;
  out.add("answer", "report")
      .add_number("offset", offset)
      .add_number("status", static_cast<int>(status));
  return out;
}

Attributes DeliveryDone::encode() const {
  Attributes out;
  out.add("answer", "done")
      .add("dsn", destination_fault.status)
      .add("reason", destination_fault.text);
  return out;
}

AgentMessage AgentMessage::decode(const Attributes& from) {
  AgentMessage out;
  if (from.get("answer") == "report") {
    out.report = RecipientReport{static_cast<off_t>(from.get_number("offset")),
                                 static_cast<Status>(from.get_number("status"))};
  } else if (from.get("answer") == "done") {
    out.done = DeliveryDone{{std::string(from.get("dsn")), std::string(from.get("reason"))}};
  }
  return out;
}

std::string verp_sender(std::string_view delimiters, const std::string& sender,
                        const mail::Recipient& rcpt) {
  auto [list, list_domain] = base::cut_last(sender, '@');
  auto [user, domain] = base::cut_last(rcpt.orig_rcpt.empty() ? rcpt.address : rcpt.orig_rcpt, '@');
  if (list.empty() || delimiters.size() != 2) return sender;
  std::string out(list);
  out += delimiters[0];
  out += user;
  if (domain) {
    out += delimiters[1];
    out += *domain;
  }
  if (list_domain) out += '@' + std::string(*list_domain);
  return out;
}

}  // namespace dovetail::mta
