// RETR and TOP.
// SPDX-License-Identifier: Apache-2.0
#include "mda/pop3/transfer.h"

#include <algorithm>

#include "common/base/text.h"
#include "mda/pop3/session.h"

namespace dovetail::mda::pop3 {

bool Stuffer::feed(std::string_view piece, std::string& out) {
  while (!piece.empty() && !enough_) {
    if (line_start_ && piece.front() == '.') out += '.';
    auto end = piece.find('\n');
    auto part = piece.substr(0, end == piece.npos ? piece.size() : end + 1);
    piece.remove_prefix(part.size());
    auto from = out.size();
    out += part;
    if (options_.no_nuls)
      std::replace(out.begin() + static_cast<ptrdiff_t>(from), out.end(), '\0', '\x80');
    line_empty_ = (line_start_ || line_empty_) && part.find_first_not_of("\r\n") == part.npos;
    line_start_ = end != std::string_view::npos;
    if (!line_start_) break;
    if (!in_header_) ++lines_;
    if (in_header_ && line_empty_) in_header_ = false;
    line_empty_ = true;
    enough_ = !in_header_ && options_.body_lines && lines_ >= *options_.body_lines;
  }
  return !enough_;
}

std::string Stuffer::finish() {
  std::string out = line_start_ ? "" : "\r\n";
  if (in_header_ && options_.force_header_end) out += "\r\n";
  return out + ".\r\n";
}

namespace {

constexpr size_t kChunk = 64 * 1024;

// Sends a message; false: it could not be opened, and that was answered.
Task<bool> send_message(Session& session, size_t index, std::string first_line,
                        Stuffer::Options options, uint64_t& sent_bytes) {
  auto& message = session.drop->messages[index];
  auto opened = co_await session.drop->box().open_message(message.uid);
  if (opened && !*opened) {
    session.refuse(format("-ERR Message {} expunged.", index + 1));
    co_return false;
  }
  if (!opened) {
    session.fail(opened.error());
    co_return false;
  }
  Section whole;
  auto data = co_await (*opened)->section(whole);
  if (!data) {
    session.fail(data.error());
    co_return false;
  }
  options.no_nuls = session.settings.outlook_no_nuls;
  options.force_header_end = session.settings.oe_ns_eoh;
  Stuffer stuffer(options);
  session.reply(first_line);
  sent_bytes += first_line.size() + 2;
  bool more = true;
  for (uint64_t offset = 0; more && offset < data->size;) {
    auto piece = co_await (*opened)->read(*data, offset, kChunk);
    if (!piece || piece->empty()) {
      // Half a message must not look like a whole one.
      session.log.error("message {}: {}", message.uid,
                        piece ? "file is shorter than it was" : piece.error().text);
      session.end("Internal error occurred. Refer to server log for more information.");
      co_return false;
    }
    offset += piece->size();
    std::string out;
    more = stuffer.feed(*piece, out);
    sent_bytes += out.size();
    session.counts.output += out.size();
    session.conn.put(out);
    co_await session.conn.flush_above(kChunk);
  }
  auto end = stuffer.finish();
  session.counts.output += end.size();
  session.conn.put(end);
  co_return true;
}

}  // namespace

Task<> cmd_retr(Session& session, std::string arguments) {
  std::string_view rest(arguments);
  size_t index = 0;
  if (!session.message_number(rest, index, false)) co_return;
  auto& message = session.drop->messages[index];
  auto first_line = format("+OK {} octets", message.size);
  auto& bytes = session.counts.retr_bytes;
  Stuffer::Options options;
  auto sent = co_await send_message(session, index, std::move(first_line), options, bytes);
  if (!sent) co_return;
  ++session.counts.retr_count;
  session.drop->last = std::max(session.drop->last, index + 1);
  if (!session.settings.pop3_no_flag_updates) message.retrieved = true;
}

Task<> cmd_top(Session& session, std::string arguments) {
  std::string_view rest(arguments);
  size_t index = 0;
  if (!session.message_number(rest, index, true)) co_return;
  uint64_t lines = 0;
  auto given = base::printable(rest);
  if (rest.empty() || !base::is_digit(rest.front())) {
    session.refuse(format("-ERR Invalid size: {}", given));
    co_return;
  }
  if (!session.whole_number(rest, lines)) {
    session.refuse(format("-ERR Size too large: {}", given));
    co_return;
  }
  if (!rest.empty()) {
    session.refuse(format("-ERR Noise after size: {}", base::printable(rest)));
    co_return;
  }
  Stuffer::Options options;
  options.body_lines = lines;
  auto& bytes = session.counts.top_bytes;
  std::string first_line = "+OK";
  auto sent = co_await send_message(session, index, std::move(first_line), options, bytes);
  if (sent) ++session.counts.top_count;
}

}  // namespace dovetail::mda::pop3
