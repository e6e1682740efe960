// SPDX-License-Identifier: Apache-2.0
#include "mta/delivery/agent.h"

#include <fcntl.h>

#include <algorithm>
#include <cmath>

#include "common/base/lock.h"
#include "common/base/text.h"
#include "conf/bind.h"
#include "conf/postfix/common_parameters.h"
#include "mta/verify/verify_client.h"

namespace dovetail::mta {

namespace {

// Room for qmgr_message_recipient_limit recipients in one request.
constexpr size_t kRequestLimit = size_t{64} << 20;

constexpr conf::Bind<AgentParameters> kAgentBindings[] = {
    {"soft_bounce", &AgentParameters::soft_bounce},
    {"delay_logging_resolution_limit", &AgentParameters::delay_logging_resolution_limit},
    {"hash_queue_names", &AgentParameters::hash_queue_names},
    {"hash_queue_depth", &AgentParameters::hash_queue_depth},
    {"address_verify_service_name", &AgentParameters::address_verify_service_name},
};
constexpr std::string_view kFilterSuffix = "_delivery_status_filter";
constexpr std::string_view kStatusFilters[] = {"smtp_delivery_status_filter",    "lmtp_delivery_status_filter",
                                               "local_delivery_status_filter",   "pipe_delivery_status_filter",
                                               "virtual_delivery_status_filter"};

std::string_view status_word(Status status) {
  return status == Status::sent ? "sent" : status == Status::deferred ? "deferred" : "bounced";
}

double between(const base::Wall& from, const base::Wall& to) { return std::max(to.as_double() - from.as_double(), 0.0); }

}  // namespace

// Two significant digits: 0.05, 0.12, 1.2, 12; nothing finer than the resolution.
std::string format_delay(double seconds, int resolution) {
  double finest = std::pow(10.0, -resolution);
  if (seconds < finest / 2) return "0";
  int digits = seconds >= 9.5 ? 0 : seconds >= 0.995 ? 1 : 2;
  if (seconds < 0.0995) digits = 3;
  digits = std::min(digits, resolution);
  auto text = format("{:.{}f}", seconds, digits);
  if (text.find('.') != text.npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

Delivery::Delivery(service::Context& context, net::Pool& disk, net::Batch<Recording>& records,
                   const QueueDirectories& directories, const AgentParameters& parameters, Conn& qmgr, DeliveryRequest request)
    : context_(context),
      disk_(disk),
      records_(records),
      directories_(directories),
      parameters_(parameters),
      qmgr_(qmgr),
      request_(std::move(request)),
      ended_(request_.envelope.recipients.size()) {}

SizeRecord Delivery::size() const {
  SizeRecord size;
  size.data_offset = request_.data_offset;
  size.content_size = request_.content_size;
  size.message_size = request_.message_size;
  return size;
}

// Opened for writing too: recipients are marked done in it. The shared lock tells qmgr that somebody delivers.
Result<void> Delivery::open_file() {
  auto fd = directories_.open(request_.queue, request_.queue_id, O_RDWR);
  if (!fd) return fd.error();
  if (!*fd) return temporary(format("{}/{}: no such queue file", request_.queue, request_.queue_id));
  auto locked = base::try_flock((*fd)->get(), base::LockKind::shared);
  if (!locked) return locked.error();
  if (!*locked) return temporary("queue file is locked");
  file_ = std::move(**fd);
  return {};
}

Result<void> Delivery::write_entry(const mail::Recipient& rcpt, const Outcome& outcome) const {
  std::string_view log = outcome.status == Status::bounced ? "bounce" : outcome.status == Status::deferred ? "defer" : "trace";
  bool traced = !outcome.trace_action.empty() && (rcpt.dsn_notify & mail::kNotifySuccess);
  traced |= (request_.envelope.trace_flags & (kTraceRecord | kTraceExpand)) != 0;
  if (outcome.status == Status::sent && !traced) return {};
  BounceEntry entry;
  entry.recipient = rcpt.address;
  entry.original_recipient = rcpt.orig_rcpt;
  entry.offset = rcpt.offset;
  entry.dsn_orig_rcpt = rcpt.dsn_orcpt;
  entry.notify_flags = rcpt.dsn_notify;
  entry.status = outcome.dsn.status;
  entry.action = outcome.status == Status::bounced    ? "failed"
                 : outcome.status == Status::deferred ? "delayed"
                                                      : (outcome.trace_action.empty() ? "relayed" : outcome.trace_action);
  entry.diag_type = outcome.diag_type;
  entry.diag_text = outcome.diag_text;
  entry.mta_type = outcome.mta_type;
  entry.mta_mname = outcome.mta_mname;
  entry.reason = outcome.dsn.text;
  auto written = append_bounce_entry(directories_, log, request_.queue_id, entry);
  // A defer log is only a memory of reasons: the recipient stays in the queue without it.
  if (!written && outcome.status == Status::deferred) return {};
  return written;
}

void Delivery::log_outcome(const mail::Recipient& rcpt, const Outcome& outcome, bool soft) const {
  auto now = base::wall_now();
  auto connected = outcome.connected.value_or(now);
  auto delay = [&](double seconds) { return format_delay(seconds, parameters_.delay_logging_resolution_limit); };
  std::string line = format("{}: to=<{}>", request_.queue_id, rcpt.address);
  if (!rcpt.orig_rcpt.empty() && rcpt.orig_rcpt != rcpt.address) line += format(", orig_to=<{}>", rcpt.orig_rcpt);
  line += format(", relay={}", outcome.relay);
  if (outcome.connection_use > 1) line += format(", conn_use={}", outcome.connection_use);
  line += format(", delay={}", delay(between(request_.envelope.arrival, now)));
  line += format(", delays={}/{}/{}/{}", delay(between(request_.envelope.arrival, request_.active_arrival)),
                 delay(between(request_.active_arrival, request_.handoff)), delay(between(request_.handoff, connected)),
                 delay(between(connected, now)));
  auto word = is_probe() ? (outcome.status == Status::sent ? "deliverable" : "undeliverable") : status_word(outcome.status);
  line += format(", dsn={}, status={} ({})", outcome.dsn.status, soft ? "SOFTBOUNCE" : word, outcome.dsn.text);
  context_.log.info("{}", line);
}

std::optional<mail::DsnText> filtered_status(const mail::DsnText& said, std::string_view found, std::string& why) {
  auto length = mail::dsn_length(found);
  if (length == 0) {
    why = format("bad status code: {}", found);
    return std::nullopt;
  }
  if ((found[0] == '2') != said.status.starts_with("2")) {
    why = format("bad status code: {} (success and failure cannot be exchanged)", found);
    return std::nullopt;
  }
  return mail::DsnText{std::string(found.substr(0, length)), std::string(base::trim(found.substr(length)))};
}

Task<> Delivery::filter_status(Outcome& outcome) const {
  auto& filter = parameters_.status_filter;
  if (filter.empty()) co_return;
  auto key = format("{} {}", outcome.dsn.status, outcome.dsn.text);
  auto found = co_await filter.lookup(key);
  if (!found || !*found) co_return;  // an error is logged; the status is true as it is
  std::string why;
  auto other = filtered_status(outcome.dsn, **found, why);
  if (!other) {
    context_.log.warning("{}: {}", filter.title(), why);
    co_return;
  }
  outcome.dsn = std::move(*other);
  if (outcome.status != Status::sent) {
    outcome.status = outcome.dsn.status.starts_with("5") ? Status::bounced : Status::deferred;
  }
}

Task<> Delivery::finish_probe(size_t recipient, Outcome outcome) {
  auto& rcpt = request_.envelope.recipients[recipient];
  AddressVerdict verdict;
  verdict.status = outcome.status == Status::sent       ? AddressStatus::ok
                   : outcome.status == Status::deferred ? AddressStatus::deferred
                                                        : AddressStatus::bounced;
  verdict.text = outcome.dsn.text;
  // Under the name that was asked for, and under the one it came to.
  auto& asked = rcpt.orig_rcpt.empty() ? rcpt.address : rcpt.orig_rcpt;
  auto told = co_await tell_verify(context_.loop, parameters_.address_verify_service_name, asked, verdict);
  if (told && asked != rcpt.address) {
    told = co_await tell_verify(context_.loop, parameters_.address_verify_service_name, rcpt.address, verdict);
  }
  if (!told) context_.log.warning("{}: {}", request_.queue_id, told.error().text);
  int fd = file_.get();
  off_t offset = rcpt.offset;
  auto job = [fd, offset] { return mark_done(fd, offset); };
  auto done = co_await disk_.run(job);
  if (!done) context_.log.warning("{}: {}", request_.queue_id, done.error().text);
  log_outcome(rcpt, outcome, false);
  put_attributes(qmgr_, RecipientReport{offset, Status::sent}.encode());
  co_await qmgr_.flush_above(0);
}

Task<> Delivery::finish(size_t recipient, Outcome outcome) {
  if (ended_[recipient]) co_return;
  ended_[recipient] = true;
  if (is_verify_probe()) {
    co_await finish_probe(recipient, std::move(outcome));
    co_return;
  }
  auto& rcpt = request_.envelope.recipients[recipient];
  co_await filter_status(outcome);
  bool soft = parameters_.soft_bounce && outcome.status == Status::bounced;
  if (soft) {
    outcome.status = Status::deferred;
    outcome.dsn.status = mail::with_dsn_class(outcome.dsn.status, '4');
  }
  Recording recording{*this, rcpt, outcome};
  co_await records_.run(recording);
  if (!recording.done) {
    // Without the record the recipient is tried again: a second copy is better than none.
    context_.log.warning("{}: {}: {}", request_.queue_id, rcpt.address, recording.done.error().text);
    outcome.status = Status::deferred;
  }
  log_outcome(rcpt, outcome, soft);
  put_attributes(qmgr_, RecipientReport{rcpt.offset, outcome.status}.encode());
  // The last report goes with the end of the delivery, which follows at once.
  bool more = std::find(ended_.begin(), ended_.end(), false) != ended_.end();
  if (more) co_await qmgr_.flush_above(0);
}

void Delivery::record_all(const std::vector<Recording*>& recordings) {
  for (auto* recording : recordings) {
    auto& delivery = recording->delivery;
    recording->done = delivery.write_entry(recording->rcpt, recording->outcome);
    bool mark = recording->done && recording->outcome.status != Status::deferred;
    if (mark) recording->done = mark_done(delivery.fd(), recording->rcpt.offset);
  }
}

Task<Status> Delivery::record(mail::Recipient as, Outcome outcome) {
  if (is_verify_probe()) {
    probe_outcome_ = std::move(outcome);
    co_return probe_outcome_->status;
  }
  co_await filter_status(outcome);
  bool soft = parameters_.soft_bounce && outcome.status == Status::bounced;
  if (soft) {
    outcome.status = Status::deferred;
    outcome.dsn.status = mail::with_dsn_class(outcome.dsn.status, '4');
  }
  auto job = [this, &as, &outcome] { return write_entry(as, outcome); };
  auto written = co_await disk_.run(job);
  if (!written) {
    context_.log.warning("{}: {}: {}", request_.queue_id, as.address, written.error().text);
    outcome.status = Status::deferred;
  }
  log_outcome(as, outcome, soft);
  co_return outcome.status;
}

Task<> Delivery::close(size_t recipient, Status status, bool marked) {
  if (ended_[recipient]) co_return;
  if (is_verify_probe() && probe_outcome_) {
    auto outcome = *std::exchange(probe_outcome_, std::nullopt);
    outcome.status = status;
    co_await finish(recipient, std::move(outcome));
    co_return;
  }
  ended_[recipient] = true;
  off_t offset = request_.envelope.recipients[recipient].offset;
  int fd = file_.get();
  auto job = [fd, offset] { return mark_done(fd, offset); };
  if (status != Status::deferred && !marked) {
    auto done = co_await disk_.run(job);
    if (!done) {
      context_.log.warning("{}: {}", request_.queue_id, done.error().text);
      status = Status::deferred;
    }
  }
  put_attributes(qmgr_, RecipientReport{offset, status}.encode());
  co_await qmgr_.flush_above(0);
}

Task<> Delivery::finish_all(Outcome outcome) {
  for (size_t i = 0; i < ended_.size(); ++i) {
    if (!ended_[i]) co_await finish(i, outcome);
  }
}

// --- the role

Result<void> AgentRole::prepare(service::Context& context) {
  auto& cf = *context.main_cf;
  auto parameters = conf::read(cf, kAgentBindings);
  if (!parameters) return parameters.error();
  parameters_ = std::move(*parameters);
  auto filter = std::find(std::begin(kStatusFilters), std::end(kStatusFilters), context.program + std::string(kFilterSuffix));
  std::string name(filter == std::end(kStatusFilters) ? "default_delivery_status_filter" : *filter);
  auto opened = lookup::Maps::open(context.loop, cf, name, cf.get(name), lookup::OpenOptions{context.log});
  if (!opened) return opened.error();
  parameters_.status_filter = std::move(*opened);
  directories_ = std::make_unique<QueueDirectories>("", parameters_.hash_queue_names, parameters_.hash_queue_depth);
  disk_ = std::make_unique<net::Pool>(context.loop, 4);
  records_ = std::make_unique<net::Batch<Delivery::Recording>>(context.loop, *disk_, Delivery::record_all);
  not_obeyed_ = conf::parameters_that_hold_mail(*context.main_cf, context.program, context.log);
  return prepare_agent(context);
}

void AgentRole::start(service::Context&) {}

Task<> AgentRole::serve(service::Context& context, service::Client client) {
  Conn qmgr(context.loop, std::move(client.fd));
  for (;;) {
    auto list = co_await proto::read_attributes(qmgr, kRequestLimit);
    if (!list) {
      context.log.warning("bad delivery request: {}", list.error().text);
      co_return;
    }
    auto request = DeliveryRequest::decode(*list);
    if (!request) {
      context.log.warning("bad delivery request: {}", request.error().text);
      co_return;
    }
    co_await carry_out(context, qmgr, std::move(*request));
  }
}

Task<> AgentRole::carry_out(service::Context& context, Conn& qmgr, DeliveryRequest request) {
  Delivery delivery(context, *disk_, *records_, *directories_, parameters_, qmgr, std::move(request));
  auto opened = delivery.open_file();
  if (!opened) {
    context.log.warning("{}: {}", delivery.request().queue_id, opened.error().text);
  } else if (!not_obeyed_.empty()) {
    Outcome waits;
    waits.dsn = {"4.3.5", format("{} is not supported yet", not_obeyed_.front())};
    co_await delivery.finish_all(waits);
  } else {
    co_await deliver(context, delivery);
    Outcome left;
    left.dsn = {"4.3.0", "delivery agent left this recipient undone"};
    co_await delivery.finish_all(left);
  }
  proto::put_attributes(qmgr, delivery.done_.encode());
  co_await qmgr.flush();
}

}  // namespace dovetail::mta
