// SPDX-License-Identifier: Apache-2.0
#include "authd/penalty.h"

#include <algorithm>

#include "common/base/random.h"
#include "common/net/address.h"

namespace dovetail::authd {

namespace {

constexpr base::Milliseconds kPenaltySteps[] = {base::Milliseconds(0), base::Milliseconds(4000),
                                                base::Milliseconds(8000),
                                                base::Milliseconds(15000)};
constexpr unsigned kMaxPenalty = 3;
constexpr base::Milliseconds kForgetAfter{15000};
constexpr base::Milliseconds kLongestTick{500};

}  // namespace

std::string Penalties::ident(const std::string& ip) {
  const auto address = net::SockAddr::ip(ip, 0);
  if (!address) return {};
  const std::string bytes = address->address_bytes();
  return bytes.size() == 16 ? bytes.substr(0, 6) : bytes;
}

Penalties::Found Penalties::look_up(const std::string& ident) {
  if (!enabled_) return {};
  sweep();
  const auto found = records_.find(ident);
  if (found == records_.end() || now_() - found->second.last >= kForgetAfter) return {};
  return {found->second.penalty, kPenaltySteps[found->second.penalty]};
}

void Penalties::failed(const std::string& ident, uint32_t checksum, unsigned penalty) {
  if (!enabled_) return;
  auto& record = records_[ident];
  auto& seen = record.checksums;
  const auto place = std::find(seen.begin(), seen.end(), checksum);
  const bool again = checksum != 0 && place != seen.end();
  // A client that keeps trying one old password is misconfigured, not guessing.
  record.penalty = std::min(again ? std::max(penalty, 1U) : penalty + 1, kMaxPenalty);
  record.last = now_();
  std::rotate(seen.begin(), again ? place : seen.end() - 1, again ? place + 1 : seen.end());
  seen[0] = checksum;
}

void Penalties::succeeded(const std::string& ident) {
  records_.erase(ident);
}

void Penalties::sweep() {
  const auto now = now_();
  if (now - swept_ < kForgetAfter) return;
  swept_ = now;
  std::erase_if(records_,
                [now](const auto& entry) { return now - entry.second.last >= 4 * kForgetAfter; });
}

FailureQueue::FailureQueue(net::Loop& loop, base::Milliseconds delay)
    : delay_(delay.count() > 0 ? delay : kLongestTick), timer_(loop, [this] { tick(); }) {}

void FailureQueue::add(std::function<void()> answer) {
  if (waiting_.empty()) timer_.start(delay_);
  waiting_.push_back({base::monotonic_now() + delay_, std::move(answer)});
}

void FailureQueue::tick() {
  const auto now = base::monotonic_now();
  std::vector<std::function<void()>> ready;
  while (!waiting_.empty() && waiting_.front().ready <= now) {
    ready.push_back(std::move(waiting_.front().answer));
    waiting_.pop_front();
  }
  if (!waiting_.empty()) timer_.start(std::min(delay_, kLongestTick));
  for (size_t i = ready.size(); i > 1; --i) {
    std::swap(ready[i - 1], ready[base::random_below(static_cast<uint32_t>(i))]);
  }
  for (auto& answer : ready) answer();
}

}  // namespace dovetail::authd
