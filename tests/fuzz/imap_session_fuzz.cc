// Any bytes as what a client says after login: all IMAP commands on a real Maildir of two messages, new for each input.
// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/session.h"
#include "tests/fuzz/mailbox.h"

using namespace dovetail;

namespace {

Task<> serve_imap(Loop& loop, tests::FuzzMailbox& mailbox, base::Fd fd) {
  mda::imap::SessionEnvironment environment;
  environment.store = mailbox.store;
  environment.pool = &mailbox.pool;
  environment.settings = std::make_shared<mda::imap::ImapSettings>();
  Conn conn(loop, std::move(fd));
  co_await mda::imap::run_imap(conn, std::move(environment));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::silence_log();
  Loop loop;
  tests::FuzzMailbox mailbox(loop);
  tests::converse(loop, tests::input_text(data, size),
                  [&](base::Fd fd) { return serve_imap(loop, mailbox, std::move(fd)); });
  return 0;
}
