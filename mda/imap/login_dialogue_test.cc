// Plays tests/dialogues/imap-login against LoginDialogue with one user in place of an auth server.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/login_commands.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::mda::imap {

namespace {

LoginOptions login_options(const std::map<std::string, std::string>& settings) {
  auto yes = [&settings](const char* name, bool otherwise) {
    auto found = settings.find(name);
    return found == settings.end() ? otherwise : found->second == "yes";
  };
  LoginOptions options;
  options.tls_available = yes("tls_available", false);
  options.tls_required = yes("tls_required", false);
  options.plaintext_allowed = yes("plaintext_allowed", true);
  options.imap_literal_minus = yes("imap_literal_minus", false);
  options.mechanisms = {{"PLAIN", true}, {"LOGIN", true}, {"CRAM-MD5", false}};
  return options;
}

Task<bool> login_answer(LoginDialogue& dialogue, LoginRequest& request, Conn& conn) {
  if (request.kind == LoginRequest::Kind::login) {
    bool good = request.user == "alice@example.com" && request.password.reveal() == "alicepw";
    if (good) dialogue.ok(request, format("{} logged in", request.user));
    if (!good) dialogue.no(request, "[AUTHENTICATIONFAILED] Authentication failed.");
    co_return good;
  }
  if (request.kind == LoginRequest::Kind::authenticate) {
    if (!request.initial_response) {
      auto response = co_await dialogue.challenge("");
      if (response.reveal() == "*") {
        dialogue.bad(request, "Authentication aborted by client.");
        co_return false;
      }
      request.initial_response = response;
    }
    bool good = !request.initial_response->empty();
    if (good)
      dialogue.ok(request, format("{} {}", request.mechanism, request.initial_response->reveal()));
    if (!good) dialogue.no(request, "[AUTHENTICATIONFAILED] Authentication failed.");
    co_return good;
  }
  // As if the handshake had been done.
  co_await conn.flush();
  dialogue.options().tls_active = dialogue.options().plaintext_allowed = true;
  co_return false;
}

Task<> login_server(Loop& loop, Fd fd, LoginOptions options) {
  Conn conn(loop, std::move(fd));
  Logger log("imap-login");
  LoginDialogue dialogue(conn, std::move(options));
  conn.put(dialogue.greeting());
  for (bool done = false; !done;) {
    auto request = co_await dialogue.next();
    if (request.kind == LoginRequest::Kind::disconnect) log.info("disconnect {}", request.reason);
    if (request.kind == LoginRequest::Kind::disconnect ||
        request.kind == LoginRequest::Kind::logout)
      break;
    done = co_await login_answer(dialogue, request, conn);
  }
  co_await conn.flush();
}

}  // namespace

TEST_CASE("dialogues before login") {
  auto files = tests::dialogue_files(DOVETAIL_DIALOGUES "/imap-login");
  REQUIRE(!files.empty());
  for (const auto& file : files) {
    auto dialogue = tests::Dialogue::load(file);
    REQUIRE(dialogue);
    for (auto mode :
         {tests::DialogueMode::whole, tests::DialogueMode::bytes, tests::DialogueMode::pipelined}) {
      Loop loop;
      tests::DialogueServer server = [&](Fd fd) {
        return login_server(loop, std::move(fd), login_options(dialogue->settings));
      };
      CHECK(tests::play(loop, *dialogue, mode, server) == "");
    }
  }
}

}  // namespace dovetail::mda::imap
