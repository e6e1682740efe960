// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/delivery.h"

#include "common/base/text.h"
#include "common/net/listen.h"
#include "mda/broker/handover.h"

namespace dovetail::mda {

using service::ControlMessage;

namespace {

constexpr base::Milliseconds kDeliveryConnect{60000};
constexpr base::Milliseconds kKeepConnection{5000};
constexpr std::string_view kAnswers[] = {"stored", "unknown_user", "temporary", "permanent",
                                         "not_written"};

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
  fields["lookup"] = delivery_field(lookup);
  fields["prefix"] = base::base64(prefix);
  fields["offset"] = std::to_string(offset);
  return message;
}

Delivery Delivery::decode(const ControlMessage& message) {
  auto made = decode_envelope(message);
  made.prefix = base::unbase64(message.get("prefix")).value_or(std::string());
  return made;
}

Delivery Delivery::decode_envelope(const ControlMessage& message) {
  Delivery made;
  made.service = message.get("service");
  made.user = message.get("user");
  made.session = message.get("session");
  made.local_ip = message.get("lip");
  made.remote_ip = message.get("rip");
  made.mailbox = message.get("mailbox");
  made.message_id = message.get("message_id");
  made.lookup = message.get("lookup");
  made.offset = base::parse_number<uint64_t>(message.get("offset")).value_or(0);
  return made;
}

ControlMessage delivery_job(ControlMessage question) {
  static constexpr std::string_view known[] = {
      "service", "session", "lip", "rip", "mailbox", "message_id", "lookup", "prefix", "offset"};
  ControlMessage job{"deliver", {}};
  for (auto name : known) job.fields[name] = question.fields.take(name);
  return job;
}

ControlMessage DeliveryAnswer::encode() const {
  ControlMessage message{"answer", {}};
  message.fields["status"] = kAnswers[static_cast<int>(status)];
  message.fields["lookup"] = delivery_field(lookup);
  message.fields["text"] = delivery_field(text);
  return message;
}

DeliveryAnswer DeliveryAnswer::decode(const ControlMessage& message) {
  DeliveryAnswer made;
  auto word = message.get("status");
  for (size_t i = 0; i < std::size(kAnswers); ++i) {
    if (word == kAnswers[i]) made.status = static_cast<Status>(i);
  }
  made.lookup = message.get("lookup");
  made.text = message.get("text");
  return made;
}

// --- the client

DeliveryClient::DeliveryClient(net::Loop& loop, std::string socket_path)
    : loop_(loop), socket_path_(std::move(socket_path)), old_(loop, [this] { drop_old(); }) {}

DeliveryClient::~DeliveryClient() = default;

Task<Result<std::unique_ptr<FramedChannel>>> DeliveryClient::connection() {
  while (!kept_.empty()) {
    auto known = std::move(kept_.back().connection);
    kept_.pop_back();
    // A broker that was replaced has hung up.
    if (known->is_quiet()) co_return std::move(known);
  }
  auto address = net::SockAddr::unix_path(socket_path_);
  if (!address) co_return temporary(socket_path_ + ": path is too long");
  auto connected = co_await net::connect_to(loop_, *address, kDeliveryConnect);
  if (!connected)
    co_return temporary(format("connect({}) failed: {}", socket_path_, connected.error().text));
  co_return std::make_unique<FramedChannel>(loop_, std::move(*connected));
}

void DeliveryClient::keep(std::unique_ptr<FramedChannel> connection) {
  kept_.push_back({std::move(connection), base::monotonic_now()});
  if (!std::exchange(timing_, true)) old_.start(kKeepConnection);
}

// A broker with connections believes that it has something to do.
void DeliveryClient::drop_old() {
  auto now = base::monotonic_now();
  while (!kept_.empty() && now - kept_.front().since >= kKeepConnection) kept_.pop_front();
  timing_ = !kept_.empty();
  if (timing_) old_.start(kKeepConnection);
}

Task<Result<DeliveryAnswer>> DeliveryClient::ask(ControlMessage message, std::vector<int> fds) {
  auto opened = co_await connection();
  if (!opened) co_return opened.error();
  auto& broker = **opened;
  try {
    co_await broker.send(std::move(message), std::move(fds));
    auto answer = co_await broker.receive();
    if (!answer) co_return temporary(answer.error().text);
    keep(std::move(*opened));
    co_return DeliveryAnswer::decode(answer->message);
  } catch (const IoError& error) {
    co_return temporary(format("{}: {}", socket_path_, error.message()));
  }
}

Task<Result<FoundUser>> DeliveryClient::find_user(Delivery delivery) {
  auto message = delivery.encode();
  message.verb = "user";
  std::vector<int> no_fds;
  auto said = co_await ask(std::move(message), std::move(no_fds));
  if (!said) co_return said.error();
  if (said->status == DeliveryAnswer::Status::stored) co_return FoundUser{true, said->lookup};
  if (said->status == DeliveryAnswer::Status::unknown_user) co_return FoundUser{};
  co_return temporary(said->text);
}

Task<Result<DeliveryAnswer>> DeliveryClient::deliver(Delivery delivery, int fd) {
  if (delivery.prefix.size() > kHandoverLimit / 2)
    co_return temporary("too many header lines for one recipient");
  auto message = delivery.encode();
  std::vector<int> fds;
  fds.push_back(fd);
  auto answer = co_await ask(std::move(message), std::move(fds));
  co_return answer;
}

}  // namespace dovetail::mda
