// anvil: counts what smtpd's clients do, over all smtpd processes of the host. The counting is counters.h's, the protocol
// session.h's; here is the program around them, and its report every anvil_status_update_time.
// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "common/service/run_postfix.h"
#include "conf/bind.h"
#include "mta/anvil/session.h"

namespace dovetail::mta::anvil {
namespace {

struct AnvilParameters {
  conf::Seconds anvil_rate_time_unit{60}, anvil_status_update_time{600};
};
constexpr conf::Bind<AnvilParameters> anvil_bindings[] = {
    {"anvil_rate_time_unit", &AnvilParameters::anvil_rate_time_unit},
    {"anvil_status_update_time", &AnvilParameters::anvil_status_update_time},
};

class AnvilRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override {
    auto read = conf::read(*context.main_cf, anvil_bindings);
    if (!read) return read.error();
    parameters_ = *read;
    counters_ = std::make_unique<Counters>(parameters_.anvil_rate_time_unit.count());
    return {};
  }

  void start(service::Context& context) override {
    report_ = std::make_unique<net::Timer>(context.loop, [this, &context] { tell(context); });
    report_->start(parameters_.anvil_status_update_time);
  }

  Task<> serve(service::Context& context, service::Client client) override {
    Conn conn(context.loop, std::move(client.fd));
    co_await serve_client(conn, *counters_);
  }

  void drain(service::Context& context) override { report(context); }

 private:
  void report(service::Context& context) {
    for (auto& line : counters_->report()) context.log.write(Level::info, line);
  }
  void tell(service::Context& context) {
    counters_->expire(base::wall_now().seconds);
    report(context);
    report_->start(parameters_.anvil_status_update_time);
  }

  AnvilParameters parameters_;
  std::unique_ptr<Counters> counters_;
  std::unique_ptr<net::Timer> report_;
};

}  // namespace
}  // namespace dovetail::mta::anvil

int main(int argc, char** argv) {
  dovetail::mta::anvil::AnvilRole role;
  return dovetail::service::run_postfix_service(argc, argv, "anvil", role);
}
