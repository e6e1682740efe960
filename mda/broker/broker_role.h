// The broker: root, but it reads nothing that a client wrote. Takes clients from login and deliveries from lmtp, asks
// auth-master for the user, forms his identity, and gives the job to one of the identity's workers. Counts sessions for
// mail_max_userip_connections, and knows who is logged in (socket anvil: CONNECT-DUMP, KICK).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/proto/auth_master.h"
#include "common/service/service.h"
#include "mda/broker/delivery.h"
#include "mda/broker/handover.h"
#include "mda/broker/online.h"
#include "mda/broker/workers.h"

namespace dovetail::mda {

class BrokerRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;
  void control(service::Context& context, const service::ControlMessage& message,
               std::vector<base::Fd> fds) override;
  void stop(service::Context& context) override;
  void drain(service::Context& context) override;
  bool busy() const override { return workers_ && workers_->jobs() > 0; }

 private:
  Task<> serve_login(service::Context& context, base::Fd fd);
  Task<HandoverAnswer> take_session(service::Context& context, Handover handover, base::Fd client);
  Task<> wait_for_place(service::Context& context, std::string service);
  HandoverAnswer start_session(service::Context& context, const Handover& handover,
                               const proto::AuthUser& user, base::Fd client);
  Task<> serve_delivery(service::Context& context, base::Fd fd);
  Task<Result<DeliveryAnswer>> answer_delivery(service::Context& context, StreamMessage question);
  Task<DeliveryAnswer> find_user(Delivery delivery);
  Task<Result<std::optional<proto::AuthUser>>> delivery_user(const Delivery& delivery);
  std::string remember(const Delivery& delivery, proto::AuthUser user);
  std::optional<proto::AuthUser> recall(const Delivery& delivery);
  Task<DeliveryAnswer> take_delivery(service::Context& context, service::ControlMessage question,
                                     base::Fd message);
  Task<> serve_counts(service::Context& context, base::Fd fd);
  unsigned kick(service::Context& context, std::string_view user, std::string_view ip);
  void session_ended(service::Context& context, uint64_t id);
  Result<MailIdentity> identity_of(const service::Context& context, const proto::AuthUser& user,
                                   const std::string& service, const std::string& local_ip,
                                   const std::string& remote_ip) const;

  WorkerStart worker_start_;
  std::string auth_master_path_;
  std::unique_ptr<proto::AuthMaster> auth_;
  OnlineTable online_;
  std::map<std::string, base::Milliseconds> limit_said_;  // by service
  // Users that were found at RCPT and are about to get a message; the oldest are forgotten.
  struct Remembered {
    std::string asked, session;
    proto::AuthUser user;
    base::Milliseconds since;
  };
  std::map<uint64_t, Remembered> remembered_;
  uint64_t last_lookup_ = 0;
  std::set<FramedChannel*> waiting_;  // connections of lmtp without a question
  bool draining_ = false;
  std::unique_ptr<Workers> workers_;
};

}  // namespace dovetail::mda
