// bounce, defer and trace: turns the logs of an attempt into notices and hands them to cleanup. Manual: bounce(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/net/pool.h"
#include "common/service/service.h"
#include "conf/postfix/main_cf.h"
#include "conf/units.h"
#include "mta/bounce/notice.h"
#include "mta/delivery/bounce_request.h"
#include "mta/queue/directories.h"

namespace dovetail::mta {

struct BounceParameters {
  std::string myhostname, myorigin, mail_name, cleanup_service_name, double_bounce_sender, empty_address_recipient;
  std::string bounce_notice_recipient, two_bounce_notice_recipient, delay_notice_recipient, bounce_template_file;
  std::vector<std::string> notify_classes;
  int bounce_size_limit = 0;
  conf::Seconds maximal_queue_lifetime{};
  std::string hash_queue_names;
  int hash_queue_depth = 1;
};
Result<BounceParameters> read_bounce_parameters(const conf::MainCf& cf);
// The templates main.cf asks for; an unreadable file is a warning and the built-in words, as with the incumbent.
NoticeTemplates load_templates(const BounceParameters& parameters, const Logger& log);

class BounceRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;

 private:
  struct Material;
  Task<Result<void>> answer(BounceRequest request);
  Result<Material> gather(const BounceRequest& request) const;
  Task<Result<void>> send(const BounceRequest& request, const Material& material, Notice::Audience audience,
                          std::string envelope_sender, std::string to);
  Task<Result<void>> send_all(const BounceRequest& request, const Material& material);
  bool notifies(std::string_view notify_class) const;
  const NoticeTemplate& words_for(const BounceRequest& request) const;

  service::Context* context_ = nullptr;
  BounceParameters parameters_;
  std::vector<std::string> not_obeyed_;  // parameters that hold mail back (design.md 3)
  NoticeTemplates templates_;
  std::unique_ptr<QueueDirectories> directories_;
  std::unique_ptr<net::Pool> disk_;
};

}  // namespace dovetail::mta
