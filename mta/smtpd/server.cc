// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/server.h"

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/postfix/common_parameters.h"
#include "mta/anvil/anvil_client.h"
#include "mta/smtpd/policy_client.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

struct KeywordRow {
  std::string_view word;
  unsigned bit;
};
constexpr KeywordRow keyword_rows[] = {
    {"pipelining", kEhloPipelining},
    {"size", kEhloSize},
    {"vrfy", kEhloVrfy},
    {"etrn", kEhloEtrn},
    {"starttls", kEhloStarttls},
    {"auth", kEhloAuth},
    {"xclient", kEhloXclient},
    {"xforward", kEhloXforward},
    {"enhancedstatuscodes", kEhloEnhancedStatus},
    {"8bitmime", kEhlo8bitmime},
    {"dsn", kEhloDsn},
    {"smtputf8", kEhloSmtputf8},
    {"chunking", kEhloChunking},
    {"silent-discard", kEhloSilent},
    {"verp", 0},
};

// As long as the incumbent waits for the auth server's answer.
constexpr base::Seconds kAuthReplyTime{10};

bool lists_word(std::string_view list, std::string_view word) {
  auto words = base::words(list, ", \t\r\n");
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

unsigned ehlo_keywords(std::string_view words, const Logger& log) {
  unsigned bits = 0;
  for (auto word : base::words(words, ", \t\r\n")) {
    auto same = [&](const KeywordRow& row) { return base::iequals(row.word, word); };
    auto found = std::find_if(std::begin(keyword_rows), std::end(keyword_rows), same);
    if (found == std::end(keyword_rows))
      log.warning("unknown EHLO keyword \"{}\" ignored", base::printable(word));
    else
      bits |= found->bit;
  }
  return bits;
}

Server::Server(net::Loop& shared_loop, Logger logger, std::string service_name)
    : loop(shared_loop), log(std::move(logger)), service(std::move(service_name)) {}

Server::~Server() = default;

lookup::OpenOptions Server::options() const {
  lookup::OpenOptions options{.log = log};
  options.utf8 = normal.smtputf8_enable;
  options.resolver = dns;
  // A table that cannot be opened makes its questions wait, not the whole server.
  options.surrogate = !base::iequals(main_cf->get("daemon_table_open_error_is_fatal"), "yes");
  return options;
}

Result<lookup::Maps> Server::maps(std::string_view title, const std::string& value) {
  return lookup::Maps::open(loop, *main_cf, title, value, options());
}

Result<void> Server::list(lookup::MatchList& to, std::string_view title, const std::string& value) {
  bool parents = lists_word(normal.parent_domain_matches_subdomains, title);
  auto opened = lookup::MatchList::open(loop, *main_cf, title, value, parents, options());
  if (!opened) return opened.error();
  to = std::move(*opened);
  return {};
}

Result<void> Server::open_lists(const SmtpdParameters& p) {
  struct Row {
    lookup::MatchList Server::*to;
    std::string_view title;
    const std::string& value;
  };
  const Row rows[] = {
      {&Server::mynetworks, "mynetworks", p.mynetworks},
      {&Server::mx_backup_networks, "permit_mx_backup_networks", p.permit_mx_backup_networks},
      {&Server::xclient_hosts, "smtpd_authorized_xclient_hosts", p.smtpd_authorized_xclient_hosts},
      {&Server::xforward_hosts, "smtpd_authorized_xforward_hosts",
       p.smtpd_authorized_xforward_hosts},
      {&Server::event_limit_exceptions, "smtpd_client_event_limit_exceptions",
       p.smtpd_client_event_limit_exceptions},
      {&Server::bare_newline_exclusions, "smtpd_forbid_bare_newline_exclusions",
       p.smtpd_forbid_bare_newline_exclusions},
      {&Server::noop_commands, "smtpd_noop_commands", p.smtpd_noop_commands},
      {&Server::forbidden_commands, "smtpd_forbidden_commands", p.smtpd_forbidden_commands},
      {&Server::fast_flush_domains, "fast_flush_domains", p.fast_flush_domains},
      {&Server::sasl_exceptions, "smtpd_sasl_exceptions_networks",
       p.smtpd_sasl_exceptions_networks},
      {&Server::sasl_mechanisms, "smtpd_sasl_mechanism_filter", p.smtpd_sasl_mechanism_filter},
  };
  for (auto& row : rows) {
    auto opened = list(this->*row.to, row.title, row.value);
    if (!opened) return opened.error();
  }
  return {};
}

Result<void> Server::open_tables(const SmtpdParameters& p) {
  struct Row {
    lookup::Maps& to;
    std::string_view title;
    const std::string& value;
  };
  const Row rows[] = {
      {tables.local, "local_recipient_maps", p.local_recipient_maps},
      {tables.relay, "relay_recipient_maps", p.relay_recipient_maps},
      {tables.virtual_alias, "virtual_alias_maps", p.virtual_alias_maps},
      {tables.virtual_mailbox, "virtual_mailbox_maps", p.virtual_mailbox_maps},
      {tables.canonical, "canonical_maps", p.canonical_maps},
      {tables.recipient_canonical, "recipient_canonical_maps", p.recipient_canonical_maps},
      {tables.sender_canonical, "sender_canonical_maps", p.sender_canonical_maps},
      {tables.sender_login, "smtpd_sender_login_maps", p.smtpd_sender_login_maps},
      {discard_keyword_maps, "smtpd_discard_ehlo_keyword_address_maps",
       p.smtpd_discard_ehlo_keyword_address_maps},
      {rbl_replies, "rbl_reply_maps", p.rbl_reply_maps},
      {client_certificates, "relay_clientcerts", p.relay_clientcerts},
  };
  for (auto& row : rows) {
    auto opened = maps(row.title, row.value);
    if (!opened) return opened.error();
    row.to = std::move(*opened);
  }
  return {};
}

void Server::open_sasl(const SmtpdParameters& p) {
  if (!p.smtpd_sasl_auth_enable) return;
  if (p.smtpd_sasl_type == "dovecot") {
    auth = std::make_unique<proto::AuthClient>(loop, p.smtpd_sasl_path, log);
    auth->set_reply_timeout(kAuthReplyTime);
    return;
  }
  log.warning("smtpd_sasl_type {} is not supported: AUTH is not offered", p.smtpd_sasl_type);
}

// What filters, restricts or routes and is not obeyed here must stop mail, not be skipped.
void Server::find_unsupported(const SmtpdParameters& p) {
  struct Row {
    std::string_view name;
    const std::string& value;
  };
  auto dns_filter = main_cf->get("smtpd_dns_reply_filter");
  const Row rows[] = {
      {"smtpd_proxy_filter", p.smtpd_proxy_filter},
      {"smtpd_upstream_proxy_protocol", p.smtpd_upstream_proxy_protocol},
      {"smtpd_milter_maps", p.smtpd_milter_maps},
      {"smtpd_command_filter", p.smtpd_command_filter},
      {"smtpd_dns_reply_filter", dns_filter},
  };
  for (auto& row : rows) {
    if (row.value.empty()) continue;
    deferring.emplace_back(row.name);
    log.warning("{} is not supported yet: mail is deferred", row.name);
  }
  for (auto& name : conf::unsupported_parameters(*main_cf, conf::Unsupported::defer, "smtpd")) {
    if (std::find(deferring.begin(), deferring.end(), name) != deferring.end()) continue;
    deferring.push_back(name);
    log.warning("{} is not supported yet: mail is deferred", name);
  }
  if (!p.smtpd_milters.empty())
    log.warning("smtpd_milters is not supported yet: mail that a Milter should see is deferred");
}

Result<void> Server::open(const conf::MainCf& cf) {
  main_cf = cf;
  auto read = read_parameters(*main_cf);
  if (!read) return read.error();
  auto under_stress = read_parameters(main_cf->stressed());
  if (!under_stress) return under_stress.error();
  normal = std::move(*read);
  stressed = std::move(*under_stress);
  auto& p = normal;
  if (!dns) dns = net::make_resolver(loop);
  auto opened = open_lists(p);
  if (opened) opened = open_tables(p);
  if (opened) opened = open_tls(p);
  if (!opened) return opened.error();
  open_sasl(p);
  discard_keywords = ehlo_keywords(p.smtpd_discard_ehlo_keywords, log);
  parents_match_access = lists_word(p.parent_domain_matches_subdomains, "smtpd_access_maps");
  find_unsupported(p);
  check_unlisted = !lists_word(p.receive_override_options, "no_unknown_recipient_checks");
  cleanup_flags = kCleanupMaskExternal | kCleanupSmtpReply;
  if (lists_word(p.receive_override_options, "no_address_mappings"))
    cleanup_flags &= ~(kCleanupMap | kCleanupBcc);
  if (lists_word(p.receive_override_options, "no_header_body_checks"))
    cleanup_flags &= ~unsigned{kCleanupFilter};
  if (lists_word(p.receive_override_options, "no_milters"))
    cleanup_flags &= ~unsigned{kCleanupMilter};
  restrictions = std::make_unique<Restrictions>(loop, *main_cf, log, options());
  auto lists = restrictions->open(p);
  if (!lists) return lists.error();
  if (!addresses) {
    auto made = Resolver::open(loop, *main_cf, log);
    if (!made) return made.error();
    addresses = std::move(*made);
  }
  return {};
}

Task<Result<bool>> Server::is_local(std::string_view domain) {
  return addresses->is_local_domain(base::lower(domain));
}

PolicyClient& Server::policy(const std::string& argument) {
  auto& client = policies_[argument];
  if (!client)
    client =
        std::make_unique<PolicyClient>(loop, dns, log, parse_policy_settings(argument, normal));
  return *client;
}

void Server::warn_once(const std::string& text) {
  if (warned_.insert(text).second) log.warning("{}", text);
}

}  // namespace dovetail::mta::smtpd
