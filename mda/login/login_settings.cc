// SPDX-License-Identifier: Apache-2.0
#include "mda/login/login_settings.h"

#include <set>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/variables.h"

namespace dovetail::mda {

using conf::dovecot::Selector;
using conf::dovecot::View;

net::TlsSettings server_tls_settings(const View& view, const std::string& context,
                                     std::shared_ptr<const net::TicketKeys> tickets) {
  net::TlsSettings tls;
  tls.certificates = view.get("ssl_cert");
  tls.private_key = view.get_secret("ssl_key");
  tls.key_password = view.get_secret("ssl_key_password");
  tls.ca_certificates = view.get("ssl_ca");
  tls.protocols = ">=" + view.get("ssl_min_protocol");
  tls.ciphers = view.get("ssl_cipher_list");
  tls.ciphersuites = view.get("ssl_cipher_suites");
  tls.groups = view.get("ssl_curve_list");
  tls.prefer_server_ciphers = view.get_bool("ssl_prefer_server_ciphers");
  tls.ask_client_certificate = view.get_bool("ssl_verify_client_cert");
  tls.session_context = context;
  tls.tickets = std::move(tickets);
  auto options = view.get("ssl_options");
  for (auto word : base::words(options, " ,\t")) {
    if (base::iequals(word, "no_ticket")) tls.session_lifetime = std::chrono::seconds(0);
  }
  return tls;
}

Result<conf::dovecot::Tree> received_settings(int fd) {
  auto packed = base::read_all(fd);
  if (!packed) return packed.error();
  auto tree = conf::dovecot::Tree::unpack(*packed);
  base::wipe(*packed);
  return tree;
}

namespace {

LoginSettings read_login_settings(const View& view, const std::string& protocol) {
  LoginSettings made;
  auto variables = conf::dovecot::user_variables({}, protocol);
  made.login_greeting = conf::dovecot::expand_variables(view.get("login_greeting"), variables).text;
  made.log_format = {view.get("login_log_format"), view.get("login_log_format_elements")};
  auto networks = view.get("login_trusted_networks");
  for (auto word : base::words(networks, " ,\t")) {
    if (auto network = net::Network::parse(word)) made.login_trusted_networks.push_back(*network);
  }
  made.ssl = view.get("ssl") != "no";
  made.ssl_required = view.get("ssl") == "required";
  made.disable_plaintext_auth = view.get_bool("disable_plaintext_auth");
  made.auth_verbose = view.get_bool("auth_verbose");
  made.mail_max_userip_connections =
      static_cast<unsigned>(view.get_number("mail_max_userip_connections"));
  if (protocol == "imap") {
    made.imap_capability = view.get("imap_capability");
    made.imap_id_send = view.get("imap_id_send");
    made.imap_literal_minus = view.get_bool("imap_literal_minus");
  }
  return made;
}

// The names local_name filters speak of; one filter may list several.
std::set<std::string> certificate_names(const conf::dovecot::Tree& tree) {
  std::set<std::string> names;
  for (auto& filter : tree.filters()) {
    for (auto name : base::words(filter.local_name, " \"")) names.emplace(name);
  }
  return names;
}

}  // namespace

void LoginSettingsCache::add_tls(LoginSettings& settings, const View& view, const Selector& who) {
  if (!settings.ssl || view.get("ssl_cert").empty()) return;
  auto context = net::TlsContext::server(server_tls_settings(view, protocol_, tickets_));
  if (!context) {
    settings.tls_error = context.error().text;
    return;
  }
  for (auto& name : certificate_names(*tree_)) {
    Selector named = who;
    // A filter "*.example.org" is chosen by any name it matches.
    named.local_name = name.starts_with("*.") ? "x" + name.substr(1) : name;
    auto other = tree_->view(named);
    if (!other || (*other)->get("ssl_cert").empty()) continue;
    auto made = net::TlsContext::server(server_tls_settings(**other, protocol_, tickets_));
    if (made)
      (*context)->add_server_name(name, *made);
    else
      settings.tls_error = made.error().text;
  }
  settings.tls = std::move(*context);
}

void LoginSettingsCache::renew(conf::dovecot::Tree tree) {
  made_.clear();
  renewed_ = std::make_shared<const conf::dovecot::Tree>(std::move(tree));
  tree_ = renewed_.get();
}

Result<std::shared_ptr<const LoginSettings>> LoginSettingsCache::get(
    const std::string& local_ip, const std::string& remote_ip, const std::string& local_name) {
  Selector who{.protocol = protocol_,
               .local_ip = local_ip,
               .remote_ip = remote_ip,
               .local_name = local_name};
  auto view = tree_->view(who);
  if (!view) return view.error();
  auto known = made_.find(*view);
  if (known != made_.end()) return known->second;
  auto settings = std::make_shared<LoginSettings>(read_login_settings(**view, protocol_));
  add_tls(*settings, **view, who);
  return made_.emplace(*view, std::move(settings)).first->second;
}

}  // namespace dovetail::mda
