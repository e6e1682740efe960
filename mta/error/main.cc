// error, retry, discard: delivery agents that deliver nothing. error returns mail with the text of its next hop
// ("5.1.1 no such user"), as service "retry" or with a 4.x.x code it defers; discard ends it as sent. Manual: error(8).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/file.h"
#include "common/service/run_postfix.h"
#include "mta/delivery/agent.h"

namespace dovetail::mta {
namespace {

class ErrorRole : public AgentRole {
 public:
  explicit ErrorRole(bool discards) : discards_(discards) {}

  Task<> deliver(service::Context& context, Delivery& delivery) override {
    Outcome outcome;
    outcome.connected = base::wall_now();
    const std::string& text = delivery.request().nexthop;
    if (discards_) {
      outcome.status = Status::sent;
      outcome.dsn = mail::split_dsn(text, "2.0.0");
      outcome.trace_action = "delivered";
    } else {
      outcome.dsn = mail::split_dsn(text, context.service == "retry" ? "4.0.0" : "5.0.0");
      bool later = context.service == "retry" || outcome.dsn.status.front() == '4';
      if (later) outcome.dsn.status = mail::with_dsn_class(outcome.dsn.status, '4');
      outcome.status = later ? Status::deferred : Status::bounced;
    }
    co_await delivery.finish_all(outcome);
  }

 private:
  bool discards_;
};

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  bool discards = dovetail::base::basename(argv[0]) == "discard";
  dovetail::mta::ErrorRole role(discards);
  return dovetail::service::run_postfix_service(argc, argv, discards ? "discard" : "error", role);
}
