// How lmtp (and whoever else stores a message for a user) delivers: over the socket base_dir/delivery it gives the broker an
// envelope and a descriptor of the message; the broker looks the user up, the user's worker stores it, and the answer comes
// after the worker's fsync. One connection per recipient; they may run side by side, with the same descriptor (workers read
// with pread only).
//
//   mda::Delivery delivery;  delivery.user = "frank@example.org"; delivery.prefix = "Return-Path: <...>\r\nDelivered-To: ...";
//   auto answer = co_await mda::deliver(loop, base_dir + "/delivery", std::move(delivery), body_fd);
//   if (!answer) ...  451: broker or worker is gone; nothing is known to be stored
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/net/task.h"
#include "common/service/control.h"

namespace dovetail::net {
class Loop;
}

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
  std::string prefix;      // header lines that go before the message, for this recipient alone
  uint64_t offset = 0;     // where the message begins in the file

  service::ControlMessage encode() const;
  static Delivery decode(const service::ControlMessage& message);
};

struct DeliveryAnswer {
  enum class Status : uint8_t {
    stored,
    unknown_user,
    temporary,
    permanent
  } status = Status::temporary;
  std::string text;  // why not; for the log and, where it says nothing of the inside, the reply

  service::ControlMessage encode() const;
  static DeliveryAnswer decode(const service::ControlMessage& message);
};

// Whether the userdb has a user, asked through the broker: lmtp has no rights to the auth sockets. `delivery` says who and
// for which connection. An Error is always temporary.
Task<Result<bool>> has_mail_user(net::Loop& loop, std::string socket_path, Delivery delivery);

// An Error is always temporary. `fd` stays the caller's.
Task<Result<DeliveryAnswer>> deliver(net::Loop& loop, std::string socket_path, Delivery delivery,
                                     int fd);

}  // namespace dovetail::mda
