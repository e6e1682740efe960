// SPDX-License-Identifier: Apache-2.0
#include "authd/worker/worker_protocol.h"

#include "common/base/text.h"

namespace dovetail::authd {

std::string worker_question_line(std::string_view command, std::string_view driver,
                                 std::string_view args, const Request& request) {
  proto::AuthFields fields;
  auto add = [&fields](std::string_view name, const std::string& value) {
    if (!value.empty()) fields.add(std::string(name), value);
  };
  add("service", request.service);
  add("session", request.session);
  add("lip", request.local_ip);
  add("rip", request.remote_ip);
  add("lport", request.local_port);
  add("rport", request.remote_port);
  if (request.requested_login_user) add("login_user", *request.requested_login_user);
  std::string line = format("{}\t{}\t{}\t{}{}", command, driver, proto::tab_escape(args),
                            proto::tab_escape(request.user.value_or("")), fields.text());
  if (command == "VERIFY") line += "\tpassword=" + proto::tab_escape(request.password.reveal());
  line += '\n';
  return line;
}

std::optional<WorkerQuestion> parse_worker_question(std::string_view line) {
  const auto words = base::split(line, '\t');
  if (words.size() < 4) return std::nullopt;
  WorkerQuestion question;
  question.command = words[0];
  question.driver = words[1];
  question.args = proto::tab_unescape(words[2]);
  question.request.user = proto::tab_unescape(words[3]);
  for (const auto& field : proto::AuthFields::parse(words, 4)) {
    if (field.name == "password")
      question.request.password = Secret(field.value);
    else if (field.name == "login_user")
      question.request.requested_login_user = field.value;
    else
      import_request_field(question.request, field.name, field.value);
  }
  return question;
}

}  // namespace dovetail::authd
