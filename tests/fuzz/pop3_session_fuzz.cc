// Any bytes as what a client says to POP3 after login, on a real Maildir of two messages, new for each input.
// SPDX-License-Identifier: Apache-2.0
#include "mda/pop3/pop3.h"
#include "mda/pop3/pop3_settings.h"
#include "tests/fuzz/mailbox.h"

using namespace dovetail;

namespace {

Task<> serve_pop3(Loop& loop, tests::FuzzMailbox& mailbox, mda::pop3::SessionLocks& locks,
                  base::Fd fd) {
  mda::pop3::SessionEnvironment environment;
  environment.store = mailbox.store;
  environment.settings = std::make_shared<mda::pop3::Pop3Settings>();
  environment.locks = &locks;
  Conn conn(loop, std::move(fd));
  co_await mda::pop3::run_pop3(conn, std::move(environment));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::silence_log();
  Loop loop;
  tests::FuzzMailbox mailbox(loop);
  mda::pop3::SessionLocks locks;
  tests::converse(loop, tests::input_text(data, size),
                  [&](base::Fd fd) { return serve_pop3(loop, mailbox, locks, std::move(fd)); });
  return 0;
}
