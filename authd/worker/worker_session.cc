// SPDX-License-Identifier: Apache-2.0
#include "authd/worker/worker_session.h"

#include <unistd.h>

#include "common/base/text.h"
#include "common/net/conn.h"
#include "common/net/fd_pass.h"

namespace dovetail::authd {

DriverAnswer answer_question(const AuthSettings& settings, const WorkerQuestion& question) {
  if (question.command == "VERIFY" && question.driver == "pam") return ask_pam(question);
  if (question.command == "PASS" && question.driver == "shadow") return ask_shadow(question);
  if (question.command == "PASS" && question.driver == "passwd")
    return ask_passwd_password(question);
  if (question.command == "USER" && question.driver == "passwd") return ask_passwd_user(question);
  if (question.command == "LIST" && question.driver == "passwd") return list_passwd(settings);
  DriverAnswer answer;
  answer.lines.push_back(
      {true, format("BUG: cannot {} with {}", question.command, question.driver)});
  return answer;
}

net::Task<> serve_worker(net::Loop& loop, base::Fd fd, const AuthSettings& settings, Logger log) {
  net::Conn conn(loop, std::move(fd));
  const auto peer = net::peer_credentials(conn.fd());
  const std::string about =
      peer ? format("conn unix:auth-worker (pid={},uid={}): ", peer->pid, peer->uid) : "";
  conn.put(format("{}\n", kWorkerGreeting));
  for (unsigned number = 1;; ++number) {
    auto line = co_await conn.read_line(65536);
    auto question = parse_worker_question(line.text);
    if (!question || line.too_long) {
      log.error("{}BUG: broken request", about);
      co_return;
    }
    // A driver that hangs (a dead LDAP server behind PAM) cannot be called off in any other way.
    ::alarm(kWorkerSeconds);
    const auto answer = answer_question(settings, *question);
    ::alarm(0);
    for (const auto& said : answer.lines) {
      if (!said.error && !settings.verbose) continue;
      log.write(said.error ? Level::error : Level::info,
                format("{}auth-worker<{}>: {}: {}", about, number,
                       log_name(question->driver, question->request), said.text));
    }
    for (const auto& user : answer.users) conn.put(format("USER\t{}\n", proto::tab_escape(user)));
    conn.put(format("{}{}\n", answer.result, answer.fields.text()));
    co_await conn.flush();
  }
}

}  // namespace dovetail::authd
