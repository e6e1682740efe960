// spawn(8): starts a command for each connection, with the client as its standard input, output and error: policy servers,
// filters. The listener and the limit of processes are master's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta/local/workshop.h"

namespace dovetail::mta {

class SpawnRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;

 private:
  std::unique_ptr<Workshop> workshop_;
  std::vector<std::string> argv_;
  DeliveryRights rights_;
  int64_t time_limit_ = 1000;
};

}  // namespace dovetail::mta
