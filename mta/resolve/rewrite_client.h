// Asking trivial-rewrite on private/rewrite: for those who link no tables (qmgr, local). One connection, questions in order;
// those that wait while others are asked go together. A broken connection is made anew once, then the answer is temporary.
//
// Wire form (common/proto/attr): request=resolve sender address -> status transport nexthop recipient class domain flags;
// request=rewrite rule=local|remote address -> status address. status is 0, or 1 with `reason` for a temporary failure.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/net/conn.h"
#include "common/proto/attr.h"
#include "mta/resolve/resolve.h"

namespace dovetail::mta {

proto::Attributes encode_resolution(const Resolution& resolution);
Result<Resolution> decode_resolution(const proto::Attributes& from);

class RewriteClient {
 public:
  RewriteClient(net::Loop& loop, std::string path, Logger log)
      : loop_(loop), path_(std::move(path)), log_(std::move(log)), turn_(loop) {}

  // verify: by the address_verify_* routes, for probes.
  Task<Result<Resolution>> resolve(std::string sender, std::string address, bool verify = false);
  Task<Result<std::string>> rewrite(std::string address, RewriteContext context);

 private:
  struct Asked {
    proto::Attributes question;
    std::optional<proto::Attributes> answer;
    bool attempted = false;  // by whoever took the question along
    std::string problem = "no answer";
  };
  Task<Result<proto::Attributes>> ask(proto::Attributes question);
  Task<> ask_together(std::vector<std::shared_ptr<Asked>> all);
  Task<> exchange(const std::vector<std::shared_ptr<Asked>>& all);

  net::Loop& loop_;
  std::string path_;
  Logger log_;
  net::AsyncMutex turn_;
  std::unique_ptr<Conn> conn_;
  std::deque<std::shared_ptr<Asked>> waiting_;
};

}  // namespace dovetail::mta
