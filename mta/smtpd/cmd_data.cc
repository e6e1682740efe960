// DATA: the message itself, up to the lone dot (RFC 5321 4.1.1.4).
// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/content.h"

namespace dovetail::mta::smtpd {
namespace {

// Takes what is in the connection's buffer, line by line without a coroutine each. True: the end was there.
struct Taken {
  bool end = false;
  bool wait = false;  // settle before going on
};
Taken take_buffered(Session& s, DataReader& reader) {
  for (;;) {
    size_t used = 0;
    auto piece = reader.next(s.conn.buffered(), used);
    if (!piece) return {};
    bool wait = !piece->end && take_content(s, *piece);
    bool end = piece->end;
    s.conn.consume(used);
    if (end || wait) return {end, wait};
  }
}

}  // namespace

Task<Answer> cmd_data(Session& s, std::string_view arguments) {
  if (s.mail && s.mail->content_begun) co_return Reply{503, "5.5.1", "Error: DATA after BDAT"};
  if (s.mail && s.mail->recipients > 0 && !arguments.empty())
    co_return Reply{501, "5.5.4", "Syntax: DATA"};
  auto refused = co_await content_may_begin(s);
  if (refused) co_return *refused;
  co_await begin_content(s);
  co_await s.send(354, "", "End data with <CR><LF>.<CR><LF>");
  s.bytes_in_data = 0;
  DataReader reader(static_cast<size_t>(s.parameters.line_length_limit), s.watch_bare_lf);
  for (;;) {
    auto taken = take_buffered(s, reader);
    if (taken.end) break;
    if (taken.wait)
      co_await settle_content(s);
    else
      co_await s.conn.fill();
  }
  s.mail->bare_lf = s.refuse_bare_lf && reader.seen_bare_lf();
  co_return co_await end_content(s, std::nullopt);
}

}  // namespace dovetail::mta::smtpd
