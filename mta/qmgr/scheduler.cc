// SPDX-License-Identifier: Apache-2.0
#include "mta/qmgr/scheduler.h"

#include <set>

#include "common/base/text.h"
#include "common/net/listen.h"

namespace dovetail::mta {

using namespace std::chrono_literals;

struct Scheduler::Transport {
  std::string name;
  TransportParameters parameters;
  std::map<std::string, std::shared_ptr<Destination>, std::less<>> destinations;
  std::deque<std::shared_ptr<Destination>> turn;  // those with waiting mail, next first
  std::deque<std::unique_ptr<Conn>> idle;         // connections to agents that wait for work
  std::map<std::string, std::unique_ptr<net::Timer>> timers;
  std::unique_ptr<net::Timer> retry;
  int busy = 0;
  bool dead = false;
};

Scheduler::Scheduler(net::Loop& loop, const conf::MainCf& cf, const QmgrParameters& parameters,
                     Logger log, DeferHere defer_here)
    : loop_(loop),
      cf_(cf),
      parameters_(parameters),
      log_(std::move(log)),
      defer_here_(std::move(defer_here)) {}

Scheduler::~Scheduler() = default;

Scheduler::Transport* Scheduler::transport(const std::string& name) {
  auto found = transports_.find(name);
  if (found != transports_.end()) return found->second.get();
  auto made = std::make_unique<Transport>();
  made->name = name;
  auto parameters = read_transport_parameters(cf_, name);
  if (parameters)
    made->parameters = *parameters;
  else
    log_.warning("transport {}: {}", name, parameters.error().text);
  return transports_.emplace(name, std::move(made)).first->second.get();
}

Result<void> Scheduler::add(std::shared_ptr<ActiveMessage> message, const std::string& name,
                            const std::string& nexthop, std::vector<mail::Recipient> recipients) {
  auto& to = *transport(name);
  size_t limit = to.parameters.recipient_limit > 0
                     ? static_cast<size_t>(to.parameters.recipient_limit)
                     : recipients.size();
  // With VERP each recipient has a sender of his own.
  if (!message->file().envelope.verp_delims.empty()) limit = 1;
  std::vector<Entry> entries;
  for (size_t at = 0; at < recipients.size(); at += limit) {
    auto first = recipients.begin() + static_cast<ptrdiff_t>(at);
    auto last =
        recipients.begin() + static_cast<ptrdiff_t>(std::min(at + limit, recipients.size()));
    entries.push_back({message, {first, last}});
  }
  for (auto& entry : entries) {
    message->entry_added();
    // With one recipient a delivery, concurrency counts per recipient (card b: the documented trap).
    bool per_recipient = to.parameters.recipient_limit == 1;
    auto key = per_recipient ? entry.recipients.front().address + "@" + nexthop : nexthop;
    auto& destination = to.destinations[key];
    if (!destination) destination = std::make_shared<Destination>(key, nexthop, to.parameters);
    bool refused = to.dead || (destination->is_dead() && !message->unthrottle);
    if (refused && name != parameters_.retry_transport) {
      auto reason =
          to.dead ? mail::DsnText{"4.3.0", "mail transport unavailable"} : destination->reason();
      std::vector<Entry> one;
      one.push_back(std::move(entry));
      suspend(to, std::move(one), reason);
      continue;
    }
    if (!destination->has_waiting()) to.turn.push_back(destination);
    destination->add(std::move(entry));
  }
  pump(to);
  return {};
}

void Scheduler::pump(Transport& transport) {
  size_t looked_at = 0;
  while (transport.busy < parameters_.default_process_limit && looked_at < transport.turn.size()) {
    auto destination = transport.turn.front();
    transport.turn.pop_front();
    if (!destination->has_waiting()) continue;
    if (!destination->ready()) {
      transport.turn.push_back(destination);
      ++looked_at;
      continue;
    }
    auto entry = destination->take();
    if (destination->has_waiting()) transport.turn.push_back(destination);
    looked_at = 0;
    ++transport.busy;
    ++deliveries_;
    net::spawn(deliver(transport, destination, std::move(entry)), log_);
  }
}

DeliveryRequest Scheduler::request_for(const Destination& destination, const Entry& entry) const {
  auto& file = entry.message->file();
  DeliveryRequest request;
  request.queue_id = entry.message->queue_id();
  request.nexthop = destination.nexthop();
  request.data_offset = file.size.data_offset;
  request.content_size = file.size.content_size;
  request.message_size = file.size.message_size;
  request.envelope = file.envelope;
  request.envelope.recipients = entry.recipients;
  if (!file.envelope.verp_delims.empty() && !entry.recipients.empty()) {
    request.envelope.sender =
        verp_sender(file.envelope.verp_delims, file.envelope.sender, entry.recipients.front());
  }
  request.active_arrival = entry.message->active_since;
  request.handoff = base::wall_now();
  request.more_waiting = destination.has_waiting();
  return request;
}

// An agent's socket in private/, or one that an earlier delivery has left open.
Task<std::unique_ptr<Conn>> Scheduler::connect(Transport& transport) {
  if (!transport.idle.empty()) {
    auto conn = std::move(transport.idle.back());
    transport.idle.pop_back();
    co_return conn;
  }
  auto path = "private/" + transport.name;
  auto address = SockAddr::unix_path(path);
  Result<base::Fd> fd = permanent("name too long");
  if (address) fd = co_await net::connect_to(loop_, *address, 60s);
  if (!fd) {
    log_.warning("connect to transport {}: {}", path, fd.error().text);
    co_return nullptr;
  }
  co_return std::make_unique<Conn>(loop_, std::move(*fd));
}

// Speaks with the agent; recipients that were reported leave the entry. False: the connection broke before the end.
Task<bool> Scheduler::exchange(Transport&, const Destination& destination, Entry& entry,
                               Conn& agent, DeliveryDone& done) {
  auto& recipients = entry.recipients;
  try {
    proto::put_attributes(agent, request_for(destination, entry).encode());
    co_await agent.flush();
    for (;;) {
      auto list = co_await proto::read_attributes(agent);
      if (!list) co_return false;
      auto message = AgentMessage::decode(*list);
      if (message.done) {
        done = *message.done;
        co_return true;
      }
      if (!message.report) co_return false;
      off_t offset = message.report->offset;
      auto known = std::erase_if(recipients, [&](auto& rcpt) { return rcpt.offset == offset; });
      if (known) entry.message->count(message.report->status);
    }
  } catch (const IoError&) {
    co_return false;
  }
}

Task<> Scheduler::defer_unreported(Entry& entry, mail::DsnText reason) {
  for (auto& rcpt : entry.recipients) {
    co_await defer_here_(entry.message, rcpt, reason);
    entry.message->count(Status::deferred);
  }
  entry.recipients.clear();
}

Task<> Scheduler::deliver(Transport& transport, std::shared_ptr<Destination> destination,
                          Entry entry) {
  DeliveryDone done;
  auto message = entry.message;
  // A connection that was idle may be one its agent has just closed: then a fresh one is tried, once.
  bool reused = !transport.idle.empty();
  auto agent = co_await connect(transport);
  bool ended = false;
  if (agent) {
    size_t before = entry.recipients.size();
    ended = co_await exchange(transport, *destination, entry, *agent, done);
    if (!ended && reused && entry.recipients.size() == before) {
      transport.idle.clear();
      agent = co_await connect(transport);
      if (agent) ended = co_await exchange(transport, *destination, entry, *agent, done);
    }
  }
  if (ended && agent) transport.idle.push_back(std::move(agent));
  bool no_agent = !agent && !ended;
  if (!entry.recipients.empty()) {
    if (!no_agent)
      log_.warning("{}: delivery agent {} ended early: its recipients are tried again",
                   message->queue_id(), transport.name);
    mail::DsnText reason{"4.3.0",
                         no_agent ? "mail transport unavailable" : "unknown mail transport error"};
    co_await defer_unreported(entry, std::move(reason));
  }
  --transport.busy;
  --deliveries_;
  if (!done.destination_fault.status.empty()) {
    destination_failed(transport, destination, done.destination_fault);
  } else if (ended) {
    destination->succeeded();
  } else {
    destination->ended();
  }
  if (no_agent) transport_failed(transport);
  if (transport.parameters.rate_delay.count() > 0) pause_for_rate(transport, destination);
  if (destination->idle()) transport.destinations.erase(destination->key());
  message->entry_ended();
  pump(transport);
}

// destination_rate_delay: the next delivery to it waits, whether mail for it is here already or comes meanwhile.
void Scheduler::pause_for_rate(Transport& transport, std::shared_ptr<Destination> destination) {
  destination->pause(true);
  auto& timer = transport.timers["rate " + destination->key()];
  timer = std::make_unique<net::Timer>(loop_, [this, &transport, destination] {
    destination->pause(false);
    pump(transport);
    end_timer(transport, "rate ", *destination);
  });
  timer->start(transport.parameters.rate_delay);
}

// A timer's last act: it and an idle destination go. Not from inside the timer's own call, which still runs in it.
void Scheduler::end_timer(Transport& transport, std::string_view kind,
                          const Destination& destination) {
  if (destination.idle()) transport.destinations.erase(destination.key());
  auto ended = transport.timers.extract(std::string(kind) + destination.key());
  if (!ended.empty()) finished_timers_.push_back(std::move(ended.mapped()));
  if (finished_timers_.size() > 1) finished_timers_.pop_front();
}

void Scheduler::destination_failed(Transport& transport, std::shared_ptr<Destination> destination,
                                   const mail::DsnText& reason) {
  if (!destination->failed(reason)) return;
  auto waiting = destination->take_all();
  std::erase(transport.turn, destination);
  auto& timer = transport.timers["dead " + destination->key()];
  timer = std::make_unique<net::Timer>(loop_, [this, &transport, destination] {
    destination->revive();
    pump(transport);
    end_timer(transport, "dead ", *destination);
  });
  timer->start(parameters_.minimal_backoff_time);
  suspend(transport, std::move(waiting),
          {reason.status, "delivery temporarily suspended: " + reason.text});
}

void Scheduler::transport_failed(Transport& transport) {
  if (std::exchange(transport.dead, true)) return;
  transport.retry = std::make_unique<net::Timer>(loop_, [this, &transport] {
    transport.dead = false;
    pump(transport);
  });
  transport.retry->start(parameters_.transport_retry_time);
  std::vector<Entry> waiting;
  for (auto& [key, destination] : transport.destinations) {
    for (auto& entry : destination->take_all()) waiting.push_back(std::move(entry));
  }
  transport.turn.clear();
  suspend(transport, std::move(waiting), {"4.3.0", "mail transport unavailable"});
}

void Scheduler::suspend(Transport& from, std::vector<Entry> entries, const mail::DsnText& reason) {
  auto text = reason.text.starts_with("delivery temporarily") || from.dead
                  ? reason.text
                  : "delivery temporarily suspended: " + reason.text;
  for (auto& entry : entries) {
    if (from.name == parameters_.retry_transport) {
      struct Defer {
        static Task<> here(Scheduler& self, Entry entry, mail::DsnText reason) {
          co_await self.defer_unreported(entry, std::move(reason));
          entry.message->entry_ended();
        }
      };
      net::spawn(Defer::here(*this, std::move(entry), reason), log_);
      continue;
    }
    (void)add(entry.message, parameters_.retry_transport, reason.status + " " + text,
              std::move(entry.recipients));
    entry.message->entry_ended();  // after add(): the message must not look finished in between
  }
}

void Scheduler::revive_all() {
  for (auto& [name, transport] : transports_) {
    transport->dead = false;
    transport->retry.reset();
    for (auto& [key, destination] : transport->destinations) destination->revive();
    pump(*transport);
  }
}

}  // namespace dovetail::mta
