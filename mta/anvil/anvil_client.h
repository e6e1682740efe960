// Asks the anvil service how often and how much a client has asked for lately (the incumbent's protocol on private/anvil).
// One connection per process; a service that is not there is no reason to refuse mail: no answer, one warning.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/net/conn.h"
#include "common/net/loop.h"
#include "common/proto/attr.h"

namespace dovetail::mta {

class AnvilClient {
 public:
  AnvilClient(net::Loop& loop, std::string path, Logger log)
      : loop_(loop), path_(std::move(path)), log_(std::move(log)), turn_(loop) {}

  struct Counts {
    int count = 0;  // connections of this client to this service now
    int rate = 0;   // begun in this anvil_rate_time_unit
  };
  Task<std::optional<Counts>> connect(std::string service, std::string address);
  Task<> disconnect(std::string service, std::string address);
  // How many of them in this time unit.
  Task<std::optional<int>> message(std::string service, std::string address);
  Task<std::optional<int>> recipient(std::string service, std::string address);
  Task<std::optional<int>> new_tls(std::string service, std::string address);
  Task<std::optional<int>> auth(std::string service, std::string address);

 private:
  Task<std::optional<proto::Attributes>> ask(std::string request, std::string service,
                                             std::string address);
  Task<std::optional<proto::Attributes>> ask_once(const proto::Attributes& request);
  Task<bool> open();
  Task<std::optional<int>> rate(std::string request, std::string service, std::string address);

  net::Loop& loop_;
  std::string path_;
  Logger log_;
  net::AsyncMutex turn_;
  std::unique_ptr<Conn> conn_;
  bool warned_ = false;
  std::optional<base::Milliseconds> failed_at_;
};

}  // namespace dovetail::mta
