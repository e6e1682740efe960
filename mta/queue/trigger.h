// Waking another daemon: one byte says what is to be looked for, nothing is answered and nothing is waited for.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/file.h"

namespace dovetail::mta {

// Writes the byte(s) into a daemon's fifo or unix socket; absence is fine (false).
bool trigger_service(const std::string& path, std::string_view bytes);

// For those who trigger the same unix socket all the time: the connection is kept while its peer is sure to listen on it.
// A daemon that has gone looks for work when it starts, so a byte that it did not read is not missed.
class Trigger {
 public:
  explicit Trigger(std::string path) : path_(std::move(path)) {}
  bool send(std::string_view bytes);

 private:
  // The peer hangs up after ten seconds of silence (Runner::read_triggers).
  static constexpr base::Milliseconds kSurelyOpen{5000};

  std::string path_;
  base::Fd socket_;
  base::Milliseconds used_{};
};

}  // namespace dovetail::mta
