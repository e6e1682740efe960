// Any bytes as messages between the processes of a family: control messages, and what the unprivileged login and lmtp tell
// the broker, which is root.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/service/control.h"
#include "mda/broker/delivery.h"
#include "mda/broker/handover.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

void read_message(const service::ControlMessage& message) {
  const auto again = service::ControlMessage::decode(message.encode());
  tests::refuse(again.verb != message.verb || again.fields != message.fields);
  const auto handover = mda::Handover::decode(message);
  const auto same = mda::Handover::decode(handover.encode());
  tests::refuse(same.user != handover.user || same.input != handover.input ||
                same.tag != handover.tag);
  (void)mda::HandoverAnswer::decode(message).encode();
  const auto delivery = mda::Delivery::decode(message);
  const auto same_delivery = mda::Delivery::decode(delivery.encode());
  tests::refuse(same_delivery.prefix != delivery.prefix || same_delivery.user != delivery.user);
  (void)mda::DeliveryAnswer::decode(message).encode();
}

Task<> receive_all(Loop& loop, base::Fd fd) {
  for (int messages = 0; messages < 20; ++messages) {
    auto received = co_await mda::receive_framed(loop, fd.get());
    if (!received) co_return;
    read_message(received->message);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Loop loop;
  const auto text = tests::input_text(data, size);
  read_message(service::ControlMessage::decode(text));
  tests::converse(loop, text, [](base::Fd fd) { return receive_all(loop, std::move(fd)); });
  const auto framed = mda::frame_message(service::ControlMessage::decode(text));
  tests::converse(loop, framed, [](base::Fd fd) { return receive_all(loop, std::move(fd)); });
  return 0;
}
