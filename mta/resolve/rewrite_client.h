// Asking trivial-rewrite on private/rewrite: for those who link no tables (qmgr, local). One connection, questions in order,
// many under way; a broken connection is made anew once per question, then the answer is temporary.
//
// Wire form (common/proto/attr): request=resolve sender address -> status transport nexthop recipient class domain flags;
// request=rewrite rule=local|remote address -> status address. status is 0, or 1 with `reason` for a temporary failure.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

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

  Task<Result<Resolution>> resolve(std::string sender, std::string address);
  Task<Result<std::string>> rewrite(std::string address, RewriteContext context);

 private:
  Task<Result<proto::Attributes>> ask(proto::Attributes question);

  net::Loop& loop_;
  std::string path_;
  Logger log_;
  net::AsyncMutex turn_;
  std::unique_ptr<Conn> conn_;
};

}  // namespace dovetail::mta
