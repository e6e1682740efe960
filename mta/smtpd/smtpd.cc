// smtpd: the SMTP server. Sessions are session.h's; here is the program around them: what is opened before rights are
// dropped, and who serves a client.
// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "common/base/file.h"
#include "common/net/conn.h"
#include "common/service/run_postfix.h"
#include "conf/postfix/main_cf.h"
#include "conf/postfix/master_cf.h"
#include "mta/anvil/anvil_client.h"
#include "mta/cleanup/cleanup.h"
#include "mta/smtpd/message_store.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

// main.cf as the cleanup service's own line of master.cf sees it: the message is completed here, in its name.
Result<conf::MainCf> cleanup_main_cf(const conf::MainCf& own, Logger& log) {
  auto name = own.get("cleanup_service_name");
  std::vector<conf::Override> overrides;
  auto services = conf::load_master_cf(own.config_directory() + "/master.cf");
  if (!services) return services.error();
  for (auto& service : *services) {
    if (service.name == name && service.program == "cleanup") overrides = service.overrides;
  }
  conf::LoadOptions options;
  options.process_name = "cleanup";
  options.service_name = name;
  auto loaded = conf::MainCf::load(own.config_directory(), overrides, options);
  if (loaded) log = Logger(loaded->get("syslog_name") + "/cleanup");
  return loaded;
}

class SmtpdRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override {
    server_ = std::make_unique<Server>(context.loop, context.log, context.service);
    server_->tickets = context.tickets;
    if (context.files) server_->files = *context.files;
    auto opened = server_->open(*context.main_cf);
    server_->files = {};
    if (!opened) return opened.error();
    Logger cleanup_log("postfix/cleanup");
    auto cf = cleanup_main_cf(*context.main_cf, cleanup_log);
    if (!cf) return cf.error();
    auto cleanup = CleanupService::open(context.loop, *cf, cleanup_log);
    if (!cleanup) return cleanup.error();
    server_->cleanup = std::move(*cleanup);
    server_->store = make_cleanup_store(*server_->cleanup);
    server_->anvil = std::make_unique<AnvilClient>(context.loop, "private/anvil", context.log);
    return {};
  }

  void control(service::Context& context, const service::ControlMessage& message,
               std::vector<base::Fd> fds) override {
    if (message.verb != "settings" || fds.size() != 1) return;
    auto bytes = base::read_all(fds[0].get());
    auto files = bytes ? service::FileSnapshot::decode(*bytes) : bytes.error();
    if (bytes) base::wipe(*bytes);
    auto renewed = files ? server_->renew_tls(std::move(*files)) : files.error();
    if (!renewed) context.log.error("new certificate: {}", renewed.error().text);
  }

  Task<> serve(service::Context& context, service::Client client) override {
    auto local = net::local_of(client.fd.get());
    bool stress = context.main_cf->get("stress") == "yes";
    Session session(*server_, std::move(client.fd), client.peer, local, stress);
    co_await session.run();
  }

 private:
  std::unique_ptr<Server> server_;
};

}  // namespace
}  // namespace dovetail::mta::smtpd

int main(int argc, char** argv) {
  dovetail::mta::smtpd::SmtpdRole role;
  return dovetail::service::run_postfix_service(argc, argv, "smtpd", role);
}
