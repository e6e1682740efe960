// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/policy_client.h"

#include "common/base/text.h"
#include "common/net/listen.h"
#include "conf/units.h"
#include "mta/smtpd/parameters.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

constexpr size_t kAnswerLine = 16384;
constexpr size_t kKeptLinks = 16;

Result<void> set_policy_option(PolicySettings& to, const conf::NameValue& option) {
  auto time = conf::parse_time(option.value);
  auto number = base::parse_number<int>(option.value);
  if (option.name == "default_action")
    to.default_action = option.value;
  else if (option.name == "policy_context")
    to.policy_context = option.value;
  else if (option.name == "timeout" && time)
    to.timeout = *time;
  else if (option.name == "max_idle" && time)
    to.max_idle = *time;
  else if (option.name == "max_ttl" && time)
    to.max_ttl = *time;
  else if (option.name == "retry_delay" && time)
    to.retry_delay = *time;
  else if (option.name == "request_limit" && number)
    to.request_limit = *number;
  else if (option.name == "try_limit" && number)
    to.try_limit = *number;
  else
    return config_error(format("policy service: bad option \"{}={}\"", option.name, option.value));
  return {};
}

}  // namespace

Result<PolicySettings> parse_policy_settings(std::string_view argument, const SmtpdParameters& p) {
  PolicySettings settings;
  settings.default_action = p.smtpd_policy_service_default_action;
  settings.policy_context = p.smtpd_policy_service_policy_context;
  settings.timeout = p.smtpd_policy_service_timeout;
  settings.max_idle = p.smtpd_policy_service_max_idle;
  settings.max_ttl = p.smtpd_policy_service_max_ttl;
  settings.retry_delay = p.smtpd_policy_service_retry_delay;
  settings.request_limit = p.smtpd_policy_service_request_limit;
  settings.try_limit = p.smtpd_policy_service_try_limit;
  if (argument.empty() || argument.front() != '{') {
    settings.endpoint = argument;
    return settings;
  }
  auto inner = conf::unbrace(argument);
  if (!inner) return inner.error();
  auto words = conf::split_list(*inner);
  if (words.empty()) return config_error("policy service: empty list");
  settings.endpoint = words.front();
  for (size_t i = 1; i < words.size(); ++i) {
    auto bare = words[i].front() == '{' ? conf::unbrace(words[i]) : Result<std::string>(words[i]);
    if (!bare) return bare.error();
    auto option = conf::split_name_value(*bare);
    if (!option) return option.error();
    auto set = set_policy_option(settings, *option);
    if (!set) return set.error();
  }
  return settings;
}

PolicyClient::PolicyClient(net::Loop& loop, std::shared_ptr<net::Resolver> dns, Logger log,
                           Result<PolicySettings> settings)
    : loop_(loop), dns_(std::move(dns)), log_(std::move(log)), settings_(std::move(settings)) {
  if (settings_) context_ = settings_->policy_context;
}

std::unique_ptr<PolicyClient::Link> PolicyClient::take_idle() {
  auto now = base::monotonic_now();
  while (!idle_.empty()) {
    auto link = std::move(idle_.back());
    idle_.pop_back();
    bool stale = now - link->used > settings_->max_idle || now - link->born > settings_->max_ttl;
    bool worn = settings_->request_limit > 0 && link->requests >= settings_->request_limit;
    if (!stale && !worn) return link;
  }
  return nullptr;
}

Task<Result<base::Fd>> PolicyClient::connect() {
  auto [type, name] = base::cut(settings_->endpoint, ':');
  if (type == "unix" && name) {
    auto address = SockAddr::unix_path(*name);
    if (!address) co_return config_error("path too long");
    co_return co_await net::connect_to(loop_, *address, settings_->timeout);
  }
  if (type != "inet" || !name) co_return config_error("not understood");
  auto [host, port_text] = base::cut_last(*name, ':');
  auto port = base::parse_number<uint16_t>(port_text.value_or(""));
  if (!port) co_return config_error("not understood");
  auto bare = std::string(base::trim(host, "[]"));
  auto found = co_await dns_->host_addresses(bare, true, true);
  auto failed = Result<base::Fd>(temporary(found.error.empty() ? "host not found" : found.error));
  for (auto& address : found.records) {
    failed = co_await net::connect_to(loop_, address.with_port(*port), settings_->timeout);
    if (failed) break;
  }
  co_return failed;
}

Task<Result<std::unique_ptr<PolicyClient::Link>>> PolicyClient::link() {
  auto idle = take_idle();
  if (idle) co_return idle;
  auto fd = co_await connect();
  if (!fd) {
    auto name = settings_->endpoint.substr(settings_->endpoint.find(':') + 1);
    log_.warning("connect to {}: {}", name, fd.error().text);
    co_return fd.error();
  }
  auto made = std::make_unique<Link>(loop_, std::move(*fd));
  made->conn.set_timeout(settings_->timeout);
  co_return made;
}

Task<Result<std::string>> PolicyClient::ask_once(const std::string& request) {
  auto link = co_await this->link();
  if (!link) co_return link.error();
  auto& conn = (*link)->conn;
  std::optional<std::string> action;
  std::string trouble;
  try {
    conn.put(request);
    for (;;) {
      auto line = co_await conn.read_line(kAnswerLine);
      if (line.text.empty()) break;
      if (line.text.substr(0, 7) == "action=") action = line.text.substr(7);
    }
  } catch (const IoError& error) {
    trouble = error.message();
  }
  if (!trouble.empty()) co_return temporary(std::move(trouble));
  if (!action) co_return temporary("no action in the answer");
  (*link)->used = base::monotonic_now();
  ++(*link)->requests;
  if (idle_.size() < kKeptLinks) idle_.push_back(std::move(*link));
  co_return std::move(*action);
}

Task<Result<std::string>> PolicyClient::ask(std::string request) {
  if (!settings_) co_return settings_.error();
  for (int attempt = 1;; ++attempt) {
    auto action = co_await ask_once(request);
    if (action) co_return action;
    if (action.error().fault == Fault::config) co_return action.error();
    if (attempt >= settings_->try_limit) {
      auto name = settings_->endpoint.substr(settings_->endpoint.find(':') + 1);
      log_.warning("problem talking to server {}: {}", name, action.error().text);
      co_return settings_->default_action;
    }
    co_await loop_.sleep(settings_->retry_delay);
  }
}

}  // namespace dovetail::mta::smtpd
