// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/tables.h"

#include "common/base/text.h"
#include "mta/resolve/interfaces.h"

namespace dovetail::mta {

namespace {

// clang-format off
constexpr conf::Bind<RewriteParameters> rewrite_bindings[] = {
    {"swap_bangpath",                &RewriteParameters::swap_bangpath},
    {"allow_percent_hack",           &RewriteParameters::allow_percent_hack},
    {"append_at_myorigin",           &RewriteParameters::append_at_myorigin},
    {"append_dot_mydomain",          &RewriteParameters::append_dot_mydomain},
    {"myorigin",                     &RewriteParameters::myorigin},
    {"mydomain",                     &RewriteParameters::mydomain},
    {"remote_header_rewrite_domain", &RewriteParameters::remote_header_rewrite_domain},
    {"recipient_delimiter",          &RewriteParameters::recipient_delimiter},
};
constexpr conf::Bind<ResolveParameters> resolve_bindings[] = {
    {"myhostname",                       &ResolveParameters::myhostname},
    {"mydestination",                    &ResolveParameters::mydestination},
    {"virtual_alias_domains",            &ResolveParameters::virtual_alias_domains},
    {"virtual_mailbox_domains",          &ResolveParameters::virtual_mailbox_domains},
    {"relay_domains",                    &ResolveParameters::relay_domains},
    {"parent_domain_matches_subdomains", &ResolveParameters::parent_domain_matches_subdomains},
    {"relocated_maps",                   &ResolveParameters::relocated_maps},
    {"empty_address_recipient",          &ResolveParameters::empty_address_recipient},
    {"empty_address_relayhost_maps_lookup_key",
     &ResolveParameters::empty_address_relayhost_maps_lookup_key},
    {"empty_address_default_transport_maps_lookup_key",
     &ResolveParameters::empty_address_default_transport_maps_lookup_key},
    {"resolve_dequoted_address",         &ResolveParameters::resolve_dequoted_address},
    {"allow_min_user",                   &ResolveParameters::allow_min_user},
    {"resolve_null_domain",              &ResolveParameters::resolve_null_domain},
    {"resolve_numeric_domain",           &ResolveParameters::resolve_numeric_domain},
    {"show_user_unknown_table_name",     &ResolveParameters::show_user_unknown_table_name},
};
constexpr conf::Bind<RouteParameters> mail_bindings[] = {
    {"local_transport",                         &RouteParameters::local_transport},
    {"virtual_transport",                       &RouteParameters::virtual_transport},
    {"relay_transport",                         &RouteParameters::relay_transport},
    {"default_transport",                       &RouteParameters::default_transport},
    {"relayhost",                               &RouteParameters::relayhost},
    {"transport_maps",                          &RouteParameters::transport_maps},
    {"sender_dependent_relayhost_maps",         &RouteParameters::sender_dependent_relayhost_maps},
    {"sender_dependent_default_transport_maps", &RouteParameters::sender_dependent_default_transport_maps},
};
constexpr conf::Bind<RouteParameters> verify_bindings[] = {
    {"address_verify_local_transport",                 &RouteParameters::local_transport},
    {"address_verify_virtual_transport",               &RouteParameters::virtual_transport},
    {"address_verify_relay_transport",                 &RouteParameters::relay_transport},
    {"address_verify_default_transport",               &RouteParameters::default_transport},
    {"address_verify_relayhost",                       &RouteParameters::relayhost},
    {"address_verify_transport_maps",                  &RouteParameters::transport_maps},
    {"address_verify_sender_dependent_relayhost_maps", &RouteParameters::sender_dependent_relayhost_maps},
    {"address_verify_sender_dependent_default_transport_maps",
     &RouteParameters::sender_dependent_default_transport_maps},
};
// clang-format on

// Opens the tables of one parameter after another; the first error ends it.
class ResolveOpener {
 public:
  ResolveOpener(net::Loop& loop, const conf::MainCf& main_cf, const Logger& log,
                std::string_view parents)
      : loop_(loop), main_cf_(main_cf), options_{log}, parents_(base::words(parents, ", \t\r\n")) {}

  bool has_parents(std::string_view parameter) const {
    for (std::string_view word : parents_) {
      if (base::iequals(word, parameter)) return true;
    }
    return false;
  }
  ResolveOpener& list(lookup::MatchList& into, std::string_view name, std::string_view value) {
    if (!done_) return *this;
    auto opened =
        lookup::MatchList::open(loop_, main_cf_, name, value, has_parents(name), options_);
    if (opened)
      into = std::move(*opened);
    else
      done_ = opened.error();
    return *this;
  }
  ResolveOpener& maps(lookup::Maps& into, std::string_view name, std::string_view value) {
    if (!done_) return *this;
    auto opened = lookup::Maps::open(loop_, main_cf_, name, value, options_);
    if (opened)
      into = std::move(*opened);
    else
      done_ = opened.error();
    return *this;
  }
  void route(RouteTables& into, std::string_view prefix) {
    const RouteParameters& p = into.parameters;
    std::string before(prefix);
    maps(into.transport_maps, before + "transport_maps", p.transport_maps);
    maps(into.sender_dependent_relayhost_maps, before + "sender_dependent_relayhost_maps",
         p.sender_dependent_relayhost_maps);
    maps(into.sender_dependent_default_transport_maps,
         before + "sender_dependent_default_transport_maps",
         p.sender_dependent_default_transport_maps);
  }
  const Result<void>& done() const { return done_; }

 private:
  net::Loop& loop_;
  const conf::MainCf& main_cf_;
  lookup::OpenOptions options_;
  std::vector<std::string_view> parents_;
  Result<void> done_;
};

}  // namespace

Result<RewriteParameters> read_rewrite_parameters(const conf::MainCf& main_cf) {
  return conf::read(main_cf, rewrite_bindings);
}

Result<ResolveTables> open_resolve_tables(net::Loop& loop, const conf::MainCf& main_cf,
                                          const Logger& log) {
  ResolveTables tables;
  auto rewrite = read_rewrite_parameters(main_cf);
  if (!rewrite) return rewrite.error();
  tables.rewrite = std::move(*rewrite);
  ResolveParameters& p = tables.parameters;
  if (auto done = conf::read_into(p, main_cf, resolve_bindings); !done) return done.error();
  if (auto done = conf::read_into(tables.mail.parameters, main_cf, mail_bindings); !done)
    return done.error();
  if (auto done = conf::read_into(tables.verify.parameters, main_cf, verify_bindings); !done)
    return done.error();
  auto interfaces = final_addresses(main_cf);
  if (!interfaces) return interfaces.error();
  tables.interfaces = std::move(*interfaces);

  ResolveOpener opener(loop, main_cf, log, p.parent_domain_matches_subdomains);
  opener.list(tables.mydestination, "mydestination", p.mydestination)
      .list(tables.virtual_alias_domains, "virtual_alias_domains", p.virtual_alias_domains)
      .list(tables.virtual_mailbox_domains, "virtual_mailbox_domains", p.virtual_mailbox_domains)
      .list(tables.relay_domains, "relay_domains", p.relay_domains)
      .maps(tables.relocated_maps, "relocated_maps", p.relocated_maps);
  opener.route(tables.mail, "");
  opener.route(tables.verify, "address_verify_");
  if (!opener.done()) return opener.done().error();
  tables.transport_parents = opener.has_parents("transport_maps");
  return tables;
}

}  // namespace dovetail::mta
