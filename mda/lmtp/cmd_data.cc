// DATA and BDAT (RFC 5321 4.1.1.4, RFC 3030): the message goes to a file first, then to every recipient.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/lmtp/dot_reader.h"
#include "mda/lmtp/session.h"

namespace dovetail::mda::lmtp {

namespace {

// What DATA and BDAT both need; "" if all is there.
std::string_view missing_for_data(const Session& session) {
  if (!session.transaction) return "503 5.5.0 MAIL needed first";
  if (!session.transaction->recipients.empty()) return "";
  return session.transaction->refused > 0 ? "554 5.5.0 No valid recipients"
                                          : "503 5.5.0 RCPT needed first";
}

void open_message(Session& session) {
  session.transaction->file = std::make_unique<MessageFile>(
      session.pool, session.settings.mail_temp_dir, session.settings.message_in_memory);
  session.set_state("DATA");
}

// Takes count octets off the connection, into the transaction's file if there is one.
Task<> take_chunk(Session& session, uint64_t count) {
  while (count > 0) {
    auto bytes = co_await session.conn.peek();
    auto used = static_cast<size_t>(std::min<uint64_t>(count, bytes.size()));
    auto* file = session.transaction ? session.transaction->file.get() : nullptr;
    if (file) file->add(bytes.substr(0, used));
    session.conn.consume(used);
    count -= used;
    if (file && file->wants_flush()) co_await file->flush();
  }
}

}  // namespace

Task<> cmd_data(Session& session, std::string arguments) {
  if (!base::trim(arguments).empty()) {
    session.reply("501 5.5.4 Invalid parameters");
    co_return;
  }
  auto missing = missing_for_data(session);
  if (!missing.empty()) {
    session.reply(missing);
    co_return;
  }
  if (session.transaction->file) {
    session.reply("503 5.5.0 Not allowed during BDAT");
    co_return;
  }
  session.reply("354 OK");
  open_message(session);
  session.set_receiving("DATA");
  DotReader reader(session.lf_lines);
  auto& file = *session.transaction->file;
  std::string out;
  while (!reader.done()) {
    auto bytes = co_await session.conn.peek();
    out.clear();
    auto used = reader.feed(bytes, out);
    session.conn.consume(used);
    file.add(out);
    if (file.wants_flush()) co_await file.flush();
  }
  session.set_receiving("");
  co_await deliver_message(session);
}

Task<> cmd_bdat(Session& session, std::string arguments) {
  auto words = base::words(arguments, " ");
  auto size = words.empty() ? std::nullopt : base::parse_number<uint64_t>(words[0]);
  bool last = words.size() == 2 && base::iequals(words[1], "LAST");
  if (!size || words.size() > 2 || (words.size() == 2 && !last)) {
    // How much follows is not known: nothing behind it could be understood.
    session.reply("501 5.5.4 Invalid chunk size parameter");
    session.close("Invalid chunk size parameter");
    co_return;
  }
  auto missing = missing_for_data(session);
  if (missing.empty() && !session.transaction->file) open_message(session);
  session.set_receiving("BDAT");
  co_await take_chunk(session, *size);
  session.set_receiving("");
  if (!missing.empty()) {
    session.reply(missing);
    co_return;
  }
  if (last)
    co_await deliver_message(session);
  else
    session.reply(format("250 2.0.0 Added {} octets", *size));
}

}  // namespace dovetail::mda::lmtp
