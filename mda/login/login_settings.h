// What a login process reads of the settings for one connection, and its TLS context. Views are shared by all connections
// that match the same filters, so is what is made of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/net/address.h"
#include "common/net/tls.h"
#include "conf/dovecot/settings.h"
#include "mda/login/log_line.h"

namespace dovetail::mda {

struct LoginSettings {
  std::string login_greeting;
  LoginLogFormat log_format;
  std::vector<net::Network> login_trusted_networks;
  bool ssl = false, ssl_required = false;
  bool disable_plaintext_auth = true;
  bool auth_verbose = false;
  unsigned mail_max_userip_connections = 10;
  std::string imap_capability, imap_id_send;
  bool imap_literal_minus = false;
  std::shared_ptr<net::TlsContext> tls;  // null: none, or it could not be made
  std::string tls_error;                 // why it could not
};

class LoginSettingsCache {
 public:
  // protocol: "imap", "pop3". The tree must outlive this; tickets are the parent's, null: each context has its own.
  LoginSettingsCache(const conf::dovecot::Tree& tree, std::string protocol,
                     std::shared_ptr<const net::TicketKeys> tickets = nullptr)
      : tree_(&tree), protocol_(std::move(protocol)), tickets_(std::move(tickets)) {}

  // Settings for the sessions to come (a renewed certificate); sessions keep what they have.
  void renew(conf::dovecot::Tree tree);

  Result<std::shared_ptr<const LoginSettings>> get(const std::string& local_ip,
                                                   const std::string& remote_ip,
                                                   const std::string& local_name = {});

 private:
  void add_tls(LoginSettings& settings, const conf::dovecot::View& view,
               const conf::dovecot::Selector& who);

  const conf::dovecot::Tree* tree_;
  std::shared_ptr<const conf::dovecot::Tree> renewed_;
  std::string protocol_;
  std::shared_ptr<const net::TicketKeys> tickets_;
  std::map<std::shared_ptr<const conf::dovecot::View>, std::shared_ptr<const LoginSettings>> made_;
};

// ssl_* as a server context's settings; context: whose TLS sessions these are ("imap").
net::TlsSettings server_tls_settings(const conf::dovecot::View& view, const std::string& context,
                                     std::shared_ptr<const net::TicketKeys> tickets);

// The memory file of a parent's message "settings".
Result<conf::dovecot::Tree> received_settings(int fd);

}  // namespace dovetail::mda
