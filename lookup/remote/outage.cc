// SPDX-License-Identifier: Apache-2.0
#include "lookup/remote/outage.h"

#include <algorithm>

namespace dovetail::lookup {
namespace {

constexpr size_t kThingsSaid = 8;  // words of a server are foreign: no memory without bound

}  // namespace

void Outage::failed(const std::string& warning) {
  last_failure_ = base::monotonic_now();
  if (!ongoing_) {
    ongoing_ = true;
    since_ = last_failure_;
  }
  if (!every_) {
    bool known = std::find(said_.begin(), said_.end(), warning) != said_.end();
    if (known || said_.size() >= kThingsSaid) return;
    said_.push_back(warning);
  }
  log_.warning("{}", warning);
}

void Outage::answered(std::string_view who) {
  if (!ongoing_) return;
  auto seconds = std::chrono::duration_cast<base::Seconds>(base::monotonic_now() - since_).count();
  if (!every_) {
    log_.info("{}: answers again after {} seconds, {} lookups were deferred", who, seconds,
              unanswered_);
  }
  forget();
}

void Outage::forget() {
  ongoing_ = false;
  unanswered_ = 0;
  said_.clear();
}

}  // namespace dovetail::lookup
