// SPDX-License-Identifier: Apache-2.0
#include "mta/qmgr/destination.h"

#include <algorithm>

namespace dovetail::mta {

Destination::Destination(std::string key, std::string nexthop,
                         const TransportParameters& parameters)
    : key_(std::move(key)),
      nexthop_(std::move(nexthop)),
      parameters_(parameters),
      window_(parameters.initial_concurrency) {
  if (parameters_.concurrency_limit > 0)
    window_ = std::min<double>(window_, parameters_.concurrency_limit);
  window_ = std::max(window_, 1.0);
}

void Destination::add(Entry entry) {
  for (auto& job : jobs_) {
    if (job.message != entry.message.get()) continue;
    job.entries.push_back(std::move(entry));
    return;
  }
  auto* message = entry.message.get();
  jobs_.push_back({message, {}});
  jobs_.back().entries.push_back(std::move(entry));
}

size_t Destination::waiting() const {
  size_t count = 0;
  for (auto& job : jobs_) count += job.entries.size();
  return count;
}

Entry Destination::take() {
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  Entry entry = std::move(job.entries.front());
  job.entries.pop_front();
  if (!job.entries.empty()) jobs_.push_back(std::move(job));
  ++busy_;
  return entry;
}

std::vector<Entry> Destination::take_all() {
  std::vector<Entry> all;
  for (auto& job : jobs_) {
    for (auto& entry : job.entries) all.push_back(std::move(entry));
  }
  jobs_.clear();
  return all;
}

void Destination::succeeded() {
  int busy_before = busy_--;
  failed_cohorts_ = 0;
  bool room = parameters_.concurrency_limit == 0 || window_ < parameters_.concurrency_limit;
  // A window that is not filled anyway must not grow: the next burst would come too hard.
  if (!room || window_ >= busy_before + parameters_.initial_concurrency) return;
  double step = feedback(parameters_.positive_feedback, window_);
  success_ += step;
  if (success_ + step / 2 < 1) return;
  window_ += 1;
  success_ -= 1;
  failure_ = 0;
}

bool Destination::failed(const mail::DsnText& reason) {
  --busy_;
  failed_cohorts_ += 1 / window_;
  double step = feedback(parameters_.negative_feedback, window_);
  failure_ -= step;
  if (failure_ - step / 2 < 0) {
    window_ = std::max(window_ - 1, 1.0);
    failure_ += 1;
    success_ = 0;
  }
  // Rounding of 1/5 + 1/4 + ... must not ask for one failure more.
  bool given_up = parameters_.failed_cohort_limit > 0 &&
                  failed_cohorts_ + 1e-9 >= parameters_.failed_cohort_limit;
  if (!given_up || dead_) return false;
  dead_ = true;
  reason_ = reason;
  return true;
}

void Destination::revive() {
  dead_ = false;
  failed_cohorts_ = success_ = failure_ = 0;
  window_ = std::max<double>(parameters_.initial_concurrency, 1);
  if (parameters_.concurrency_limit > 0)
    window_ = std::min<double>(window_, parameters_.concurrency_limit);
}

}  // namespace dovetail::mta
