// APPEND and MULTIAPPEND (RFC 3501 6.3.11, RFC 3502). The message is never held in memory: pieces go to a file in tmp/ of
// the mailbox as they come; all messages of a command are committed together.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/flag_args.h"
#include "mda/imap/text_form.h"

namespace dovetail::mda::imap {

namespace {

constexpr size_t kAppendPiece = 65536;

// [(flags)] ["date"], before each message.
Result<SaveOptions> parse_append_options(ArgReader& args, size_t max_keyword_length) {
  SaveOptions options;
  if (auto list = args.list()) {
    auto flags = parse_flag_args(*list, 0, max_keyword_length);
    if (!flags) return flags.error();
    options.flags = flags->flags;
    options.keywords = std::move(flags->keywords);
  }
  if (args.peek() && args.peek()->is_string()) {
    auto date = parse_internal_date(*args.astring());
    if (!date) return permanent("Invalid internal date");
    options.internal_date = date->seconds;
  }
  if (!args.at_end()) return permanent("Invalid arguments");
  return options;
}

// Takes the announced literal into the file; after a write error the rest is read and dropped.
Task<Result<void>> receive_message(Session& s, Command& c, Incoming& incoming) {
  auto left = c.message->size;
  if (c.message->synchronising) s.put("+ OK\r\n");
  c.message.reset();
  Result<void> written;
  std::string piece;
  while (left > 0) {
    auto part = co_await s.reader.read_part(left, kAppendPiece);
    piece += part;
    if (left > 0 && piece.size() < kAppendPiece) continue;
    if (!written) {
      piece.clear();
      continue;
    }
    written = co_await incoming.write(std::exchange(piece, std::string()));
  }
  co_await s.reader.read_on(c);
  co_return written;
}

std::optional<Reply> check_message_literal(const Command& c) {
  if (!c.message) return reply_wrong("Invalid arguments");
  if (c.message->size == 0) return reply_no("Can't save a zero byte message");
  return std::nullopt;
}

std::string appenduid(const Saved& saved) {
  return format("[APPENDUID {} {}]", saved.uid_validity, SequenceSet::of(saved.uids).text());
}

}  // namespace

Task<Reply> cmd_append(Session& s, Command& c) {
  ArgReader args(c.args());
  auto wire_name = args.astring();
  if (!wire_name || !c.message) co_return reply_wrong("Invalid arguments");
  auto name = s.mailbox_name(*wire_name);
  if (!name) co_return s.failed(name.error());
  auto box = co_await s.store.open(*name);
  if (!box) co_return s.failed(box.error());
  if (!*box) co_return reply_no(format("[TRYCREATE] Mailbox doesn't exist: {}", *name));

  std::vector<std::unique_ptr<Incoming>> messages;
  auto options = parse_append_options(args, s.settings.mail_max_keyword_length);
  while (c.message) {
    if (!options) co_return reply_wrong(options.error().text);
    auto refused = check_message_literal(c);
    if (refused) co_return std::move(*refused);
    auto incoming = co_await (*box)->begin_save(std::move(*options));
    if (!incoming) co_return s.failed(incoming.error());
    auto received = co_await receive_message(s, c, **incoming);
    if (!received) co_return s.failed(received.error());
    if (!c.error.empty()) co_return reply_wrong(c.error);
    messages.push_back(std::move(*incoming));
    ArgReader next(c.args());
    options = parse_append_options(next, s.settings.mail_max_keyword_length);
  }
  if (!c.args().empty()) co_return reply_wrong("Invalid arguments");
  auto count = messages.size();
  auto saved = co_await (*box)->commit(std::move(messages));
  if (!saved) co_return s.failed(saved.error());
  s.counts.appended += count;
  co_return reply_ok(format("{} Append completed", appenduid(*saved)));
}

}  // namespace dovetail::mda::imap
