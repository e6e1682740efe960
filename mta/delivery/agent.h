// The half of a delivery agent that all agents share: taking requests from qmgr, holding the queue file, and ending each
// recipient in the one safe order: bounce, defer or trace entry written, record marked done, line logged, qmgr told
// (design.md 6). What "deliver" means is the agent's.
//
//   class SmtpRole : public AgentRole { Task<> deliver(service::Context&, Delivery& d) override { ... } };
//
// Manuals: smtp(8), local(8), pipe(8) ...; log line: reference card i.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/net/batch.h"
#include "common/net/conn.h"
#include "common/service/service.h"
#include "lookup/maps.h"
#include "mta/delivery/request.h"
#include "mta/queue/bounce_log.h"
#include "mta/queue/directories.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

// How one recipient ended.
struct Outcome {
  Status status = Status::deferred;
  mail::DsnText dsn;               // "2.0.0", "250 2.0.0 Ok: queued as 4711"
  std::string relay = "none";      // "mail.example.org[192.0.2.1]:25", "local"
  int connection_use = 0;          // how many mails went over this session; shown above 1
  std::optional<base::Wall> connected;  // when the connection stood; none: no connection was made
  // For the report to the sender: "smtp" and the reply; "dns" and the host that said it.
  std::string diag_type, diag_text, mta_type, mta_mname;
  // For a sent recipient whose sender asked for a success notice: "delivered", "relayed", "expanded"; "" when the next
  // hop will say it.
  std::string trace_action;
};

// delays=a/b/c/d and delay= as the incumbent prints them (delay_logging_resolution_limit digits behind the point).
std::string format_delay(double seconds, int resolution);

// delivery_status_filter: what a table made of "D.S.N text"; nullopt: not usable, with the reason in `why`. Success and
// failure cannot be turned into each other.
std::optional<mail::DsnText> filtered_status(const mail::DsnText& said, std::string_view found, std::string& why);

struct AgentParameters {
  bool soft_bounce = false;
  int delay_logging_resolution_limit = 2;
  std::string hash_queue_names, address_verify_service_name;
  int hash_queue_depth = 1;
  lookup::Maps status_filter;  // PROGRAM_delivery_status_filter
};

// One request being carried out. Several run in one process side by side.
class Delivery {
 public:
  // An outcome on its way into the bounce, defer or trace log and the recipient's record. Those of several deliveries go
  // together.
  struct Recording {
    const Delivery& delivery;
    const mail::Recipient& rcpt;
    const Outcome& outcome;
    Result<void> done = temporary("outcome was not recorded");
  };
  static void record_all(const std::vector<Recording*>& recordings);

  Delivery(service::Context& context, net::Pool& disk, net::Batch<Recording>& records, const QueueDirectories& directories,
           const AgentParameters& parameters, Conn& qmgr, DeliveryRequest request);

  const DeliveryRequest& request() const { return request_; }
  const std::vector<mail::Recipient>& recipients() const { return request_.envelope.recipients; }
  bool is_verify_probe() const { return request_.envelope.trace_flags & kTraceMtaVerify; }
  bool is_probe() const { return request_.envelope.trace_flags & kTraceVerify; }
  net::Pool& disk() { return disk_; }
  const Logger& log() const { return context_.log; }
  service::Context& context() { return context_; }

  // The message's bytes; line ends as asked. Read on disk().
  int fd() const { return file_.get(); }
  SizeRecord size() const;

  // Ends one recipient (index into recipients()); at most once each.
  Task<> finish(size_t recipient, Outcome outcome);
  // Ends all that are still open in the same way.
  Task<> finish_all(Outcome outcome);
  bool is_open(size_t recipient) const { return !ended_[recipient]; }

  // For agents that turn one recipient into several deliveries (local and its aliases): record() writes the entry and the
  // line of each in the name it was delivered to and says what it came to; close() then ends the recipient once.
  // marked: another agent has marked the record done already.
  Task<Status> record(mail::Recipient as, Outcome outcome);
  Task<> close(size_t recipient, Status status, bool marked = false);
  // The destination itself is at fault; qmgr then slows down for it. Call besides finish().
  void blame_destination(mail::DsnText reason) { done_.destination_fault = std::move(reason); }

 private:
  friend class AgentRole;
  Result<void> open_file();
  // The outcome of verify(8)'s probe: told to it instead of the bounce and defer logs; never tried again.
  Task<> finish_probe(size_t recipient, Outcome outcome);
  Task<> filter_status(Outcome& outcome) const;
  Result<void> write_entry(const mail::Recipient& rcpt, const Outcome& outcome) const;
  void log_outcome(const mail::Recipient& rcpt, const Outcome& outcome, bool soft) const;

  service::Context& context_;
  net::Pool& disk_;
  net::Batch<Recording>& records_;
  const QueueDirectories& directories_;
  const AgentParameters& parameters_;
  Conn& qmgr_;
  DeliveryRequest request_;
  Fd file_;
  std::vector<bool> ended_;
  DeliveryDone done_;
  std::optional<Outcome> probe_outcome_;  // what record() was told about a probe; close() tells it on
};

class AgentRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;

  // Delivers to every recipient and calls finish() for each; those left open are deferred.
  virtual Task<> deliver(service::Context& context, Delivery& delivery) = 0;
  // Tables, keys, parameters of the agent itself; called by prepare().
  virtual Result<void> prepare_agent(service::Context&) { return {}; }

 protected:
  net::Pool& disk() { return *disk_; }
  const QueueDirectories& directories() const { return *directories_; }
  // Something the agent's own tables cannot tell: mail waits, and says why.
  void hold_mail_for(std::string name) { not_obeyed_.push_back(std::move(name)); }

 private:
  Task<> carry_out(service::Context& context, Conn& qmgr, DeliveryRequest request);

  AgentParameters parameters_;
  std::vector<std::string> not_obeyed_;  // parameters that hold mail back (design.md 3)
  std::unique_ptr<QueueDirectories> directories_;
  std::unique_ptr<net::Pool> disk_;
  std::unique_ptr<net::Batch<Delivery::Recording>> records_;
};

}  // namespace dovetail::mta
