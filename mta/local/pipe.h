// pipe(8): gives messages to a command of the administrator, as master.cf says. No shell.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta/local/pipe_arguments.h"
#include "mta/local/workshop.h"

namespace dovetail::mta {

class PipeRole : public WorkshopRole {
 public:
  Result<void> prepare_agent(service::Context& context) override;
  Task<> deliver(service::Context& context, Delivery& delivery) override;

 private:
  TextForm text_form(const Delivery& delivery) const;

  PipeService service_;
  DeliveryRights rights_;
  std::string recipient_delimiter_;
  int64_t time_limit_ = 1000;
};

// user= and group= of pipe and spawn as rights; root is refused.
Result<DeliveryRights> command_rights(const std::string& user, const std::string& group);

}  // namespace dovetail::mta
