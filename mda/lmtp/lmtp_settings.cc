// SPDX-License-Identifier: Apache-2.0
#include "mda/lmtp/lmtp_settings.h"

#include <netdb.h>
#include <unistd.h>

#include "common/base/text.h"
#include "conf/dovecot/variables.h"
#include "mda/login/login_settings.h"

namespace dovetail::mda::lmtp {

LmtpSettings read_lmtp_settings(const conf::dovecot::View& view) {
  LmtpSettings made;
  auto variables = conf::dovecot::user_variables({}, "lmtp");
  made.hostname = view.get("hostname");
  made.login_greeting = conf::dovecot::expand_variables(view.get("login_greeting"), variables).text;
  made.recipient_delimiter = view.get("recipient_delimiter");
  made.mail_temp_dir = conf::dovecot::expand_variables(view.get("mail_temp_dir"), variables).text;
  made.lmtp_add_received_header = view.get_bool("lmtp_add_received_header");
  made.lmtp_save_to_detail_mailbox = view.get_bool("lmtp_save_to_detail_mailbox");
  auto address = view.get("lmtp_hdr_delivery_address");
  made.lmtp_hdr_delivery_address = address == "none"       ? DeliveryAddress::none
                                   : address == "original" ? DeliveryAddress::original
                                                           : DeliveryAddress::final;
  made.lmtp_user_concurrency_limit =
      static_cast<unsigned>(view.get_number("lmtp_user_concurrency_limit"));
  auto workarounds = view.get("lmtp_client_workarounds");
  for (auto word : base::words(workarounds, " ,\t")) {
    if (word == "whitespace-before-path") made.whitespace_before_path = true;
    if (word == "mailbox-for-path") made.mailbox_for_path = true;
  }
  for (auto key : {"lmtp_proxy", "lmtp_rcpt_check_quota"}) {
    if (view.get_bool(key)) made.defers = key;
  }
  return made;
}

std::string own_host_domain() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  std::string domain = name;
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_CANONNAME;
  if (::getaddrinfo(name, nullptr, &hints, &found) == 0) {
    if (found->ai_canonname) domain = found->ai_canonname;
    ::freeaddrinfo(found);
  }
  return domain;
}

void LmtpSettingsCache::renew(conf::dovecot::Tree tree) {
  made_.clear();
  renewed_ = std::make_shared<const conf::dovecot::Tree>(std::move(tree));
  tree_ = renewed_.get();
}

Result<std::shared_ptr<const LmtpSettings>> LmtpSettingsCache::get(const std::string& local_ip,
                                                                   const std::string& remote_ip) {
  auto view = tree_->view(
      conf::dovecot::Selector{.protocol = "lmtp", .local_ip = local_ip, .remote_ip = remote_ip});
  if (!view) return view.error();
  auto known = made_.find(*view);
  if (known != made_.end()) return known->second;
  auto settings = std::make_shared<LmtpSettings>(read_lmtp_settings(**view));
  if (settings->hostname.empty()) settings->hostname = host_domain_;
  if ((*view)->get("ssl") != "no" && !(*view)->get("ssl_cert").empty()) {
    auto context = net::TlsContext::server(server_tls_settings(**view, "lmtp", tickets_));
    if (context)
      settings->tls = std::move(*context);
    else
      settings->tls_error = context.error().text;
  }
  return made_.emplace(*view, std::move(settings)).first->second;
}

}  // namespace dovetail::mda::lmtp
