// What an LMTP session reads of the settings; shared by all connections that match the same filters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/net/tls.h"
#include "conf/dovecot/settings.h"

namespace dovetail::mda::lmtp {

enum class DeliveryAddress { final, original, none };

struct LmtpSettings {
  std::string hostname;
  std::string login_greeting = "Dovecot ready.";
  std::string recipient_delimiter = "+";
  std::string mail_temp_dir = "/tmp";
  size_t message_in_memory = 128 * 1024;  // no setting; larger ones go to mail_temp_dir
  bool lmtp_add_received_header = true;
  bool lmtp_save_to_detail_mailbox = false;
  DeliveryAddress lmtp_hdr_delivery_address = DeliveryAddress::final;
  unsigned lmtp_user_concurrency_limit = 0;
  bool whitespace_before_path = false, mailbox_for_path = false;  // lmtp_client_workarounds
  // A setting that this version cannot obey and mail must not be accepted without; empty: none.
  std::string defers;
  std::shared_ptr<net::TlsContext> tls;  // null: STARTTLS is not offered
  std::string tls_error;
};

LmtpSettings read_lmtp_settings(const conf::dovecot::View& view);

// This host's full name, as DNS or /etc/hosts have it.
std::string own_host_domain();

class LmtpSettingsCache {
 public:
  // The tree must outlive this.
  LmtpSettingsCache(const conf::dovecot::Tree& tree, std::string host_domain,
                    std::shared_ptr<const net::TicketKeys> tickets = nullptr)
      : tree_(&tree), host_domain_(std::move(host_domain)), tickets_(std::move(tickets)) {}
  // Settings for the sessions to come (a renewed certificate).
  void renew(conf::dovecot::Tree tree);
  Result<std::shared_ptr<const LmtpSettings>> get(const std::string& local_ip,
                                                  const std::string& remote_ip);

 private:
  const conf::dovecot::Tree* tree_;
  std::shared_ptr<const conf::dovecot::Tree> renewed_;
  std::string host_domain_;
  std::shared_ptr<const net::TicketKeys> tickets_;
  std::map<std::shared_ptr<const conf::dovecot::View>, std::shared_ptr<const LmtpSettings>> made_;
};

}  // namespace dovetail::mda::lmtp
