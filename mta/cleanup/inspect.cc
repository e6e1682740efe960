// Cleanup::Impl, third part: header_checks and body_checks. Manual: header_checks(5).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/dsn.h"
#include "mta/cleanup/checks.h"
#include "mta/cleanup/message.h"

namespace dovetail::mta {

// "QID: reject: header Subject: x from HOST[ADDR]; from=<s> to=<r> proto=ESMTP helo=<h>: 5.7.1 text"
void Cleanup::Impl::log_action(std::string_view action, std::string_view what,
                               std::string_view content, std::string_view text) const {
  std::string line = format("{}: {}: {} {} from {};", queue_id, action, what,
                            base::printable(content.substr(0, 200), true),
                            envelope.log_origin.empty() ? "unknown" : envelope.log_origin);
  line += format(" from=<{}>", base::printable(envelope.sender, true));
  if (!recipients.empty())
    line += format(" to=<{}>", base::printable(recipients.back().orig_rcpt, true));
  if (!envelope.log_client.protocol.empty())
    line += format(" proto={}", base::printable(envelope.log_client.protocol));
  if (!envelope.log_client.helo.empty())
    line += format(" helo=<{}>", base::printable(envelope.log_client.helo));
  if (!text.empty()) line += format(": {}", base::printable(text, true));
  service.log.info("{}", line);
}

Task<Cleanup::Impl::Keep> Cleanup::Impl::inspect(const lookup::Maps& maps, std::string_view what,
                                                 std::string& text) {
  if (maps.empty()) co_return Keep::yes;
  auto found = co_await maps.lookup(text);
  if (!found) {
    service.log.warning("{}: {} map lookup problem -- message not accepted, try again later",
                        queue_id, maps.title());
    status |= kCleanupWrite;
    co_return Keep::yes;
  }
  if (!*found) co_return Keep::yes;
  co_return act(maps, what, text, **found);
}

Cleanup::Impl::Keep Cleanup::Impl::act(const lookup::Maps& maps, std::string_view what,
                                       std::string& text, std::string_view value) {
  CheckAction action = parse_check(value);
  bool is_header = what == "header";
  auto bad = [&](std::string_view why) {
    service.log.warning("{} in {} map: {}", why, maps.title(), base::printable(value, true));
    return Keep::yes;
  };
  auto note = [&](std::string_view shown) { log_action(action.name, what, text, shown); };
  switch (action.verb) {
    case CheckVerb::unknown:
      return bad("unknown command");
    case CheckVerb::dunno:
      return Keep::yes;
    case CheckVerb::ignore:
      return Keep::no;
    case CheckVerb::info:
    case CheckVerb::warn:
      note(action.text);
      return Keep::yes;
    case CheckVerb::pass:
      note(action.text);
      filter_off_ = true;
      return Keep::yes;
    case CheckVerb::strip:
      note(action.text);
      return Keep::no;
    case CheckVerb::reject: {
      mail::DsnText dsn = mail::split_dsn(action.text, "5.7.1");
      if (dsn.text.empty()) dsn.text = "message content rejected";
      std::string shown = dsn.status + ' ' + dsn.text;
      note(shown);
      refuse(kCleanupContent, shown);
      filter_off_ = true;
      return Keep::yes;
    }
    case CheckVerb::discard:
      note(action.text);
      flags |= kCleanupDiscard;
      filter_off_ = true;
      return Keep::yes;
    case CheckVerb::hold:
      if (!(flags & (kCleanupHold | kCleanupDiscard))) note(action.text);
      flags |= kCleanupHold;
      return Keep::yes;
    case CheckVerb::filter:
      if (action.text.find(':') == std::string::npos) return bad("bad FILTER command");
      note(action.text);
      filter_ = action.text;
      return Keep::yes;
    case CheckVerb::redirect:
      if (action.text.find('@') == std::string::npos) return bad("bad REDIRECT target");
      note(action.text);
      redirect_ = action.text;
      return Keep::yes;
    case CheckVerb::bcc:
      if (action.text.find('@') == std::string::npos) return bad("bad BCC address");
      note(action.text);
      add_bcc(action.text);
      return Keep::yes;
    case CheckVerb::prepend:
      if (action.text.empty()) return bad("PREPEND action without text");
      if (is_header && mail::header_name_length(action.text) == 0)
        return bad("bad PREPEND header text");
      note(action.text);
      if (is_header)
        put_header(action.text);
      else
        file_->put_line(action.text);
      return Keep::yes;
    case CheckVerb::replace:
      if (action.text.empty()) return bad("REPLACE action without text");
      if (is_header && mail::header_name_length(action.text) == 0)
        return bad("bad REPLACE header text");
      note(action.text);
      text = action.text;
      return Keep::yes;
  }
  return Keep::yes;
}

}  // namespace dovetail::mta
