// SPDX-License-Identifier: Apache-2.0
#include "mta/local/exit_status.h"

#include <sys/wait.h>
#include <sysexits.h>

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

struct ExitMeaning {
  int status;
  std::string_view dsn, text;
};
// clang-format off
constexpr ExitMeaning kExitMeanings[] = {
    {EX_USAGE,       "5.3.0", "command line usage error"},
    {EX_DATAERR,     "5.6.0", "data format error"},
    {EX_NOINPUT,     "5.3.0", "cannot open input"},
    {EX_NOUSER,      "5.1.1", "user unknown"},
    {EX_NOHOST,      "5.1.2", "host name unknown"},
    {EX_UNAVAILABLE, "5.3.0", "service unavailable"},
    {EX_SOFTWARE,    "5.3.0", "internal software error"},
    {EX_OSERR,       "4.3.0", "system resource problem"},
    {EX_OSFILE,      "5.3.0", "critical OS file missing"},
    {EX_CANTCREAT,   "5.2.0", "can't create user output file"},
    {EX_IOERR,       "5.3.0", "input/output error"},
    {EX_TEMPFAIL,    "4.3.0", "temporary failure"},
    {EX_PROTOCOL,    "5.5.0", "remote error in protocol"},
    {EX_NOPERM,      "5.7.0", "permission denied"},
    {EX_CONFIG,      "5.3.5", "local configuration error"},
};
// clang-format on

// Words that a shell does itself or that begin its language.
constexpr std::string_view kShellWords[] = {
    ".",       ":",        "!",     "alias", "bg",   "break",    "case",   "cd",
    "command", "continue", "eval",  "exec",  "exit", "export",   "fg",     "for",
    "getopts", "hash",     "if",    "jobs",  "read", "readonly", "return", "set",
    "shift",   "test",     "times", "trap",  "type", "ulimit",   "umask",  "unalias",
    "unset",   "until",    "wait",  "while", "{",
};

std::string with_output(std::string_view output) {
  return output.empty() ? "" : format(". Command output: {}", output);
}

}  // namespace

std::optional<mail::DsnText> judge_exit(int wait_status, std::string_view command,
                                        std::string_view output) {
  if (WIFSIGNALED(wait_status)) {
    return mail::DsnText{"4.3.0", format("Command died with signal {}: \"{}\"{}",
                                         WTERMSIG(wait_status), command, with_output(output))};
  }
  int status = WEXITSTATUS(wait_status);
  if (status == 0) return std::nullopt;
  // The command's own word; a success code from a command that failed is no word.
  if (mail::dsn_length(output) > 0 && output[0] != '2') return mail::split_dsn(output, "5.3.0");
  for (auto& row : kExitMeanings) {
    if (row.status == status)
      return mail::DsnText{std::string(row.dsn), std::string(row.text) + with_output(output)};
  }
  return mail::DsnText{"5.3.0", format("Command died with status {}: \"{}\"{}", status, command,
                                       with_output(output))};
}

mail::DsnText time_limit_exceeded(std::string_view command, std::string_view output) {
  return {"4.3.0", format("Command time limit exceeded: \"{}\"{}", command, with_output(output))};
}

std::string show_output(std::string_view output) {
  std::string shown(output);
  for (char& c : shown) {
    if (c == '\n')
      c = ' ';
    else if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 127)
      c = '_';
  }
  return shown;
}

bool needs_shell(std::string_view command) {
  constexpr std::string_view kPlain = "!@%-_=+:,./ \t\r\n";
  for (char c : command) {
    if (!base::is_alnum(c) && kPlain.find(c) == kPlain.npos) return true;
  }
  auto words = base::words(command);
  if (words.empty() || words.front().find('=') != std::string_view::npos) return true;
  for (auto word : kShellWords) {
    if (words.front() == word) return true;
  }
  return false;
}

}  // namespace dovetail::mta
