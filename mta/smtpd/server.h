// What all sessions of one smtpd process share: parameters, lists, tables, certificates, the ways to the resolver, the
// queue, the auth server and anvil. Made once, before rights are dropped; sessions only read it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/net/dns.h"
#include "common/net/loop.h"
#include "common/net/tls.h"
#include "common/proto/auth_client.h"
#include "common/service/file_snapshot.h"
#include "conf/postfix/main_cf.h"
#include "lookup/mail_addr_find.h"
#include "lookup/maps.h"
#include "lookup/match_list.h"
#include "mta/resolve/resolve.h"
#include "mta/smtpd/message_store.h"
#include "mta/smtpd/parameters.h"
#include "mta/smtpd/restrictions/restriction.h"

namespace dovetail::mta {
class AnvilClient;
}

namespace dovetail::mta::smtpd {

class PolicyClient;

enum class TlsLevel { none, may, encrypt };

// smtpd_discard_ehlo_keywords as bits.
enum EhloKeyword : unsigned {
  kEhloPipelining = 1 << 0,
  kEhloSize = 1 << 1,
  kEhloVrfy = 1 << 2,
  kEhloEtrn = 1 << 3,
  kEhloStarttls = 1 << 4,
  kEhloAuth = 1 << 5,
  kEhloXclient = 1 << 6,
  kEhloXforward = 1 << 7,
  kEhloEnhancedStatus = 1 << 8,
  kEhlo8bitmime = 1 << 9,
  kEhloDsn = 1 << 10,
  kEhloSmtputf8 = 1 << 11,
  kEhloChunking = 1 << 12,
  kEhloSilent = 1 << 13,
};
unsigned ehlo_keywords(std::string_view words, const Logger& log);

// Tables that say which recipients and senders exist.
struct RecipientTables {
  lookup::Maps local, relay, virtual_alias, virtual_mailbox;
  lookup::Maps canonical, recipient_canonical, sender_canonical;
  lookup::Maps sender_login;
};

class Server : public lookup::LocalDomains {
 public:
  Server(net::Loop& loop, Logger log, std::string service);
  ~Server() override;

  // Everything main.cf names for this service; rights are still there. resolver, store, addresses and dns may have
  // been set before (tests), and are left alone then.
  Result<void> open(const conf::MainCf& main_cf);

  // LocalDomains, for address lookups.
  Task<Result<bool>> is_local(std::string_view domain) override;
  PolicyClient& policy(const std::string& argument);
  // A warning that is written once in this process's life.
  void warn_once(const std::string& text);

  net::Loop& loop;
  Logger log;
  std::string service;  // "smtp", "submission", as anvil and its warnings name it
  SmtpdParameters normal, stressed;
  std::optional<conf::MainCf> main_cf;

  std::unique_ptr<Resolver> addresses;
  std::unique_ptr<CleanupService> cleanup;
  std::unique_ptr<MessageStore> store;
  std::shared_ptr<net::Resolver> dns;
  std::unique_ptr<proto::AuthClient> auth;
  bool auth_down = false;  // said so in a warning
  std::unique_ptr<AnvilClient> anvil;

  TlsLevel tls_level = TlsLevel::none;
  std::shared_ptr<net::TlsContext> tls;
  int tls_loglevel = 0;
  // The parent's: certificates and keys as it has read them (what is not in there is read here), keys of session tickets.
  service::FileSnapshot files;
  std::shared_ptr<const net::TicketKeys> tickets;
  // The sessions to come get the certificate from these files; after an error they keep the one they have.
  Result<void> renew_tls(service::FileSnapshot renewed);

  lookup::MatchList mynetworks, mx_backup_networks, xclient_hosts, xforward_hosts,
      event_limit_exceptions, bare_newline_exclusions;
  lookup::MatchList noop_commands, forbidden_commands, fast_flush_domains, sasl_exceptions,
      sasl_mechanisms;
  lookup::Maps discard_keyword_maps, rbl_replies, client_certificates;
  unsigned discard_keywords = 0;
  std::unique_ptr<Restrictions> restrictions;
  RecipientTables tables;
  bool parents_match_access = false;  // smtpd_access_maps in parent_domain_matches_subdomains
  bool check_unlisted = true;         // receive_override_options: no_unknown_recipient_checks
  unsigned cleanup_flags = 0;
  // Parameters in force that no code here obeys and that must not be skipped; each MAIL is deferred.
  std::vector<std::string> deferring;

 private:
  Result<void> open_lists(const SmtpdParameters& p);
  Result<void> open_tables(const SmtpdParameters& p);
  Result<void> open_tls(const SmtpdParameters& p);
  Result<std::shared_ptr<net::TlsContext>> make_tls(const SmtpdParameters& p) const;
  void open_sasl(const SmtpdParameters& p);
  void find_unsupported(const SmtpdParameters& p);
  Result<lookup::Maps> maps(std::string_view title, const std::string& value);
  Result<void> list(lookup::MatchList& to, std::string_view title, const std::string& value);
  lookup::OpenOptions options() const;

  std::map<std::string, std::unique_ptr<PolicyClient>> policies_;
  std::set<std::string> warned_;
};

}  // namespace dovetail::mta::smtpd
