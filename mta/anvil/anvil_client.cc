// SPDX-License-Identifier: Apache-2.0
#include "mta/anvil/anvil_client.h"

#include "common/net/listen.h"

namespace dovetail::mta {
namespace {

constexpr base::Seconds kAnvilTime{5};
// A service that is down is not asked for again at once.
constexpr base::Seconds kRetryAfter{5};

}  // namespace

Task<bool> AnvilClient::open() {
  if (conn_) co_return true;
  auto now = base::monotonic_now();
  if (failed_at_ && now - *failed_at_ < kRetryAfter) co_return false;
  auto address = SockAddr::unix_path(path_);
  if (!address) co_return false;
  auto fd = co_await net::connect_to(loop_, *address, kAnvilTime);
  if (!fd) {
    failed_at_ = now;
    if (!std::exchange(warned_, true)) {
      log_.warning("connect to {}: {}: client limits are not enforced", path_, fd.error().text);
    }
    co_return false;
  }
  failed_at_.reset();
  warned_ = false;
  conn_ = std::make_unique<Conn>(loop_, std::move(*fd));
  conn_->set_timeout(kAnvilTime);
  co_return true;
}

Task<std::optional<proto::Attributes>> AnvilClient::ask_once(const proto::Attributes& request) {
  bool ready = co_await open();
  if (!ready) co_return std::nullopt;
  std::optional<proto::Attributes> answer;
  try {
    proto::put_attributes(*conn_, request);
    auto got = co_await proto::read_attributes(*conn_);
    if (got && got->get_number("status") == 0) answer = std::move(*got);
  } catch (const IoError&) {
    answer.reset();
  }
  if (!answer) conn_.reset();
  co_return answer;
}

Task<std::optional<proto::Attributes>> AnvilClient::ask(std::string request, std::string service,
                                                        std::string address) {
  proto::Attributes attributes;
  attributes.add("request", request).add("ident", service + ":" + address);
  auto turn = co_await turn_.lock();
  bool had_connection = conn_ != nullptr;
  auto answer = co_await ask_once(attributes);
  // The service may have ended when it was idle.
  if (!answer && had_connection) answer = co_await ask_once(attributes);
  co_return answer;
}

Task<std::optional<AnvilClient::Counts>> AnvilClient::connect(std::string service,
                                                              std::string address) {
  auto answer = co_await ask("connect", std::move(service), std::move(address));
  if (!answer) co_return std::nullopt;
  Counts counts;
  counts.count = static_cast<int>(answer->get_number("count"));
  counts.rate = static_cast<int>(answer->get_number("rate"));
  co_return counts;
}

Task<> AnvilClient::disconnect(std::string service, std::string address) {
  co_await ask("disconnect", std::move(service), std::move(address));
}

Task<std::optional<int>> AnvilClient::rate(std::string request, std::string service,
                                           std::string address) {
  auto answer = co_await ask(std::move(request), std::move(service), std::move(address));
  if (!answer) co_return std::nullopt;
  co_return static_cast<int>(answer->get_number("rate"));
}

Task<std::optional<int>> AnvilClient::message(std::string service, std::string address) {
  return rate("message", std::move(service), std::move(address));
}
Task<std::optional<int>> AnvilClient::recipient(std::string service, std::string address) {
  return rate("recipient", std::move(service), std::move(address));
}
Task<std::optional<int>> AnvilClient::new_tls(std::string service, std::string address) {
  return rate("newtls", std::move(service), std::move(address));
}
Task<std::optional<int>> AnvilClient::auth(std::string service, std::string address) {
  return rate("auth", std::move(service), std::move(address));
}

}  // namespace dovetail::mta
