// The log: one target per process, many contexts. A line's text is an interface (pflogsumm,
// fail2ban read it); the words of the incumbents' lines live in each program's log.cc, here is only
// the frame around them.
//
// Postfix frame: syslog "TAG[PID]: [warning: |error: |fatal: |panic: ]TEXT", files "Mon dd hh:mm:ss
// HOST TAG[PID]: ...", commands "NAME: [warning: ...]TEXT" on stderr. Dovecot frame: syslog ident
// "dovecot", text "NAME: Info: TEXT"; files "Mon dd hh:mm:ss NAME: Info: TEXT"; commands "NAME:
// Info: TEXT" (reference card g, i).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <syslog.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/text.h"

namespace dovetail::base {

enum class Level { debug, info, warning, error, fatal, panic };
enum class LogStyle { postfix, dovecot };

struct LogTarget {
  LogStyle style = LogStyle::postfix;
  bool to_stderr = true;
  bool to_syslog = false;
  int facility = LOG_MAIL;
  std::string syslog_socket = "/dev/log";
  std::string file;                          // maillog_file, log_path; empty: none
  std::string timestamp = "%b %e %H:%M:%S";  // in files; Dovecot's log_timestamp has %d
  std::string ident = "dovecot";             // Dovecot's syslog ident; Postfix uses the tag
  std::string tag_prefix;  // Postfix commands: "postfix/" in front of the tag, not on stderr
  bool debug = false;      // whether debug lines are written
};

// Opens the target; called before rights are dropped, since socket and file stay open. Lines that
// cannot be written (no syslog daemon, disk full) are dropped: logging never stops mail.
void open_log(const LogTarget& target);
const LogTarget& log_target();
// Tests: every line goes to this function instead. An empty function ends that.
void capture_log(std::function<void(Level, std::string_view name, std::string_view text)> sink);

// Writes lines in the name of one service ("postfix/smtpd", "imap-login", "imap(frank)<12><Ab3>").
// Cheap to copy.
class Logger {
 public:
  explicit Logger(std::string_view name) : name_(std::make_shared<const std::string>(name)) {}

  template <class... A>
  void debug(FormatString<A...> text, A&&... args) const {
    if (log_target().debug) write(Level::debug, fmt::format(text, std::forward<A>(args)...));
  }
  template <class... A>
  void info(FormatString<A...> text, A&&... args) const {
    write(Level::info, fmt::format(text, std::forward<A>(args)...));
  }
  template <class... A>
  void warning(FormatString<A...> text, A&&... args) const {
    write(Level::warning, fmt::format(text, std::forward<A>(args)...));
  }
  template <class... A>
  void error(FormatString<A...> text, A&&... args) const {
    write(Level::error, fmt::format(text, std::forward<A>(args)...));
  }
  // Writes the line only; ending the program is the caller's next statement.
  template <class... A>
  void fatal(FormatString<A...> text, A&&... args) const {
    write(Level::fatal, fmt::format(text, std::forward<A>(args)...));
  }
  void write(Level level, std::string_view text) const;
  const std::string& name() const { return *name_; }

 private:
  std::shared_ptr<const std::string> name_;
};

// A broken invariant of the whole process: logs and aborts.
[[noreturn]] void panic(const Logger& log, std::string_view text);

}  // namespace dovetail::base

namespace dovetail {
using base::Level;
using base::Logger;
}  // namespace dovetail
