// The front's side of a delivery: has the rights parent start a child, gives it the job and the message, waits for its word.
// Nothing here trusts the child: its answer only decides about its own recipient.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/net/pool.h"
#include "common/service/service.h"
#include "mta/delivery/agent.h"
#include "mta/local/job.h"
#include "mta/local/message_text.h"
#include "mta/local/rights.h"

namespace dovetail::mta {

class Workshop {
 public:
  // With root's rights, before anything else is opened.
  static Result<std::unique_ptr<Workshop>> open(service::Context& context);
  // The front gives its own rights away; the parent keeps them.
  Result<void> confine_front() const;

  // message: null for jobs without one. Whatever goes wrong on the way is a result that defers.
  Task<JobResult> run(DeliveryRights rights, Job job, std::unique_ptr<FormedMessage> message,
                      net::Pool* disk);
  // spawn(8): the child also gets the client.
  Task<JobResult> serve(DeliveryRights rights, Job job, Fd client);

  // Whether the parent will ever give these rights.
  Result<void> check(const DeliveryRights& rights) const { return parent_->check(rights); }
  // What every mailbox job has from main.cf; lock_parameter: "mailbox_delivery_lock", "virtual_mailbox_lock".
  Result<Job> mailbox_job(std::string_view lock_parameter, int64_t size_limit) const;
  // export_environment and the variables every command gets.
  std::vector<std::string> command_environment() const;

 private:
  explicit Workshop(service::Context& context) : context_(context) {}
  Task<JobResult> talk(Fd child, const Job& job, FormedMessage* message, net::Pool* disk);

  service::Context& context_;
  std::optional<RightsParent> parent_;
};

// The same as an agent's base: opens the workshop first and confines the front last.
class WorkshopRole : public AgentRole {
 public:
  Result<void> prepare(service::Context& context) override;

 protected:
  Workshop& workshop() const { return *workshop_; }

 private:
  std::unique_ptr<Workshop> workshop_;
};

// An Outcome of what a child said; sent_text for the good case.
Outcome outcome_of(const JobResult& result, std::string relay, std::string sent_text);

}  // namespace dovetail::mta
