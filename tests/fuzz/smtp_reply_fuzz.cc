// Any bytes as what a foreign server says to our smtp and lmtp clients: greeting, features, answers; and as text we send it:
// dots and long lines in any pieces.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/base/text.h"
#include "conf/postfix/main_cf.h"
#include "mta/smtp/nexthop.h"
#include "mta/smtp/session.h"
#include "mta/smtp/transaction.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

mta::SmtpParameters client_parameters(bool lmtp) {
  auto cf =
      conf::MainCf::parse("/fuzz", "myhostname = mail.example.org\nmynetworks = 127.0.0.0/8\n");
  tests::refuse(!cf);
  auto parameters = mta::read_smtp_parameters(*cf, lmtp);
  tests::refuse(!parameters);
  return *parameters;
}

Task<> talk_to_server(Loop& loop, base::Fd fd, const mta::SmtpParameters& parameters) {
  mta::Target target;
  target.name = target.shown = target.session = "mx.example.org";
  mta::SmtpSession session(loop, std::move(fd), std::move(target), parameters, Logger("fuzz"));
  std::optional<mta::SaslCredentials> credentials;
  credentials.emplace();
  credentials->user = "frank";
  credentials->password = Secret("secret");
  auto failure = co_await session.open(nullptr, true, std::move(credentials));
  tests::refuse(failure && failure->dsn.status.empty());
  if (failure) co_return;
  for (std::string_view text :
       {"MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA", "."}) {
    auto reply =
        co_await session.command(std::string(text), conf::Seconds(10), "sending a command");
    tests::refuse(!reply.ok() && session.said(reply, text).dsn.status.empty());
  }
  co_await session.quit();
}

std::string dotted_in_steps(std::string_view text, size_t limit, size_t step) {
  mta::DotWriter writer(limit);
  std::string out;
  for (size_t at = 0; at < text.size(); at += step) writer.write(text.substr(at, step), out);
  return out;
}

// Content has CRLF line ends when it comes here.
void check_dots(std::string_view text) {
  const auto content = base::replace_all(base::replace_all(text, "\r", ""), "\n", "\r\n");
  tests::refuse(dotted_in_steps(content, 0, 100000).find("\r\n.\r\n") != std::string::npos);
  tests::refuse(dotted_in_steps(content, 12, 100000).find("\r\n.\r\n") != std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Loop loop;
  static const mta::SmtpParameters smtp = client_parameters(false), lmtp = client_parameters(true);
  const auto text = tests::input_text(data, size);
  for (const auto* parameters : {&smtp, &lmtp}) {
    tests::converse(loop, text, [parameters](base::Fd fd) {
      return talk_to_server(loop, std::move(fd), *parameters);
    });
    (void)mta::parse_nexthops(text, parameters->lmtp);
  }
  check_dots(text);
  return 0;
}
