// SPDX-License-Identifier: Apache-2.0
#include "mta/local/pipe.h"

#include "common/base/text.h"
#include "common/service/confine.h"
#include "conf/bind.h"

namespace dovetail::mta {

Result<DeliveryRights> command_rights(const std::string& user, const std::string& group) {
  auto found = service::find_user(user);
  if (!found) return config_error("unknown username: " + user);
  DeliveryRights rights;
  rights.uid = found->uid;
  rights.gid = found->gid;
  if (!group.empty()) {
    auto gid = service::find_group(group);
    if (!gid) return config_error("unknown group: " + group);
    rights.gid = *gid;
  }
  if (rights.uid == 0)
    return config_error("user= command-line attribute specifies root privileges");
  if (rights.gid == 0)
    return config_error("user= command-line attribute specifies privileged group id");
  return rights;
}

Result<void> PipeRole::prepare_agent(service::Context& context) {
  auto service = parse_pipe_service(context.arguments);
  if (!service) return service.error();
  service_ = std::move(*service);
  auto rights = command_rights(service_.user, service_.group);
  if (!rights) return rights.error();
  rights_ = *rights;
  auto allowed = workshop().check(rights_);
  if (!allowed) return allowed.error();
  auto& cf = *context.main_cf;
  recipient_delimiter_ = cf.get("recipient_delimiter");
  auto limit = conf::read_time(cf, context.service + "_time_limit");
  if (!limit) limit = conf::read_time(cf, "command_time_limit");
  if (!limit) return limit.error();
  time_limit_ = limit->count();
  if (service_.has('D') && cf.get(context.service + "_destination_recipient_limit") != "1") {
    return config_error(
        format("flag `D' requires {}_destination_recipient_limit = 1", context.service));
  }
  return {};
}

TextForm PipeRole::text_form(const Delivery& delivery) const {
  TextForm form;
  MailHeaders which{service_.has('F'), service_.has('R'), service_.has('O'), service_.has('D')};
  auto& rcpt = delivery.recipients().front();
  auto original = rcpt.orig_rcpt.empty() ? rcpt.address : rcpt.orig_rcpt;
  form.before =
      lines_before(which, delivery.request().envelope.sender, original, rcpt.address, service_.eol);
  form.eol = service_.eol;
  form.quote_from = service_.has('>');
  form.dot_stuff = service_.has('.');
  if (service_.has('B')) form.after = service_.eol;
  return form;
}

Task<> PipeRole::deliver(service::Context& context, Delivery& delivery) {
  auto& request = delivery.request();
  Outcome outcome;
  outcome.relay = context.service;
  if (service_.size_limit > 0 && request.content_size > service_.size_limit) {
    outcome.status = Status::bounced;
    outcome.dsn = {"5.2.3", format("message size {} exceeds size limit {} of transport {}",
                                   request.content_size, service_.size_limit, context.service)};
    co_await delivery.finish_all(outcome);
    co_return;
  }
  if (delivery.is_probe()) {
    outcome.status = Status::sent;
    outcome.dsn = {"2.0.0", format("delivers to command: {}", service_.argv[0])};
    co_await delivery.finish_all(outcome);
    co_return;
  }
  PipeRequest what{request.queue_id, request.nexthop, request.message_size, &request.envelope,
                   recipient_delimiter_};
  auto argv = expand_pipe_arguments(service_, what, delivery.recipients());
  if (!argv) {
    context.log.warning("{}", argv.error().text);
    outcome.dsn = {"4.3.5", "mail system configuration error"};
    co_await delivery.finish_all(outcome);
    co_return;
  }
  if (service_.has('D')) {
    // One recipient only (prepare_agent): his mark in the message means that it went in a circle.
    int fd = delivery.fd();
    auto size = delivery.size();
    auto look = [fd, size] { return delivered_addresses(fd, size); };
    auto before = co_await disk().run(look);
    auto& address = delivery.recipients().front().address;
    bool loop = before && before->contains(base::lower(address));
    if (!before) outcome.dsn = {"4.3.0", before.error().text};
    if (loop) outcome.dsn = {"5.4.6", "mail forwarding loop for " + address};
    if (loop) outcome.status = Status::bounced;
    if (!before || loop) {
      co_await delivery.finish_all(outcome);
      co_return;
    }
  }
  Job job;
  job.kind = Job::Kind::command;
  job.argv = std::move(*argv);
  job.environment = workshop().command_environment();
  job.directory =
      service_.directory.empty() ? context.main_cf->get("queue_directory") : service_.directory;
  job.time_limit = time_limit_;
  auto message =
      std::make_unique<FormedMessage>(delivery.fd(), delivery.size(), text_form(delivery));
  auto result = co_await workshop().run(rights_, job, std::move(message), &disk());
  auto said = format("delivered via {} service", context.service);
  if (!result.output.empty()) said += format(" ({})", base::printable(result.output));
  outcome = outcome_of(result, context.service, said);
  outcome.connected = request.handoff;
  // Whether this was the last stop is the administrator's to say (flag X).
  if (result.done && !service_.has('X')) outcome.trace_action = "relayed";
  co_await delivery.finish_all(outcome);
}

}  // namespace dovetail::mta
