// local(8): the ends of the way: a mailbox, a file, a command, each with its owner's rights.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/local/local.h"

namespace dovetail::mta {

namespace {

// Characters outside command_expansion_filter become '_': a shell will see these values.
std::string filtered_value(std::string_view value, std::string_view allowed) {
  std::string out(value);
  for (char& c : out) {
    if (!allowed.empty() && allowed.find(c) == allowed.npos) c = '_';
  }
  return out;
}

}  // namespace

std::unique_ptr<FormedMessage> LocalRole::message_for(Work& work, const Place& place,
                                                      MailHeaders headers, bool mbox) const {
  headers.return_path = headers.original_to = true;
  TextForm form;
  auto original = place.rcpt.orig_rcpt.empty() ? work.delivered : place.rcpt.orig_rcpt;
  form.before = lines_before(headers, place.sender, original, base::lower(work.delivered), "\n");
  form.quote_from = mbox;
  if (mbox) form.after = "\n";
  return std::make_unique<FormedMessage>(work.delivery.fd(), work.delivery.size(), std::move(form));
}

std::vector<std::string> LocalRole::environment(const Work& work, const Place& place,
                                                const SystemUser& user) const {
  auto env = workshop().command_environment();
  auto name = split(place.rcpt.address);
  auto& client = work.delivery.request().envelope.log_client;
  auto& envelope = work.delivery.request().envelope;
  auto original = place.rcpt.orig_rcpt.empty() ? work.delivered : place.rcpt.orig_rcpt;
  // clang-format off
  const std::pair<std::string_view, std::string_view> trusted[] = {
      {"HOME", user.home}, {"LOGNAME", user.name}, {"USER", user.name}, {"SHELL", user.shell},
      {"MAIL_CONFIG", context_->main_cf->config_directory()},
  };
  const std::pair<std::string_view, std::string_view> foreign[] = {
      {"SENDER", place.sender},          {"RECIPIENT", place.rcpt.address},   {"LOCAL", name.local},
      {"EXTENSION", name.extension},     {"DOMAIN", name.domain},             {"ORIGINAL_RECIPIENT", original},
      {"CLIENT_ADDRESS", client.address}, {"CLIENT_HELO", client.helo},       {"CLIENT_HOSTNAME", client.name},
      {"CLIENT_PROTOCOL", client.protocol}, {"SASL_METHOD", envelope.sasl_method},
      {"SASL_SENDER", envelope.sasl_sender}, {"SASL_USERNAME", envelope.sasl_username},
  };
  // clang-format on
  for (auto& [key, value] : trusted) env.push_back(format("{}={}", key, value));
  for (auto& [key, value] : foreign) {
    if (value.empty() && key != "SENDER" && key != "EXTENSION") continue;
    env.push_back(
        format("{}={}", key, filtered_value(value, parameters_.command_expansion_filter)));
  }
  return env;
}

Task<> LocalRole::deliver_command(Work& work, const Place& place, const SystemUser& user,
                                  std::string command) {
  if (work.delivery.is_probe()) {
    co_await end(work, place, "2.0.0", "delivers to command: " + command);
    co_return;
  }
  Job job;
  job.kind = Job::Kind::command;
  job.command = command;
  job.shell = parameters_.local_command_shell;
  // Nobody's mail runs a command as root: root's own neither.
  auto& runner = user.uid == 0 ? default_user_ : user;
  job.environment = environment(work, place, runner);
  auto name = split(place.rcpt.address);
  job.directory = expand_text(parameters_.command_execution_directory, place, name, &user,
                              parameters_.execution_directory_expansion_filter);
  if (job.directory.empty()) job.directory = context_->main_cf->get("queue_directory");
  job.time_limit = parameters_.command_time_limit.count();
  MailHeaders headers;
  headers.from_line = true;
  headers.delivered_to = has_word(parameters_.prepend_delivered_header, "command");
  auto message = message_for(work, place, headers, false);
  DeliveryRights rights{runner.uid, runner.gid};
  auto result = co_await workshop().run(rights, job, std::move(message), &disk());
  auto outcome = outcome_of(result, "local", "delivered to command: " + command);
  co_await end(work, place, std::move(outcome));
}

Task<> LocalRole::deliver_file(Work& work, const Place& place, const SystemUser& user,
                               std::string path) {
  std::string said = path.ends_with('/') ? "maildir" : "file: " + path;
  co_await deliver_to_path(work, place, user, path, false, said);
}

// An mbox, or a Maildir where the path ends in '/'.
Task<> LocalRole::deliver_to_path(Work& work, const Place& place, const SystemUser& user,
                                  std::string path, bool in_spool, std::string said) {
  if (work.delivery.is_probe()) {
    co_await end(work, place, "2.0.0", "delivers to " + said);
    co_return;
  }
  bool maildir = path.ends_with('/');
  auto job = workshop().mailbox_job("mailbox_delivery_lock", parameters_.mailbox_size_limit);
  if (!job) {
    co_await end(work, place, "4.3.5", "mail system configuration error");
    co_return;
  }
  job->kind = maildir ? Job::Kind::maildir : Job::Kind::mbox;
  job->path = path;
  job->in_spool = in_spool && !maildir;
  job->lock_file_optional = !in_spool || user.uid == 0;
  MailHeaders headers;
  headers.from_line = !maildir;
  bool to_file = said.starts_with("file");
  headers.delivered_to = !to_file || has_word(parameters_.prepend_delivered_header, "file");
  auto message = message_for(work, place, headers, !maildir);
  DeliveryRights rights{user.uid, user.gid, in_spool, in_spool ? user.name : ""};
  auto result = co_await workshop().run(rights, *job, std::move(message), &disk());
  auto outcome = outcome_of(result, "local", "delivered to " + said);
  if (!result.done && !result.failure.status.starts_with("5.7")) {
    auto words = maildir   ? std::string("maildir delivery failed: ")
                 : to_file ? format("cannot append message to file {}: ", path)
                           : format("cannot update mailbox {} for user {}. ", path, user.name);
    outcome.dsn.text = words + outcome.dsn.text;
  }
  co_await end(work, place, std::move(outcome));
}

}  // namespace dovetail::mta
