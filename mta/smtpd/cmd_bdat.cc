// BDAT: the message in chunks of a size said before (RFC 3030). A line may go on in the next chunk.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/smtpd/content.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

struct ChunkCommand {
  uint64_t size = 0;
  bool last = false;
};

std::optional<ChunkCommand> parse_chunk(std::string_view arguments) {
  auto words = base::words(arguments);
  if (words.empty() || words.size() > 2) return std::nullopt;
  auto size = base::parse_number<int64_t>(words[0]);
  if (!size || *size < 0 || !base::is_digit(words[0].front())) return std::nullopt;
  bool last = words.size() == 2;
  if (last && !base::iequals(words[1], "LAST")) return std::nullopt;
  return ChunkCommand{static_cast<uint64_t>(*size), last};
}

// A refused chunk comes all the same.
Task<> skip_chunk(Session& s, uint64_t left) {
  while (left > 0) {
    auto here = co_await s.conn.peek();
    auto count = std::min<uint64_t>(left, here.size());
    s.conn.consume(static_cast<size_t>(count));
    left -= count;
  }
}

// Lines that are whole in the chunk's collected text; the rest stays for the next chunk.
Task<> take_lines(Session& s) {
  auto& chunks = *s.mail->chunks;
  size_t done = 0;
  for (;;) {
    size_t used = 0;
    auto piece = chunks.reader.next_plain(std::string_view(chunks.partial).substr(done), used);
    if (!piece) break;
    bool wait = take_content(s, *piece);
    done += used;
    if (wait) co_await settle_content(s);
  }
  chunks.partial.erase(0, done);
}

Task<> take_chunk(Session& s, uint64_t left) {
  while (left > 0) {
    auto here = co_await s.conn.peek();
    auto part = here.substr(0, static_cast<size_t>(std::min<uint64_t>(left, here.size())));
    s.mail->chunks->partial += part;
    left -= part.size();
    s.conn.consume(part.size());
    co_await take_lines(s);
  }
}

// What follows the last line end is a line too.
Task<> take_rest(Session& s) {
  auto& partial = s.mail->chunks->partial;
  if (partial.empty()) co_return;
  DataPiece piece{partial, true, false, partial.size()};
  bool wait = take_content(s, piece);
  if (wait) co_await settle_content(s);
}

}  // namespace

Task<Answer> cmd_bdat(Session& s, std::string_view arguments) {
  auto command = parse_chunk(arguments);
  if (s.discards(kEhloChunking)) {
    s.hang_up();  // the chunk would be read as commands
    co_return Reply{502, "5.5.1", "Error: command not implemented"};
  }
  if (!command) {
    auto line = arguments.empty() ? std::string("BDAT") : format("BDAT {}", arguments);
    s.server.log.write(Level::warning, malformed_bdat_warning(s.queue_id(), s.client, line));
    co_return Reply{521, "5.5.4", "Syntax: BDAT count [LAST]"};
  }
  bool begun = s.mail && s.mail->content_begun;
  if (!begun) {
    auto refused = co_await content_may_begin(s);
    if (refused) {
      co_await skip_chunk(s, command->size);
      co_return *refused;
    }
    co_await begin_content(s);
    DataReader reader(static_cast<size_t>(s.parameters.line_length_limit), s.watch_bare_lf);
    s.mail->chunks.emplace(Transaction::Chunks{reader, {}});
  }
  s.bytes_in_data = s.mail->octets;
  co_await take_chunk(s, command->size);
  if (!command->last) {
    s.bytes_in_data.reset();
    // RFC 3030 2: a chunk that went wrong fails at once; the transaction stays so until RSET.
    if (s.mail->too_big) co_return Reply{552, "5.3.4", "Error: message file too big"};
    co_return Reply{250, "2.0.0", format("Ok: {} bytes", command->size)};
  }
  co_await take_rest(s);
  s.mail->bare_lf = s.refuse_bare_lf && s.mail->chunks->reader.seen_bare_lf();
  uint64_t octets = s.mail->octets;
  co_return co_await end_content(s, octets);
}

}  // namespace dovetail::mta::smtpd
