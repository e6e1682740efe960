// Any bytes as what a client says before it has logged in, to imap-login: the process that the whole world reaches.
// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/login_commands.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

Task<> serve_login(Loop& loop, base::Fd fd) {
  using Kind = mda::imap::LoginRequest::Kind;
  Conn conn(loop, std::move(fd));
  mda::imap::LoginOptions options;
  options.tls_available = true;
  options.mechanisms = {{"PLAIN", true}, {"LOGIN", true}, {"CRAM-MD5", false}};
  mda::imap::LoginDialogue dialogue(conn, std::move(options));
  conn.put(dialogue.greeting());
  for (;;) {
    auto request = co_await dialogue.next();
    if (request.kind == Kind::disconnect || request.kind == Kind::logout) break;
    if (request.kind == Kind::authenticate && !request.initial_response) {
      auto response = co_await dialogue.challenge("");
      if (response.reveal() == "*") dialogue.bad(request, "Authentication aborted by client.");
    }
    if (request.kind == Kind::starttls) {
      dialogue.ok(request, "Begin TLS negotiation now.");
      dialogue.options().tls_active = true;
    } else {
      dialogue.no(request, "[AUTHENTICATIONFAILED] Authentication failed.");
    }
  }
  co_await conn.flush();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Loop loop;
  tests::converse(loop, tests::input_text(data, size),
                  [](base::Fd fd) { return serve_login(loop, std::move(fd)); });
  return 0;
}
