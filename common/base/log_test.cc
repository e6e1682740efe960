// SPDX-License-Identifier: Apache-2.0
#include "common/base/log.h"

#include <unistd.h>

#include "common/base/file.h"
#include "tests/catch.h"

namespace dovetail::base {

static std::string logged(LogStyle style, std::string_view name, Level level,
                          std::string_view text) {
  char path[] = "/tmp/dovetail-log-XXXXXX";
  Fd made(mkstemp(path));
  LogTarget target;
  target.style = style;
  target.to_stderr = false;
  target.file = path;
  target.timestamp = style == LogStyle::postfix ? "STAMP" : "STAMP ";
  open_log(target);
  Logger(name).write(level, text);
  open_log(LogTarget{});
  auto line = read_file(path);
  unlink(path);
  return line ? *line : line.error().text;
}

TEST_CASE("Postfix's frame: stamp, host, tag, pid, level, text") {
  auto line = logged(LogStyle::postfix, "postfix/smtpd", Level::warning, "odd\tbyte");
  CHECK(line.find("STAMP ") == 0);
  CHECK(line.find(fmt::format(" postfix/smtpd[{}]: warning: odd?byte\n", getpid())) != line.npos);
}

TEST_CASE("Dovecot's frame: stamp, prefix, level word, text") {
  CHECK(logged(LogStyle::dovecot, "imap-login", Level::info, "Login: user=<a>") ==
        "STAMP imap-login: Info: Login: user=<a>\n");
}

}  // namespace dovetail::base
