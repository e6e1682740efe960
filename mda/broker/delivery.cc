// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/delivery.h"

#include "common/base/text.h"
#include "common/net/listen.h"
#include "mda/broker/handover.h"

namespace dovetail::mda {

using service::ControlMessage;

namespace {

constexpr base::Milliseconds kDeliveryConnect{60000};
constexpr std::string_view kAnswers[] = {"stored", "unknown_user", "temporary", "permanent"};

std::string delivery_field(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '\n' || c == '\0'; });
  return out;
}

}  // namespace

ControlMessage Delivery::encode() const {
  ControlMessage message{"deliver", {}};
  auto& fields = message.fields;
  fields["service"] = delivery_field(service);
  fields["user"] = delivery_field(user);
  fields["session"] = delivery_field(session);
  fields["lip"] = delivery_field(local_ip);
  fields["rip"] = delivery_field(remote_ip);
  fields["mailbox"] = delivery_field(mailbox);
  fields["message_id"] = delivery_field(message_id);
  fields["prefix"] = base::base64(prefix);
  fields["offset"] = std::to_string(offset);
  return message;
}

Delivery Delivery::decode(const ControlMessage& message) {
  Delivery made;
  made.service = message.get("service");
  made.user = message.get("user");
  made.session = message.get("session");
  made.local_ip = message.get("lip");
  made.remote_ip = message.get("rip");
  made.mailbox = message.get("mailbox");
  made.message_id = message.get("message_id");
  made.prefix = base::unbase64(message.get("prefix")).value_or(std::string());
  made.offset = base::parse_number<uint64_t>(message.get("offset")).value_or(0);
  return made;
}

ControlMessage DeliveryAnswer::encode() const {
  ControlMessage message{"answer", {}};
  message.fields["status"] = kAnswers[static_cast<int>(status)];
  message.fields["text"] = delivery_field(text);
  return message;
}

DeliveryAnswer DeliveryAnswer::decode(const ControlMessage& message) {
  DeliveryAnswer made;
  auto word = message.get("status");
  for (size_t i = 0; i < std::size(kAnswers); ++i) {
    if (word == kAnswers[i]) made.status = static_cast<Status>(i);
  }
  made.text = message.get("text");
  return made;
}

Task<Result<bool>> has_mail_user(net::Loop& loop, std::string socket_path, Delivery delivery) {
  auto address = net::SockAddr::unix_path(socket_path);
  if (!address) co_return temporary(socket_path + ": path is too long");
  auto connected = co_await net::connect_to(loop, *address, kDeliveryConnect);
  if (!connected)
    co_return temporary(format("connect({}) failed: {}", socket_path, connected.error().text));
  auto message = delivery.encode();
  message.verb = "user";
  try {
    std::vector<int> no_fds;
    co_await send_framed(loop, connected->get(), std::move(message), std::move(no_fds));
    auto answer = co_await receive_framed(loop, connected->get());
    if (!answer) co_return temporary(answer.error().text);
    auto said = DeliveryAnswer::decode(answer->message);
    if (said.status == DeliveryAnswer::Status::stored) co_return true;
    if (said.status == DeliveryAnswer::Status::unknown_user) co_return false;
    co_return temporary(said.text);
  } catch (const IoError& error) {
    co_return temporary(format("{}: {}", socket_path, error.message()));
  }
}

Task<Result<DeliveryAnswer>> deliver(net::Loop& loop, std::string socket_path, Delivery delivery,
                                     int fd) {
  auto address = net::SockAddr::unix_path(socket_path);
  if (!address) co_return temporary(socket_path + ": path is too long");
  if (delivery.prefix.size() > kHandoverLimit / 2)
    co_return temporary("too many header lines for one recipient");
  auto connected = co_await net::connect_to(loop, *address, kDeliveryConnect);
  if (!connected)
    co_return temporary(format("connect({}) failed: {}", socket_path, connected.error().text));
  auto message = delivery.encode();
  std::vector<int> fds;
  fds.push_back(fd);
  try {
    co_await send_framed(loop, connected->get(), std::move(message), std::move(fds));
    auto answer = co_await receive_framed(loop, connected->get());
    if (!answer) co_return temporary(answer.error().text);
    co_return DeliveryAnswer::decode(answer->message);
  } catch (const IoError& error) {
    co_return temporary(format("{}: {}", socket_path, error.message()));
  }
}

}  // namespace dovetail::mda
