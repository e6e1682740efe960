// RSET, NOOP and QUIT (RFC 5321 4.1.1.5, 4.1.1.9, 4.1.1.10): three lines each, one page for all.
// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/commands.h"

namespace dovetail::mta::smtpd {

Task<Answer> cmd_rset(Session& s, std::string_view arguments) {
  if (!arguments.empty()) co_return Reply{501, "5.5.4", "Syntax: RSET"};
  s.end_transaction();
  co_return Reply{250, "2.0.0", "Ok"};
}

Task<Answer> cmd_noop(Session&, std::string_view) {
  co_return Reply{250, "2.0.0", "Ok"};
}

Task<Answer> cmd_quit(Session& s, std::string_view) {
  s.hang_up();
  co_return Reply{221, "2.0.0", "Bye"};
}

}  // namespace dovetail::mta::smtpd
