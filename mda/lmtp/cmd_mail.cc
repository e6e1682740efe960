// MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/lmtp/session.h"

namespace dovetail::mda::lmtp {

namespace {

// BODY= is all that is offered (8BITMIME); SIZE and DSN are not.
bool supported_mail_parameters(std::string_view parameters) {
  for (auto word : base::words(parameters, " ")) {
    if (!base::iequals(word, "BODY=8BITMIME") && !base::iequals(word, "BODY=7BIT")) return false;
  }
  return true;
}

void refuse(Session& session, std::string_view text) {
  ++session.transaction->refused;
  session.reply(text);
}

}  // namespace

Task<> cmd_mail(Session& session, std::string arguments) {
  if (session.transaction) {
    session.reply("503 5.5.0 MAIL already given");
    co_return;
  }
  if (!base::istarts_with(arguments, "FROM:")) {
    session.reply("501 5.5.4 Invalid parameters");
    co_return;
  }
  PathRules rules{true, false, session.settings.whitespace_before_path,
                  session.settings.mailbox_for_path};
  auto parsed = parse_path(std::string_view(arguments).substr(5), rules);
  if (!parsed) {
    session.reply(format("501 5.5.4 Invalid FROM: {}", parsed.error().text));
    co_return;
  }
  if (!supported_mail_parameters(parsed->parameters)) {
    session.reply("555 5.5.4 Unsupported parameters");
    co_return;
  }
  session.begin_transaction(std::move(parsed->path));
  session.set_state("MAIL FROM");
  session.reply("250 2.1.0 OK");
}

Task<> cmd_rcpt(Session& session, std::string arguments) {
  if (!session.transaction) {
    session.reply("503 5.5.0 MAIL needed first");
    co_return;
  }
  if (session.transaction->file) {
    session.reply("503 5.5.0 Not allowed during BDAT");
    co_return;
  }
  if (!base::istarts_with(arguments, "TO:")) {
    refuse(session, "501 5.5.4 Invalid parameters");
    co_return;
  }
  PathRules rules{false, true, session.settings.whitespace_before_path,
                  session.settings.mailbox_for_path};
  auto parsed = parse_path(std::string_view(arguments).substr(3), rules);
  if (!parsed) {
    refuse(session, format("501 5.5.4 Invalid TO: {}", parsed.error().text));
    co_return;
  }
  if (!parsed->parameters.empty()) {
    refuse(session, "555 5.5.4 Unsupported parameters");
    co_return;
  }
  Recipient rcpt;
  auto parts = split_detail(parsed->path, session.settings.recipient_delimiter);
  rcpt.path = std::move(parsed->path);
  rcpt.user = std::move(parts.user);
  rcpt.detail = std::move(parts.detail);
  auto shown = rcpt.path.text();
  if (!session.settings.defers.empty()) {
    session.log.error("rcpt {}: {} is set, which is not supported yet: deferred", shown,
                      session.settings.defers);
    refuse(session, format("451 4.3.5 <{}> Server configuration error", shown));
    co_return;
  }
  auto& earlier = session.transaction->recipients;
  rcpt.session = earlier.empty() ? session.transaction->id
                                 : format("{}:R{}", session.transaction->id, earlier.size() + 1);
  LookupFor lookup{rcpt.user, rcpt.session, session.local_ip(), session.remote_ip()};
  auto found = co_await session.backend.find_user(std::move(lookup));
  if (!found) {
    session.log.error("rcpt {}: {}", shown, found.error().text);
    refuse(session, format("451 4.3.0 <{}> Temporary internal error", shown));
  } else if (!found->exists) {
    refuse(session, format("550 5.1.1 <{}> User doesn't exist: {}", shown, rcpt.user));
  } else if (!session.count_user(rcpt.user)) {
    refuse(session, format("451 4.3.0 <{}> Too many concurrent deliveries for user", shown));
  } else {
    rcpt.lookup = std::move(found->lookup);
    session.transaction->recipients.push_back(std::move(rcpt));
    session.set_state("RCPT TO");
    session.reply("250 2.1.5 OK");
  }
}

}  // namespace dovetail::mda::lmtp
