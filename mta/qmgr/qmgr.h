// The queue manager: brings messages from incoming and deferred into active, has their recipients resolved, gives them to the
// scheduler, and ends each attempt: notices, removal, or back to deferred with a later time. Manual: qmgr(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/net/batch.h"
#include "common/service/service.h"
#include "mta/delivery/bounce_request.h"
#include "mta/qmgr/message.h"
#include "mta/qmgr/queue_work.h"
#include "mta/qmgr/parameters.h"
#include "mta/qmgr/scheduler.h"
#include "mta/queue/directories.h"
#include "mta/resolve/rewrite_client.h"

namespace dovetail::mta {

class QmgrRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> serve(service::Context&, service::Client) override { co_return; }
  bool wants_triggers() const override { return true; }
  // D scan deferred, I scan incoming, A ignore time stamps, F forget dead destinations, W wake-up (both scans).
  void trigger(service::Context& context, std::string_view bytes) override;
  bool busy() const override { return scheduler_ && scheduler_->deliveries() > 0; }
  void drain(service::Context& context) override;

 private:
  struct ScanWish {
    bool incoming = false, deferred = false, ignore_time = false;
  };

  Task<> run();
  Task<> scan(std::string queue, bool ignore_time);
  Task<> take_up(std::string queue, std::vector<std::string> queue_ids, bool ignore_time);
  Task<> attempt(std::shared_ptr<ActiveMessage> message, Loaded first);
  Task<Loaded> load(std::shared_ptr<ActiveMessage> message, off_t recipients_from);
  Task<bool> accept(std::shared_ptr<ActiveMessage> message, Loaded loaded);
  Task<> dispatch(std::shared_ptr<ActiveMessage> message);
  Task<> finish(std::shared_ptr<ActiveMessage> message);
  Task<bool> notify(std::shared_ptr<ActiveMessage> message, BounceRequest::Kind kind, const std::string& service);
  Task<> defer_message(std::shared_ptr<ActiveMessage> message);
  Task<> remove_message(std::shared_ptr<ActiveMessage> message);
  Task<> defer_recipient(std::shared_ptr<ActiveMessage> message, mail::Recipient rcpt, mail::DsnText reason);
  Task<> set_aside(std::string queue_id, std::string why);
  ReadOptions read_options() const;
  bool is_expired(const ActiveMessage& message) const;

  service::Context* context_ = nullptr;
  QmgrParameters parameters_;
  std::vector<std::string> not_obeyed_;  // parameters that hold mail back (design.md 3)
  std::unique_ptr<QueueDirectories> directories_;
  std::unique_ptr<net::Pool> disk_;
  std::unique_ptr<net::Batch<Ending>> endings_;
  std::unique_ptr<RewriteClient> rewrite_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<net::Event> wake_, room_;
  std::set<std::string> active_;  // queue ids in memory
  ScanWish wish_;
  bool draining_ = false;
};

}  // namespace dovetail::mta
