// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/smtp.h"

#include "common/base/text.h"
#include "common/net/listen.h"
#include "mta/resolve/interfaces.h"

namespace dovetail::mta {

struct SmtpRole::Progress {
  std::vector<size_t> open;                 // recipients without a final outcome
  std::map<size_t, Outcome> last;           // what the last host said about each
  Outcome problem;                          // of the destination as a whole
  bool reached = false;                     // some host got as far as MAIL
  int sessions = 0;
};

// Counts the deliveries to a next hop.
struct SmtpRole::UnderWay {
  UnderWay(SmtpRole& role, std::string to) : all(role.under_way_), hop(std::move(to)) { ++all[hop]; }
  ~UnderWay() {
    if (--all[hop] == 0) all.erase(hop);
  }
  UnderWay(const UnderWay&) = delete;
  std::map<std::string, unsigned>& all;
  std::string hop;
};

// --- start

Result<void> SmtpRole::prepare_agent(service::Context& context) {
  bool lmtp = context.program == "lmtp";
  auto& cf = *context.main_cf;
  auto parameters = read_smtp_parameters(cf, lmtp);
  if (!parameters) return parameters.error();
  parameters_ = std::move(*parameters);
  resolver_ = net::make_resolver(context.loop);
  lookup::OpenOptions options{context.log};
  options.resolver = resolver_;
  auto policies = TlsPolicies::open(context.loop, cf, parameters_, options);
  if (!policies) return policies.error();
  tls_policies_ = std::move(*policies);
  auto own = final_addresses(cf);
  if (!own) return own.error();
  finder_ = std::make_unique<TargetFinder>(resolver_, parameters_, std::move(*own));
  if (!parameters_.sasl_auth_enable) return {};
  auto maps = lookup::Maps::open(context.loop, cf, lmtp ? "lmtp_sasl_password_maps" : "smtp_sasl_password_maps",
                                 parameters_.sasl_password_maps, options);
  if (!maps) return maps.error();
  passwords_ = std::move(*maps);
  return {};
}

void SmtpRole::start(service::Context& context) {
  AgentRole::start(context);
  cache_timer_ = std::make_unique<net::Timer>(context.loop, [this] { expire_cache(); });
}

void SmtpRole::drain(service::Context&) { cache_.clear(); }

// --- one request

Task<> SmtpRole::deliver(service::Context&, Delivery& delivery) {
  Progress progress;
  for (size_t i = 0; i < delivery.recipients().size(); ++i) progress.open.push_back(i);
  auto hops = parse_nexthops(delivery.request().nexthop, parameters_.lmtp);
  if (!hops) {
    Outcome bad;
    bad.dsn = {"4.3.5", hops.error().text};
    co_await delivery.finish_all(bad);
    co_return;
  }
  std::vector<Nexthop> all = *hops;
  if (!parameters_.fallback_relay.empty()) {
    auto fallback = parse_nexthops(parameters_.fallback_relay, parameters_.lmtp);
    if (fallback) all.insert(all.end(), fallback->begin(), fallback->end());
  }
  for (auto& hop : all) {
    if (progress.open.empty()) break;
    UnderWay under_way(*this, hop.text);
    auto found = co_await finder_->find(hop);
    if (found.targets.empty()) {
      progress.problem = {};
      progress.problem.dsn = found.problem;
      bool soft = found.problem.status.starts_with("4");
      progress.problem.status = soft ? Status::deferred : Status::bounced;
      continue;
    }
    co_await try_targets(delivery, hop, std::move(found.targets), progress);
  }
  for (size_t i : progress.open) {
    auto known = progress.last.find(i);
    Outcome outcome = known == progress.last.end() ? progress.problem : known->second;
    co_await delivery.finish(i, std::move(outcome));
  }
  if (!progress.reached && progress.problem.status == Status::deferred && !progress.open.empty()) {
    delivery.blame_destination(progress.problem.dsn);
  }
}

Task<> SmtpRole::try_targets(Delivery& delivery, const Nexthop& hop, std::vector<Target> targets, Progress& progress) {
  if (parameters_.mx_address_limit > 0 && targets.size() > static_cast<size_t>(parameters_.mx_address_limit)) {
    targets.resize(static_cast<size_t>(parameters_.mx_address_limit));
  }
  auto cached = take_cached(hop.text);
  if (cached) {
    bool done = co_await use(delivery, hop, std::move(cached), progress, false);
    if (done || progress.open.empty()) co_return;
  }
  for (size_t i = 0; i < targets.size() && !progress.open.empty(); ++i) {
    if (parameters_.mx_session_limit > 0 && progress.sessions >= parameters_.mx_session_limit) co_return;
    auto session = co_await connect(delivery, hop, targets[i], progress);
    if (!session) continue;
    bool last = i + 1 == targets.size() || progress.sessions == parameters_.mx_session_limit;
    bool done = co_await use(delivery, hop, std::move(session), progress, last);
    if (done) co_return;
  }
}

Task<Result<std::optional<SaslCredentials>>> SmtpRole::credentials(const Nexthop& hop, const Target& target) {
  if (!parameters_.sasl_auth_enable) co_return std::optional<SaslCredentials>();
  for (auto& key : {target.name, hop.text}) {
    auto found = co_await passwords_.lookup(key);
    if (!found) co_return found.error();
    if (!*found) continue;
    auto [user, password] = base::cut(**found, ':');
    co_return std::optional(SaslCredentials{std::string(user), Secret(password.value_or(""))});
  }
  co_return std::optional<SaslCredentials>();
}

Task<std::unique_ptr<SmtpSession>> SmtpRole::connect(Delivery& delivery, const Nexthop& hop, const Target& target, Progress& progress) {
  auto remember = [&](const mail::DsnText& dsn, std::string relay, const std::string& diagnostic, const std::string& host) {
    progress.problem = {};
    progress.problem.dsn = dsn;
    progress.problem.relay = std::move(relay);
    progress.problem.status = dsn.status.starts_with("5") ? Status::bounced : Status::deferred;
    if (diagnostic.empty()) return;
    progress.problem.diag_type = "smtp";
    progress.problem.diag_text = diagnostic;
    progress.problem.mta_type = "dns";
    progress.problem.mta_mname = host;
  };
  auto password = co_await credentials(hop, target);
  if (!password) {
    remember({"4.3.0", "SASL password lookup failure: " + password.error().text}, "none", "", "");
    co_return nullptr;
  }
  auto found_policy = co_await tls_policies_->find(hop);
  if (!found_policy.problem.empty()) {
    remember({"4.7.5", "client TLS configuration problem"}, "none", "", "");
    co_return nullptr;
  }
  auto policy = std::make_shared<const TlsPolicy>(std::move(found_policy));
  // A second attempt is made in plain where TLS is a wish only and its handshake failed.
  for (bool plain : {false, true}) {
    std::optional<SockAddr> bind_to;
    auto& bind_address = target.address.family() == AF_INET6 ? parameters_.bind_address6 : parameters_.bind_address;
    if (!bind_address.empty() && target.address.is_ip()) bind_to = SockAddr::ip(bind_address, 0);
    auto fd = co_await net::connect_to(delivery.context().loop, target.address, parameters_.connect_timeout, bind_to);
    if (!fd) {
      auto words = format("connect to {}: {}", target.shown, fd.error().text);
      delivery.log().info("{}", words);
      remember({"4.4.1", words}, "none", "", "");
      co_return nullptr;
    }
    ++progress.sessions;
    auto session = std::make_unique<SmtpSession>(delivery.context().loop, std::move(*fd), target, parameters_, delivery.log());
    auto failed = co_await session->open(policy, plain, *password);
    if (!failed) co_return session;
    remember(failed->dsn, target.shown, failed->diagnostic, target.name);
    progress.problem.connected = session->connected;
    delivery.log().info("{}: {}", delivery.request().queue_id, failed->dsn.text);
    if (!failed->retry_plain) break;
  }
  co_return nullptr;
}

// True when nothing is left to try on another host.
Task<bool> SmtpRole::use(Delivery& delivery, const Nexthop& hop, std::unique_ptr<SmtpSession> session, Progress& progress, bool last) {
  bool cached = session->uses > 0;
  auto result = co_await send_message(*session, delivery, progress.open, parameters_);
  // A kept session that its server had closed meanwhile is no failure of the destination.
  if (cached && result.broke_before_reply) co_return false;
  progress.reached = true;
  bool usable = result.session_usable, after_dot = result.after_dot;
  bool final = last || after_dot;
  co_await settle(delivery, *session, std::move(result), progress, final);
  bool reuse_allowed = parameters_.connection_reuse_count_limit == 0 || session->uses < parameters_.connection_reuse_count_limit;
  // Several deliveries at once are more mail than one, whether or not another waits already.
  bool busy = delivery.request().more_waiting || under_way_[hop.text] > 1;
  if (usable && busy && parameters_.connection_cache_on_demand && reuse_allowed) {
    keep(hop.text, std::move(session));
  } else if (usable) {
    co_await session->quit();
  }
  co_return progress.open.empty() || after_dot;
}

Task<> SmtpRole::settle(Delivery& delivery, SmtpSession& session, TransactionResult result, Progress& progress, bool last) {
  auto tried = std::exchange(progress.open, {});
  for (size_t i = 0; i < tried.size(); ++i) {
    auto& one = result.recipients[i];
    Outcome outcome;
    outcome.relay = session.target().shown;
    outcome.connection_use = session.uses;
    outcome.connected = session.connected;
    if (session.uses > 1) outcome.connected = delivery.request().handoff;  // no connection had to be made
    bool sent = one.kind == RecipientResult::Kind::sent;
    if (sent) {
      outcome.status = Status::sent;
      outcome.dsn = {one.reply.dsn, one.reply.text};
      outcome.diag_text = one.reply.text;
      // The next hop tells the sender itself if it speaks DSN; else this is the last one who can.
      if (!session.has(kDsn)) outcome.trace_action = parameters_.lmtp ? "delivered" : "relayed";
    } else {
      outcome.dsn = one.failure.dsn;
      outcome.status = outcome.dsn.status.starts_with("5") ? Status::bounced : Status::deferred;
      outcome.diag_text = one.failure.diagnostic;
    }
    if (!outcome.diag_text.empty()) {
      outcome.diag_type = "smtp";
      outcome.mta_type = "dns";
      outcome.mta_mname = session.target().name;
    }
    if (outcome.status != Status::deferred || last) {
      co_await delivery.finish(tried[i], outcome);
      continue;
    }
    delivery.log().info("{}: {}", delivery.request().queue_id, outcome.dsn.text);
    progress.last[tried[i]] = outcome;
    progress.open.push_back(tried[i]);
  }
}

// --- kept sessions

std::unique_ptr<SmtpSession> SmtpRole::take_cached(const std::string& key) {
  auto found = cache_.find(key);
  if (found == cache_.end() || found->second.empty()) return nullptr;
  auto session = std::move(found->second.back().session);
  found->second.pop_back();
  if (found->second.empty()) cache_.erase(found);
  return session;
}

void SmtpRole::keep(const std::string& key, std::unique_ptr<SmtpSession> session) {
  auto until = base::monotonic_now() + parameters_.connection_cache_time_limit;
  cache_[key].push_back({std::move(session), until});
  cache_timer_->start(parameters_.connection_cache_time_limit);
}

void SmtpRole::expire_cache() {
  auto now = base::monotonic_now();
  struct Goodbye {
    static Task<> say(std::unique_ptr<SmtpSession> session) { co_await session->quit(); }
  };
  for (auto entry = cache_.begin(); entry != cache_.end();) {
    auto& kept = entry->second;
    while (!kept.empty() && kept.front().until <= now) {
      net::spawn(Goodbye::say(std::move(kept.front().session)), Logger("smtp"));
      kept.pop_front();
    }
    entry = kept.empty() ? cache_.erase(entry) : std::next(entry);
  }
  if (!cache_.empty()) cache_timer_->start(base::Milliseconds(500));
}

}  // namespace dovetail::mta
