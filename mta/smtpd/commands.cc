// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/commands.h"

namespace dovetail::mta::smtpd {

// clang-format off
const Command commands[kCommandCount] = {
    // in the order of the disconnect line
    {"HELO",     "helo",     cmd_helo,     kJunk | kBeforeTls | kLastInGroup},
    {"EHLO",     "ehlo",     cmd_ehlo,     kJunk | kBeforeTls | kLastInGroup},
    {"XCLIENT",  "xclient",  cmd_xclient,  kBeforeTls},
    {"XFORWARD", "xforward", cmd_xforward, 0},
    {"STARTTLS", "starttls", cmd_starttls, kBeforeTls},
    {"AUTH",     "auth",     cmd_auth,     0},
    {"MAIL",     "mail",     cmd_mail,     0},
    {"RCPT",     "rcpt",     cmd_rcpt,     0},
    {"DATA",     "data",     cmd_data,     kLastInGroup},
    {"BDAT",     "bdat",     cmd_bdat,     0},
    {"RSET",     "rset",     cmd_rset,     kJunk},
    {"NOOP",     "noop",     cmd_noop,     kJunk | kBeforeTls | kLastInGroup},
    {"VRFY",     "vrfy",     cmd_vrfy,     kJunk | kLastInGroup},
    {"ETRN",     "etrn",     cmd_etrn,     kJunk},
    {"QUIT",     "quit",     cmd_quit,     kBeforeTls},
};
// clang-format on

}  // namespace dovetail::mta::smtpd
