// SPDX-License-Identifier: Apache-2.0
#include "mta/qmgr/qmgr.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"
#include "conf/postfix/common_parameters.h"
#include "mta/queue/bounce_log.h"
#include "mta/verify/verify_client.h"

namespace dovetail::mta {

using namespace std::chrono_literals;

namespace {

constexpr size_t kTakenTogether = 32;
// New mail is looked for at once, and then not more often than this: in a stream of messages each look finds several, which
// are taken up, resolved and given to the agents together.
constexpr base::Milliseconds kScanEvery{10};

}  // namespace

Result<void> QmgrRole::prepare(service::Context& context) {
  context_ = &context;
  auto parameters = read_qmgr_parameters(*context.main_cf);
  if (!parameters) return parameters.error();
  parameters_ = *parameters;
  not_obeyed_ = conf::parameters_that_hold_mail(*context.main_cf, "qmgr", context.log);
  directories_ = std::make_unique<QueueDirectories>("", parameters_.hash_queue_names, parameters_.hash_queue_depth);
  disk_ = std::make_unique<net::Pool>(context.loop, 4);
  auto end_all = [this](const std::vector<Ending*>& endings) {
    for (auto* ending : endings) end_message(*directories_, *ending);
  };
  endings_ = std::make_unique<net::Batch<Ending>>(context.loop, *disk_, end_all);
  rewrite_ = std::make_unique<RewriteClient>(context.loop, "private/" + parameters_.rewrite_service_name, context.log);
  auto defer_here = [this](std::shared_ptr<ActiveMessage> message, mail::Recipient rcpt, mail::DsnText reason) {
    return defer_recipient(std::move(message), std::move(rcpt), std::move(reason));
  };
  scheduler_ = std::make_unique<Scheduler>(context.loop, *context.main_cf, parameters_, context.log, defer_here);
  wake_ = std::make_unique<net::Event>(context.loop);
  room_ = std::make_unique<net::Event>(context.loop);
  return {};
}

void QmgrRole::start(service::Context& context) { net::spawn(run(), context.log); }

void QmgrRole::trigger(service::Context&, std::string_view bytes) {
  for (char byte : bytes) {
    switch (byte) {
      case 'W': wish_.incoming = wish_.deferred = true; break;
      case 'I': wish_.incoming = true; break;
      case 'D': wish_.deferred = true; break;
      case 'A': wish_.ignore_time = true; break;
      case 'F': scheduler_->revive_all(); break;
      default: break;
    }
  }
  wake_->set();
}

void QmgrRole::drain(service::Context&) {
  // Messages in active that are not being delivered are found there by the next queue manager.
  draining_ = true;
  wake_->set();
  room_->set_all();
}

// --- scans

Task<> QmgrRole::run() {
  // What an earlier queue manager left behind begins anew.
  auto left = [this] { return directories_->list("active"); };
  auto ids = co_await disk_->run(left);
  for (auto& id : ids ? *ids : std::vector<std::string>()) {
    auto moved = directories_->rename(id, "active", "incoming");
    if (!moved) context_->log.warning("{}: {}", id, moved.error().text);
  }
  wish_.incoming = wish_.deferred = true;
  base::Milliseconds scanned{};
  while (!draining_) {
    auto passed = base::monotonic_now() - scanned;
    if (passed < kScanEvery) co_await context_->loop.sleep(kScanEvery - passed);
    scanned = base::monotonic_now();
    auto wish = std::exchange(wish_, ScanWish());
    if (wish.incoming) co_await scan("incoming", false);
    if (wish.deferred) co_await scan("deferred", wish.ignore_time);
    if (wish_.incoming || wish_.deferred || draining_) continue;
    bool woken = co_await wake_->wait(parameters_.queue_run_delay);
    if (!woken) wish_.incoming = wish_.deferred = true;
  }
}

Task<> QmgrRole::scan(std::string queue, bool ignore_time) {
  auto job = [this, &queue] { return directories_->list(queue); };
  auto ids = co_await disk_->run(job);
  if (!ids) {
    context_->log.warning("scan {}: {}", queue, ids.error().text);
    co_return;
  }
  for (size_t at = 0; at < ids->size();) {
    auto limit = static_cast<size_t>(parameters_.qmgr_message_active_limit);
    while (active_.size() >= limit && !draining_) co_await room_->wait();
    if (draining_) co_return;
    // New mail must not wait until a long deferred queue has been gone through.
    if (queue == "deferred" && wish_.incoming) {
      wish_.incoming = false;
      co_await scan("incoming", false);
      continue;
    }
    std::vector<std::string> some;
    size_t most = std::min(kTakenTogether, limit - active_.size());
    for (; at < ids->size() && some.size() < most; ++at) {
      if (!active_.contains((*ids)[at])) some.push_back((*ids)[at]);
    }
    if (!some.empty()) co_await take_up(queue, std::move(some), ignore_time);
  }
}

Task<> QmgrRole::take_up(std::string queue, std::vector<std::string> queue_ids, bool ignore_time) {
  std::vector<Taken> all(queue_ids.size());
  for (size_t i = 0; i < all.size(); ++i) all[i].queue_id = std::move(queue_ids[i]);
  auto job = [this, &queue, &all, ignore_time, options = read_options()] {
    for (auto& taken : all) take_message(*directories_, queue, ignore_time, options, taken);
  };
  co_await disk_->run(job);
  for (auto& taken : all) {
    if (!taken.due) continue;
    if (!taken.moved) {
      context_->log.warning("{}: {}", taken.queue_id, taken.moved.error().text);
      continue;
    }
    if (taken.corrupt) {
      co_await set_aside(taken.queue_id, "marked corrupt");
      continue;
    }
    active_.insert(taken.queue_id);
    auto message = std::make_shared<ActiveMessage>(context_->loop, taken.queue_id);
    message->active_since = base::wall_now();
    message->unthrottle = taken.unthrottle || ignore_time;
    message->expire_now = taken.expire;
    net::spawn(attempt(std::move(message), std::move(taken.loaded)), context_->log);
  }
}

ReadOptions QmgrRole::read_options() const {
  ReadOptions options;
  options.recipient_limit = static_cast<size_t>(parameters_.qmgr_message_recipient_limit);
  return options;
}

// --- one attempt

Task<> QmgrRole::attempt(std::shared_ptr<ActiveMessage> message, Loaded loaded) {
  // Whatever happens, the id leaves memory at the end, or the message would never be looked at again.
  struct Leave {
    QmgrRole& qmgr;
    std::string id;
    ~Leave() {
      qmgr.active_.erase(id);
      qmgr.room_->set();
    }
  } leave{*this, message->queue_id()};
  bool first = true;
  for (;;) {
    bool accepted = co_await accept(message, std::move(loaded));
    if (!accepted) co_return;
    auto& file = message->file();
    if (first) {
      context_->log.info("{}: from=<{}>, size={}, nrcpt={} (queue active)", message->queue_id(), file.envelope.sender,
                         file.size.message_size, file.envelope.recipients.size());
    }
    first = false;
    co_await dispatch(message);
    co_await message->wait_for_entries();
    if (draining_) co_return;  // the next queue manager finds it in active and goes on
    if (!file.more_recipients) break;
    loaded = co_await load(message, *file.more_recipients);
  }
  co_await finish(message);
}

Task<Loaded> QmgrRole::load(std::shared_ptr<ActiveMessage> message, off_t recipients_from) {
  auto options = read_options();
  options.recipients_from = recipients_from;
  auto job = [&] { return load_message(*directories_, message->queue_id(), options); };
  auto loaded = co_await disk_->run(job);
  co_return loaded;
}

// False: the attempt ends here.
Task<bool> QmgrRole::accept(std::shared_ptr<ActiveMessage> message, Loaded loaded) {
  auto& id = message->queue_id();
  if (!loaded.locked) {
    context_->log.info("{}: skipped, still being delivered", id);
    co_await defer_message(message);
    co_return false;
  }
  if (loaded.message) {
    message->file() = std::move(*loaded.message);
    co_return true;
  }
  auto& error = loaded.message.error();
  if (error.fault == Fault::permanent) {
    co_await set_aside(id, error.text);
    co_return false;
  }
  context_->log.warning("{}: {}", id, error.text);
  co_await defer_message(message);
  co_return false;
}

Task<> QmgrRole::dispatch(std::shared_ptr<ActiveMessage> message) {
  auto& envelope = message->file().envelope;
  std::map<std::pair<std::string, std::string>, std::vector<mail::Recipient>> groups;
  auto recipients = std::exchange(envelope.recipients, {});
  for (auto& rcpt : recipients) {
    if (!not_obeyed_.empty()) {
      mail::DsnText reason{"4.3.5", format("{} is not supported yet", not_obeyed_.front())};
      co_await defer_recipient(message, rcpt, std::move(reason));
      message->count(Status::deferred);
      continue;
    }
    std::string transport, nexthop;
    if (!envelope.filter.empty()) {
      // A content filter takes the message as it is; an empty next hop means the recipient's domain.
      auto [name, rest] = base::cut(envelope.filter, ':');
      transport = name;
      nexthop = rest.value_or("");
      if (nexthop.empty()) nexthop = parameters_.default_filter_nexthop;
      if (nexthop.empty()) nexthop = base::cut_last(rcpt.address, '@').second.value_or("");
    } else {
      auto resolved = co_await rewrite_->resolve(envelope.sender, rcpt.address, envelope.trace_flags & kTraceMtaVerify);
      if (!resolved) {
        mail::DsnText reason{"4.3.0", resolved.error().text};
        co_await defer_recipient(message, rcpt, std::move(reason));
        message->count(Status::deferred);
        continue;
      }
      transport = resolved->transport;
      nexthop = resolved->nexthop;
      rcpt.address = resolved->recipient;
    }
    bool held_back = false;
    for (auto& name : parameters_.defer_transports) held_back |= name == transport;
    if (held_back && !message->unthrottle) {
      transport = parameters_.retry_transport;
      nexthop = "4.3.2 deferred transport";
    }
    groups[{transport, nexthop}].push_back(rcpt);
  }
  for (auto& [where, group] : groups) {
    auto added = scheduler_->add(message, where.first, where.second, std::move(group));
    if (!added) context_->log.warning("{}: {}", message->queue_id(), added.error().text);
  }
}

// --- the end of an attempt

int64_t next_attempt_delay(int64_t age, int64_t minimal, int64_t maximal) { return std::clamp(age, minimal, maximal); }

bool QmgrRole::is_expired(const ActiveMessage& message) const {
  auto age = base::wall_now().seconds - message.file().envelope.arrival.seconds;
  auto lifetime = message.file().envelope.sender.empty() ? parameters_.bounce_queue_lifetime : parameters_.maximal_queue_lifetime;
  return message.expire_now || age >= lifetime.count();
}

Task<bool> QmgrRole::notify(std::shared_ptr<ActiveMessage> message, BounceRequest::Kind kind, const std::string& service) {
  auto& envelope = message->file().envelope;
  BounceRequest request;
  request.kind = kind;
  request.queue_id = message->queue_id();
  request.sender = envelope.sender;
  request.envelope_id = envelope.dsn_envid;
  request.verp_delimiters = envelope.verp_delims;
  request.encoding = envelope.encoding;
  request.smtputf8 = envelope.smtputf8;
  request.dsn_ret = envelope.dsn_ret;
  request.trace_flags = envelope.trace_flags;
  request.arrival = envelope.arrival;
  auto done = co_await ask_bounce(context_->loop, "private/" + service, request);
  if (done) co_return true;
  context_->log.warning("{}: {}", message->queue_id(), done.error().text);
  co_return false;
}

Task<> QmgrRole::finish(std::shared_ptr<ActiveMessage> message) {
  using Kind = BounceRequest::Kind;
  auto& id = message->queue_id();
  bool ok = true;
  // A probe has told all it can; nobody waits for it.
  if (message->file().envelope.trace_flags & kTraceMtaVerify) {
    co_await remove_message(message);
    co_return;
  }
  Ending ending;
  ending.queue_id = id;
  ending.all_done = message->deferred == 0;
  co_await endings_->run(ending);
  if (ending.removed) {
    if (ending.done) context_->log.info("{}: removed", id);
    else context_->log.warning("{}: {}", id, ending.done.error().text);
    co_return;
  }
  if (ending.bounce_log) ok = co_await notify(message, Kind::bounce, parameters_.bounce_service_name);
  if (ok && ending.trace_log) ok = co_await notify(message, Kind::trace, parameters_.trace_service_name);
  if (!ok) {
    co_await defer_message(message);
    co_return;
  }
  if (message->deferred == 0) {
    co_await remove_message(message);
    co_return;
  }
  auto& file = message->file();
  if (is_expired(*message)) {
    context_->log.info("{}: from=<{}>, status={}, returned to sender", id, file.envelope.sender,
                       message->expire_now ? "force-expired" : "expired");
    bool returned = co_await notify(message, Kind::expire, parameters_.defer_service_name);
    if (returned) co_await remove_message(message);
    else co_await defer_message(message);
    co_return;
  }
  if (file.warn_time.value_or(0) > 0 && *file.warn_time <= base::wall_now().seconds) {
    bool warned = co_await notify(message, Kind::warn, parameters_.defer_service_name);
    if (warned) {
      auto job = [&]() -> Result<void> {
        auto fd = directories_->open("active", id, O_RDWR);
        if (!fd) return fd.error();
        if (!*fd) return temporary("queue file has gone");
        return set_warn_time((*fd)->get(), file.warn_offset, 0);
      };
      auto marked = co_await disk_->run(job);
      if (!marked) context_->log.warning("{}: {}", id, marked.error().text);
    }
  }
  co_await defer_message(message);
}

Task<> QmgrRole::defer_message(std::shared_ptr<ActiveMessage> message) {
  auto& id = message->queue_id();
  auto now = base::wall_now().seconds;
  auto arrival = message->file().envelope.arrival.seconds;
  auto age = arrival > 0 ? now - arrival : 0;
  auto when = now + next_attempt_delay(age, parameters_.minimal_backoff_time.count(), parameters_.maximal_backoff_time.count());
  auto job = [&]() -> Result<void> {
    auto path = directories_->path("active", id);
    timespec times[2] = {{when, 0}, {when, 0}};
    if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) return errno_error("set time of " + path, errno);
    // The marks of postsuper and flush hold for one attempt.
    ::chmod(path.c_str(), 0700);
    return directories_->rename(id, "active", "deferred");
  };
  auto done = co_await disk_->run(job);
  if (!done) context_->log.warning("{}: {}", id, done.error().text);
}

Task<> QmgrRole::remove_message(std::shared_ptr<ActiveMessage> message) {
  auto& id = message->queue_id();
  auto job = [&] { return remove_queue_file(*directories_, id); };
  auto done = co_await disk_->run(job);
  if (done) context_->log.info("{}: removed", id);
  else context_->log.warning("{}: {}", id, done.error().text);
}

Task<> QmgrRole::defer_recipient(std::shared_ptr<ActiveMessage> message, mail::Recipient rcpt, mail::DsnText reason) {
  auto& id = message->queue_id();
  if (message->file().envelope.trace_flags & kTraceMtaVerify) {
    auto& asked = rcpt.orig_rcpt.empty() ? rcpt.address : rcpt.orig_rcpt;
    AddressVerdict verdict{AddressStatus::deferred, reason.text};
    auto told = co_await tell_verify(context_->loop, parameters_.address_verify_service_name, asked, verdict);
    if (!told) context_->log.warning("{}: {}", id, told.error().text);
    co_return;
  }
  auto job = [&] {
    BounceEntry entry;
    entry.recipient = rcpt.address;
    entry.original_recipient = rcpt.orig_rcpt;
    entry.offset = rcpt.offset;
    entry.dsn_orig_rcpt = rcpt.dsn_orcpt;
    entry.notify_flags = rcpt.dsn_notify;
    entry.status = reason.status;
    entry.action = "delayed";
    entry.reason = reason.text;
    return append_bounce_entry(*directories_, "defer", id, entry);
  };
  auto written = co_await disk_->run(job);
  if (!written) context_->log.warning("{}: {}", id, written.error().text);
  context_->log.info("{}: to=<{}>, relay=none, delay={}, dsn={}, status=deferred ({})", id, rcpt.address,
                     base::wall_now().seconds - message->file().envelope.arrival.seconds, reason.status, reason.text);
}

Task<> QmgrRole::set_aside(std::string queue_id, std::string why) {
  context_->log.warning("saving corrupt file \"{}\" from queue \"active\" to queue \"corrupt\": {}", queue_id, why);
  auto job = [&] { return directories_->rename(queue_id, "active", "corrupt"); };
  auto moved = co_await disk_->run(job);
  if (!moved) context_->log.warning("{}: {}", queue_id, moved.error().text);
}

}  // namespace dovetail::mta
