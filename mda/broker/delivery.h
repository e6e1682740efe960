// How lmtp (and whoever else stores a message for a user) delivers: over the socket base_dir/delivery it gives the broker an
// envelope and a descriptor of the message; the broker looks the user up, the user's worker stores it, and the answer comes
// after the worker's fsync. Deliveries run side by side, each on a connection of its own that is kept for the next one, with
// the same descriptor if they like (workers read with pread only).
//
//   mda::DeliveryClient broker(loop, base_dir + "/delivery");
//   mda::Delivery delivery;  delivery.user = "frank@example.org"; delivery.prefix = "Return-Path: <...>\r\nDelivered-To: ...";
//   auto found = co_await broker.find_user(delivery);  // at RCPT
//   delivery.lookup = found->lookup;                   // not asked again, as long as the broker remembers
//   auto answer = co_await broker.deliver(std::move(delivery), body_fd);
//   if (!answer) ...  451: broker or worker is gone; nothing is known to be stored
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/loop.h"
#include "common/service/control.h"

namespace dovetail::mda {

inline constexpr const char* kDeliverySocket = "delivery";  // in base_dir

struct Delivery {
  std::string service =
      "lmtp";           // whose settings apply (protocol lmtp, lda) and the name in the log
  std::string user;     // for the userdb
  std::string session;  // session id, with its suffix for further recipients
  std::string local_ip, remote_ip;
  std::string mailbox;     // empty: INBOX
  std::string message_id;  // for the log, as in the header; empty: "unspecified"
  std::string lookup;      // of FoundUser; empty: the broker asks the userdb
  std::string prefix;      // header lines that go before the message, for this recipient alone
  uint64_t offset = 0;     // where the message begins in the file

  service::ControlMessage encode() const;
  static Delivery decode(const service::ControlMessage& message);
  // Without the prefix, for who only looks at the envelope.
  static Delivery decode_envelope(const service::ControlMessage& message);
};

// What the broker passes on to a worker: the question "deliver" as it came, without what only the broker may say. lmtp reads
// foreign bytes, and the fields of the user decide whose mailbox it is.
service::ControlMessage delivery_job(service::ControlMessage question);

struct DeliveryAnswer {
  enum class Status : uint8_t {
    stored,
    unknown_user,
    temporary,
    permanent,
    not_written  // temporary as well: the mailbox was open, and its disk would not take the message
  } status = Status::temporary;
  std::string lookup;  // answer to "user": what the broker remembers the user by
  std::string text;    // why not; for the log and, where it says nothing of the inside, the reply

  service::ControlMessage encode() const;
  static DeliveryAnswer decode(const service::ControlMessage& message);
};

struct FoundUser {
  bool exists = false;
  std::string lookup;
};

class FramedChannel;

class DeliveryClient {
 public:
  DeliveryClient(net::Loop& loop, std::string socket_path);
  ~DeliveryClient();
  DeliveryClient(const DeliveryClient&) = delete;

  // Whether the userdb has a user, asked through the broker: lmtp has no rights to the auth sockets. `delivery` says who and
  // for which connection. An Error is always temporary.
  Task<Result<FoundUser>> find_user(Delivery delivery);
  // An Error is always temporary. `fd` stays the caller's.
  Task<Result<DeliveryAnswer>> deliver(Delivery delivery, int fd);

 private:
  Task<Result<std::unique_ptr<FramedChannel>>> connection();
  Task<Result<DeliveryAnswer>> ask(service::ControlMessage message, std::vector<int> fds);
  void keep(std::unique_ptr<FramedChannel> connection);
  void drop_old();

  struct Kept {
    std::unique_ptr<FramedChannel> connection;
    base::Milliseconds since;
  };
  net::Loop& loop_;
  std::string socket_path_;
  std::deque<Kept> kept_;  // the one used last at the end
  net::Timer old_;
  bool timing_ = false;
};

}  // namespace dovetail::mda
