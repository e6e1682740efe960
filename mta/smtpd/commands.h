// The verbs of SMTP, one file each (cmd_*.cc), and their table.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "common/net/task.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

// What a verb answers. A verb that has sent all there is to say gives nothing().
struct Answer {
  Answer(Reply given) : reply(std::move(given)), failed(reply->code >= 400) {}
  static Answer nothing(bool failed = false) {
    Answer answer(Reply{250, "", ""});
    answer.reply.reset();
    answer.failed = failed;
    return answer;
  }
  Answer& forgive() {
    failed = false;
    return *this;
  }

  std::optional<Reply> reply;
  bool failed = false;  // counts against smtpd_hard_error_limit
};

enum CommandFlags : unsigned {
  kJunk = 1,         // too many of them are errors (smtpd_junk_command_limit)
  kBeforeTls = 2,    // allowed before STARTTLS where TLS is required
  kLastInGroup = 4,  // must be the last command of a pipelined group (RFC 2920 3.1)
};

struct Command {
  std::string_view name;   // "EHLO"
  std::string_view label;  // "ehlo", in the disconnect line
  Task<Answer> (*run)(Session&, std::string_view arguments);
  unsigned flags = 0;
};
extern const Command commands[kCommandCount];

Task<Answer> cmd_helo(Session& s, std::string_view arguments);
Task<Answer> cmd_ehlo(Session& s, std::string_view arguments);
Task<Answer> cmd_xclient(Session& s, std::string_view arguments);
Task<Answer> cmd_xforward(Session& s, std::string_view arguments);
Task<Answer> cmd_starttls(Session& s, std::string_view arguments);
Task<Answer> cmd_auth(Session& s, std::string_view arguments);
Task<Answer> cmd_mail(Session& s, std::string_view arguments);
Task<Answer> cmd_rcpt(Session& s, std::string_view arguments);
Task<Answer> cmd_data(Session& s, std::string_view arguments);
Task<Answer> cmd_bdat(Session& s, std::string_view arguments);
Task<Answer> cmd_rset(Session& s, std::string_view arguments);
Task<Answer> cmd_noop(Session& s, std::string_view arguments);
Task<Answer> cmd_vrfy(Session& s, std::string_view arguments);
Task<Answer> cmd_etrn(Session& s, std::string_view arguments);
Task<Answer> cmd_quit(Session& s, std::string_view arguments);

}  // namespace dovetail::mta::smtpd
