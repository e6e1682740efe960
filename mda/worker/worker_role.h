// A worker: the mail users of one uid, all their sessions and deliveries. It has no listener; jobs come from the broker over
// the control channel with a descriptor each. A session that fails takes only itself along.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/net/conn.h"
#include "common/net/pool.h"
#include "common/service/service.h"
#include "mda/imap/change_watcher.h"
#include "mda/imap/imap_settings.h"
#include "mda/pop3/pop3.h"
#include "mda/pop3/pop3_settings.h"
#include "mda/storage/store.h"
#include "mda/worker/mail_user.h"

namespace dovetail::mda {

class WorkerRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;
  void control(service::Context& context, const service::ControlMessage& message,
               std::vector<base::Fd> fds) override;
  void stop(service::Context& context) override;
  bool busy() const override { return !jobs_.empty(); }

 private:
  struct Job {
    Conn* conn = nullptr;  // of a session
  };
  // Keeps the job in the list, and tells the broker when it ends.
  class Running;

  Task<> run_session(service::Context& context, service::ControlMessage message, base::Fd fd);
  struct Opened;
  std::optional<Opened> open_session(service::Context& context,
                                     const service::ControlMessage& message);
  Task<> run_delivery(service::Context& context, service::ControlMessage message, base::Fd fd);
  Result<std::shared_ptr<Store>> store_of(service::Context& context, const MailUser& user);
  // Who got mail lately: settings and store are ready for the next message.
  struct Receiver {
    std::shared_ptr<const MailUser> user;  // without a session: it serves later deliveries too
    std::shared_ptr<Store> store;
    base::Milliseconds used{};
  };
  Result<Receiver> receiver_of(service::Context& context, const service::ControlMessage& message);
  void forget_receivers();

  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<imap::ChangeWatcher> watcher_;
  std::map<std::string, std::weak_ptr<Store>> stores_;  // by user and locations
  std::map<std::string, Receiver> receivers_;           // by all that the settings depend on
  std::unique_ptr<net::Timer> receivers_timer_;
  std::shared_ptr<const imap::ImapSettings> imap_settings_;  // of the last session
  std::shared_ptr<const pop3::Pop3Settings> pop3_settings_;
  pop3::SessionLocks pop3_locks_;
  std::map<std::string, Job> jobs_;  // by the broker's id
};

}  // namespace dovetail::mda
