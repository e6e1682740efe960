// proxymap, proxywrite: lookup tables for other processes, over private/proxymap (read) and private/proxywrite (read and
// write). Only tables that proxy_read_maps or proxy_write_maps names are opened, at the first request for each, and shared
// by all clients. Wire form: lookup/proxy_wire.h, the incumbent's. Manual: proxymap(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/net/conn.h"
#include "common/proto/waiting.h"
#include "common/service/service.h"
#include "conf/postfix/main_cf.h"
#include "lookup/build/store.h"
#include "lookup/registry.h"

namespace dovetail::mta {

// The tables of a list of parameters ("proxy:mysql:/a.cf", "hash:/b"): those with proxy: in front, without it; also those
// inside unionmap:{...} and pipemap:{...}.
std::set<std::string, std::less<>> approved_tables(std::string_view list);

class ProxymapRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;
  // Idle clients are left: a successor waits for the lock on what this process writes.
  void drain(service::Context& context) override;
  // One request; what the client hears.
  Task<proto::Attributes> answer(const proto::Attributes& request);

 private:
  Task<proto::Attributes> look_up(const proto::Attributes& request);
  Task<proto::Attributes> change(const proto::Attributes& request, bool remove);
  Task<proto::Attributes> walk(const proto::Attributes& request);
  proto::Attributes open(const proto::Attributes& request);
  bool approved(std::string_view table) const;
  std::shared_ptr<lookup::Table> reader(const std::string& table, int flags, int& status);
  lookup::Store* writer(const std::string& table, int& status);

  net::Loop* loop_ = nullptr;
  const conf::MainCf* main_cf_ = nullptr;
  Logger log_{"proxymap"};
  bool writes_ = false;
  std::string list_;  // the parameter's name
  std::set<std::string, std::less<>> approved_;
  std::map<std::string, std::shared_ptr<lookup::Table>> readers_;  // by table and flags
  std::map<std::string, std::unique_ptr<lookup::Store>> writers_;
  proto::WaitingRequests waiting_;
};

}  // namespace dovetail::mta
