// pickup: wakes up for the maildrop. Manual: pickup(8).
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/pickup/pickup.h"

namespace dovetail::mta {
namespace {

class PickupRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override {
    // Lines about the message itself are cleanup's.
    std::string tag = context.log.name();
    Logger cleanup_log(tag.substr(0, tag.rfind('/') + 1) + "cleanup");
    auto opened = CleanupService::open(context.loop, *context.main_cf, cleanup_log);
    if (!opened) return opened.error();
    cleanup_service_ = std::move(*opened);
    auto options = read_pickup_options(*context.main_cf);
    if (!options) return options.error();
    pickup_ =
        std::make_unique<Pickup>(context.loop, *cleanup_service_, std::move(*options), context.log);
    return {};
  }
  void start(service::Context& context) override { wake(context); }
  bool wants_triggers() const override { return true; }
  void trigger(service::Context& context, std::string_view) override { wake(context); }
  Task<> serve(service::Context&, service::Client) override { co_return; }
  bool busy() const override { return scanning_; }

 private:
  void wake(service::Context& context) {
    again_ = true;
    if (!scanning_) net::spawn(scan(), context.log);
  }
  // What arrives during a pass may be missed by it: another one follows.
  Task<> scan() {
    scanning_ = true;
    while (again_) {
      again_ = false;
      co_await pickup_->scan();
    }
    scanning_ = false;
  }

  std::unique_ptr<CleanupService> cleanup_service_;
  std::unique_ptr<Pickup> pickup_;
  bool scanning_ = false, again_ = false;
};

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  dovetail::mta::PickupRole role;
  return dovetail::service::run_postfix_service(argc, argv, "pickup", role);
}
