// SPDX-License-Identifier: Apache-2.0
#include "authd/password_pool.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::authd {

namespace {

// Made to be slow; all others take microseconds and stay on the loop.
bool is_slow_scheme(std::string_view name) {
  const std::string upper = base::upper(name.substr(0, name.find('.')));
  return upper.ends_with("CRYPT") || upper.starts_with("ARGON2") || upper.starts_with("SCRAM") ||
         upper == "MD5" || upper == "PBKDF2" || upper == "OTP";
}

}  // namespace

PasswordPool::PasswordPool(net::Loop& loop, unsigned threads)
    : loop_(loop), pool_(loop, threads), limit_(std::max(1U, threads / 2)) {}

net::Task<Verification> PasswordPool::verify(std::string who, Attempt attempt,
                                             StoredPassword stored) {
  if (!is_slow_scheme(stored.scheme)) co_return verify_password(attempt, stored);
  auto& place = shares_[who];
  if (!place) place = std::make_unique<Share>(loop_);
  Share& share = *place;
  while (share.running >= limit_) {
    ++share.waiting;
    co_await share.free.wait();
    --share.waiting;
  }
  ++share.running;
  auto job = [attempt = std::move(attempt), stored = std::move(stored)] {
    return verify_password(attempt, stored);
  };
  auto verification = co_await pool_.run(job);
  --share.running;
  if (share.waiting > 0) {
    share.free.set();
  } else if (share.running == 0) {
    shares_.erase(who);
  }
  co_return verification;
}

}  // namespace dovetail::authd
