// local(8): mail that goes on, into the queue as a new message or to another delivery agent.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/net/listen.h"
#include "mta/cleanup/cleanup.h"
#include "mta/local/local.h"
#include "mta/queue/cleanup_client.h"

namespace dovetail::mta {

using namespace std::chrono_literals;

void LocalRole::add_forward(Work& work, const Place& place, std::string address) {
  mail::Recipient rcpt = place.rcpt;
  rcpt.address = std::move(address);
  rcpt.offset = 0;
  if (rcpt.orig_rcpt.empty()) rcpt.orig_rcpt = work.delivered;
  auto& group = work.forwards[place.sender];
  for (auto& known : group) {
    if (base::iequals(known.address, rcpt.address)) return;
  }
  group.push_back(std::move(rcpt));
}

Task<> LocalRole::send_forwards(Work& work) {
  Place place;
  place.rcpt = work.delivery.recipients()[work.index];
  for (auto& [sender, recipients] : work.forwards) {
    if (work.delivery.is_probe()) {
      co_await end(work, place, "2.0.0", "forwards to " + recipients.front().address);
      continue;
    }
    auto id = co_await forward(work, sender, recipients);
    if (!id) {
      co_await end(work, place, "4.3.0", "unable to forward message: " + id.error().text);
      continue;
    }
    Outcome outcome;
    outcome.relay = "local";
    outcome.status = Status::sent;
    outcome.dsn = {"2.0.0", "forwarded as " + *id};
    outcome.trace_action = "expanded";
    co_await end(work, place, std::move(outcome));
  }
}

Task<Result<std::string>> LocalRole::forward(Work& work, std::string sender,
                                             std::vector<mail::Recipient> recipients) {
  auto& from = work.delivery.request();
  auto client = co_await CleanupClient::open(
      context_->loop, "public/" + parameters_.cleanup_service_name, kCleanupMaskInternal);
  if (!client) co_return client.error();
  mail::Envelope envelope;
  envelope.sender = std::move(sender);
  envelope.recipients = std::move(recipients);
  envelope.encoding = from.envelope.encoding;
  envelope.smtputf8 = from.envelope.smtputf8;
  envelope.dsn_envid = from.envelope.dsn_envid;
  envelope.dsn_ret = from.envelope.dsn_ret;
  envelope.log_origin = "local";
  envelope.rewrite_local = from.envelope.rewrite_local;
  auto id = (*client)->queue_id();
  TextForm form;
  form.before = format("Received: by {} ({})\n\tid {}; {}\n", parameters_.myhostname,
                       parameters_.mail_name, id, mail::header_date(base::wall_now().seconds));
  if (has_word(parameters_.prepend_delivered_header, "forward")) {
    form.before += format("Delivered-To: {}\n", mail::quote_address(base::lower(work.delivered)));
  }
  FormedMessage message(work.delivery.fd(), work.delivery.size(), std::move(form));
  try {
    co_await (*client)->send_envelope(envelope);
    auto read = [&message] { return message.next(); };
    for (;;) {
      auto piece = co_await disk().run(read);
      // The client goes away without the end record: cleanup throws the message away.
      if (!piece) co_return piece.error();
      if (piece->empty()) break;
      co_await (*client)->send_content(*piece);
    }
  } catch (const IoError& io) {
    co_return temporary("cleanup service: " + io.message());
  }
  auto done = co_await (*client)->finish();
  if (!done) co_return done.error();
  co_return id;
}

// The other agent delivers in our place: it logs, writes entries and marks the record of the recipient.
Task<> LocalRole::send_passes(Work& work) {
  for (size_t i = 0; i < work.passes.size(); ++i) {
    auto& [rcpt, transport] = work.passes[i];
    if (work.delivery.is_open(work.index) && work.worst != Status::deferred && !work.marked) {
      co_await pass(work, rcpt, transport);
      continue;
    }
    // Something else of this recipient has to be tried again, or a second agent cannot end the same record.
    Place place;
    place.rcpt = rcpt;
    co_await end(work, place, "4.3.0", "waits for other deliveries of the same recipient");
  }
}

Task<> LocalRole::pass(Work& work, mail::Recipient rcpt, std::string transport) {
  auto [service, nexthop] = base::cut(transport, ':');
  auto request = work.delivery.request();
  if (nexthop && !nexthop->empty()) request.nexthop = *nexthop;
  request.envelope.recipients = {rcpt};
  request.handoff = base::wall_now();
  request.more_waiting = false;
  auto path = format("private/{}", service);
  auto address = SockAddr::unix_path(path);
  std::optional<Status> status;
  std::string why = "no answer";
  if (!address) {
    why = "bad service name";
  } else {
    auto fd = co_await net::connect_to(context_->loop, *address, 30s);
    if (!fd) {
      why = fd.error().text;
    } else {
      try {
        Conn agent(context_->loop, std::move(*fd));
        proto::put_attributes(agent, request.encode());
        for (bool more = true; more;) {
          auto list = co_await proto::read_attributes(agent);
          if (!list) break;
          auto said = AgentMessage::decode(*list);
          if (said.report && said.report->offset == rcpt.offset) status = said.report->status;
          more = said.report.has_value();
        }
      } catch (const IoError& io) {
        why = io.message();
      }
    }
  }
  if (!status) {
    context_->log.warning("connect to transport {}: {}", path, why);
    Place place;
    place.rcpt = rcpt;
    co_await end(work, place, "4.3.0", "mail transport unavailable");
    co_return;
  }
  if (*status == Status::deferred || work.worst == Status::sent) work.worst = *status;
  if (*status != Status::deferred) work.marked = true;
}

}  // namespace dovetail::mta
