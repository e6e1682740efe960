// The commands of POP3 that send no message (RFC 1939 5, 7; RFC 2449 5).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/pop3/session.h"

namespace dovetail::mda::pop3 {

namespace {

constexpr size_t kOutputHigh = 65536;

}  // namespace

Task<> cmd_capa(Session& session, std::string) {
  for (auto line :
       {"+OK", "CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "."})
    session.reply(line);
  co_return;
}

Task<> cmd_noop(Session& session, std::string) {
  session.reply("+OK");
  co_return;
}

Task<> cmd_stat(Session& session, std::string) {
  session.reply(format("+OK {} {}", session.drop->count(), session.drop->size()));
  co_return;
}

Task<> cmd_list(Session& session, std::string arguments) {
  auto& messages = session.drop->messages;
  if (!arguments.empty()) {
    std::string_view rest(arguments);
    size_t index = 0;
    if (session.message_number(rest, index, false))
      session.reply(format("+OK {} {}", index + 1, messages[index].size));
    co_return;
  }
  session.reply(format("+OK {} messages:", session.drop->count()));
  for (size_t at = 0; at < messages.size(); ++at) {
    if (!messages[at].deleted) session.reply(format("{} {}", at + 1, messages[at].size));
    if (session.conn.unsent() > kOutputHigh) co_await session.conn.flush();
  }
  session.reply(".");
}

Task<> cmd_uidl(Session& session, std::string arguments) {
  auto& messages = session.drop->messages;
  if (!arguments.empty()) {
    std::string_view rest(arguments);
    size_t index = 0;
    if (session.message_number(rest, index, false))
      session.reply(format("+OK {} {}", index + 1, messages[index].uidl));
    co_return;
  }
  session.reply("+OK");
  for (size_t at = 0; at < messages.size(); ++at) {
    if (!messages[at].deleted) session.reply(format("{} {}", at + 1, messages[at].uidl));
    if (session.conn.unsent() > kOutputHigh) co_await session.conn.flush();
  }
  session.reply(".");
}

Task<> cmd_last(Session& session, std::string) {
  session.reply(format("+OK {}", session.drop->last));
  co_return;
}

Task<> cmd_dele(Session& session, std::string arguments) {
  std::string_view rest(arguments);
  size_t index = 0;
  if (!session.message_number(rest, index, false)) co_return;
  session.drop->messages[index].deleted = true;
  session.drop->last = std::max(session.drop->last, index + 1);
  session.reply("+OK Marked to be deleted.");
}

Task<> cmd_rset(Session& session, std::string) {
  session.drop->reset();
  session.reply("+OK");
  co_return;
}

// RFC 1939 6: only here does anything change on disk.
Task<> cmd_quit(Session& session, std::string) {
  auto deleted = session.drop->deleted();
  auto done = co_await session.drop->commit();
  if (!done) {
    session.fail(done.error());
  } else if (deleted > 0) {
    session.counts.deleted = deleted;
    session.reply("+OK Logging out, messages deleted.");
  } else {
    session.reply("+OK Logging out.");
  }
  session.end("Logged out");
}

}  // namespace dovetail::mda::pop3
