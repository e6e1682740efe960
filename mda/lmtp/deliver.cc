// The end of a transaction: each recipient's delivery, several side by side, and the replies in order.
// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mda/lmtp/headers.h"
#include "mda/lmtp/session.h"

namespace dovetail::mda::lmtp {

namespace {

constexpr size_t kSideBySide = 16;

std::string tls_text(const Conn& conn) {
  if (!conn.is_tls()) return {};
  auto info = net::tls_info(conn.tls());
  return format("{} with cipher {} ({}/{} bits)", info.protocol, info.cipher, info.cipher_bits,
                info.algorithm_bits);
}

std::string failed_reply(const Recipient& rcpt, DeliveryAnswer::Status status) {
  auto shown = rcpt.path.text();
  if (status == DeliveryAnswer::Status::unknown_user)
    return format("550 5.1.1 <{}> User doesn't exist: {}", shown, rcpt.user);
  if (status == DeliveryAnswer::Status::not_written) {
    return format(
        "451 4.2.0 <{}> Internal error occurred. Refer to server log for more information. [{}]",
        shown, base::format_time("%Y-%m-%d %H:%M:%S", base::wall_now().seconds));
  }
  // Even what looks permanent (a mailbox name that cannot be) is the server's trouble: the message stays with the sender.
  return format("451 4.3.0 <{}> Temporary internal error", shown);
}

// What the deliveries of one message share.
struct Deliveries {
  Session& session;
  HeaderFacts facts;
  std::string message_id;
  int fd;
  size_t next = 0;
};

Task<> deliver_to(Deliveries& all, Recipient& rcpt) {
  auto& session = all.session;
  Delivery delivery;
  delivery.user = rcpt.user;
  delivery.session = rcpt.session;
  delivery.lookup = rcpt.lookup;
  delivery.local_ip = session.local_ip();
  delivery.remote_ip = session.remote_ip();
  if (session.settings.lmtp_save_to_detail_mailbox) delivery.mailbox = rcpt.detail;
  delivery.message_id = all.message_id;
  delivery.prefix = delivery_headers(all.facts);
  auto answer = co_await session.backend.deliver(std::move(delivery), all.fd);
  if (!answer) {
    session.log.error("rcpt {}: {}", rcpt.path.text(), answer.error().text);
    rcpt.reply = failed_reply(rcpt, DeliveryAnswer::Status::temporary);
    co_return;
  }
  if (answer->status == DeliveryAnswer::Status::stored) {
    rcpt.reply = format("250 2.0.0 <{}> {} Saved", rcpt.path.text(), rcpt.session);
    co_return;
  }
  session.log.error("rcpt {}: {}", rcpt.path.text(), base::printable(answer->text, true));
  rcpt.reply = failed_reply(rcpt, answer->status);
}

Task<> delivery_lane(Deliveries& all) {
  auto& recipients = all.session.transaction->recipients;
  while (all.next < recipients.size()) {
    auto& rcpt = recipients[all.next++];
    if (!rcpt.same_as) co_await deliver_to(all, rcpt);
  }
}

// A list and one of its members in one message must not fill a mailbox twice: the same RCPT again is answered like the
// first, and stored once.
void find_same_recipients(std::vector<Recipient>& recipients) {
  std::map<std::string, size_t> first;
  for (size_t i = 0; i < recipients.size(); ++i) {
    auto [known, added] = first.emplace(recipients[i].path.text(), i);
    if (!added) recipients[i].same_as = known->second;
  }
}

// Every reply carries the recipient's own session id.
std::string reply_like(const Recipient& first, const Recipient& again) {
  bool stored = first.reply.starts_with("250");
  return stored ? format("250 2.0.0 <{}> {} Saved", again.path.text(), again.session) : first.reply;
}

HeaderFacts header_facts(const Session& session) {
  auto& transaction = *session.transaction;
  HeaderFacts facts;
  facts.sender = transaction.sender.text();
  if (transaction.recipients.size() == 1) facts.rcpt = transaction.recipients.front().path.text();
  facts.delivered_to = session.settings.lmtp_hdr_delivery_address != DeliveryAddress::none;
  facts.received = session.settings.lmtp_add_received_header;
  facts.helo = session.helo;
  facts.remote_ip = session.remote_ip();
  facts.hostname = session.settings.hostname;
  facts.session = transaction.id;
  facts.tls = tls_text(session.conn);
  facts.time = base::wall_now().seconds;
  return facts;
}

}  // namespace

Task<> deliver_message(Session& session) {
  auto& transaction = *session.transaction;
  auto file = co_await transaction.file->finish();
  if (file) {
    Deliveries all{session, header_facts(session), find_message_id(transaction.file->head()),
                   file->get()};
    find_same_recipients(transaction.recipients);
    std::vector<Task<>> lanes;
    for (size_t lane = 0; lane < std::min(kSideBySide, transaction.recipients.size()); ++lane)
      lanes.push_back(delivery_lane(all));
    co_await net::when_all(session.conn.loop(), std::move(lanes));
  } else {
    session.log.error("{}", file.error().text);
  }
  for (auto& rcpt : transaction.recipients) {
    if (rcpt.same_as) rcpt.reply = reply_like(transaction.recipients[*rcpt.same_as], rcpt);
    session.reply(rcpt.reply.empty() ? failed_reply(rcpt, DeliveryAnswer::Status::temporary)
                                     : rcpt.reply);
  }
  session.end_transaction();
  session.set_state(session.helo.empty() ? "GREETING" : "READY");
}

}  // namespace dovetail::mda::lmtp
