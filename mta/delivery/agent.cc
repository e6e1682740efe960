// SPDX-License-Identifier: Apache-2.0
#include "mta/delivery/agent.h"

#include <fcntl.h>

#include <algorithm>
#include <cmath>

#include "common/base/lock.h"
#include "common/base/text.h"
#include "conf/bind.h"

namespace dovetail::mta {

namespace {

// Room for qmgr_message_recipient_limit recipients in one request.
constexpr size_t kRequestLimit = size_t{64} << 20;

constexpr conf::Bind<AgentParameters> kAgentBindings[] = {
    {"soft_bounce", &AgentParameters::soft_bounce},
    {"delay_logging_resolution_limit", &AgentParameters::delay_logging_resolution_limit},
    {"hash_queue_names", &AgentParameters::hash_queue_names},
    {"hash_queue_depth", &AgentParameters::hash_queue_depth},
};

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

Task<> Delivery::finish(size_t recipient, Outcome outcome) {
  if (ended_[recipient]) co_return;
  ended_[recipient] = true;
  auto& rcpt = request_.envelope.recipients[recipient];
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
  auto parameters = conf::read(*context.main_cf, kAgentBindings);
  if (!parameters) return parameters.error();
  parameters_ = *parameters;
  directories_ = std::make_unique<QueueDirectories>("", parameters_.hash_queue_names, parameters_.hash_queue_depth);
  disk_ = std::make_unique<net::Pool>(context.loop, 4);
  records_ = std::make_unique<net::Batch<Delivery::Recording>>(context.loop, *disk_, Delivery::record_all);
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
