// SPDX-License-Identifier: Apache-2.0
#include "mta/verify/verify_client.h"

#include "common/base/text.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "common/proto/attr.h"

namespace dovetail::mta {

namespace {

constexpr base::Seconds kVerifyTime{100};

Task<Result<proto::Attributes>> talk_to_verify(net::Loop& loop, std::string service,
                                               proto::Attributes request) {
  auto path = "private/" + service;
  auto address = SockAddr::unix_path(path);
  if (!address) co_return temporary("path too long: " + path);
  auto fd = co_await net::connect_to(loop, *address, kVerifyTime);
  if (!fd) co_return fd.error().wrap("connect to " + path);
  std::string problem;
  try {
    Conn conn(loop, std::move(*fd));
    conn.set_timeout(kVerifyTime);
    auto hello = co_await proto::read_attributes(conn);
    if (!hello || hello->get("protocol") != verify_wire::kProtocol)
      co_return temporary(path + ": not a verify service");
    proto::put_attributes(conn, request);
    auto answer = co_await proto::read_attributes(conn);
    if (!answer) co_return answer.error().wrap(path);
    if (answer->get_number("status") != 0 || !answer->has("status"))
      co_return temporary(path + ": request failed");
    co_return *answer;
  } catch (const IoError& io) {
    problem = io.message();
  }
  co_return temporary(path + ": " + problem);
}

}  // namespace

Task<Result<AddressVerdict>> ask_verify(net::Loop& loop, std::string service, std::string address) {
  proto::Attributes request;
  request.add("request", "query").add("address", address);
  auto answer = co_await talk_to_verify(loop, std::move(service), std::move(request));
  if (!answer) co_return answer.error();
  auto status = answer->get_number("recipient_status");
  if (status < 0 || status > static_cast<int>(AddressStatus::todo))
    co_return temporary("verify: unknown address status");
  co_return AddressVerdict{static_cast<AddressStatus>(status), std::string(answer->get("reason"))};
}

Task<Result<void>> tell_verify(net::Loop& loop, std::string service, std::string address,
                               AddressVerdict verdict) {
  proto::Attributes request;
  request.add("request", "update").add("address", address);
  request.add_number("recipient_status", static_cast<int>(verdict.status))
      .add("reason", verdict.text);
  auto answer = co_await talk_to_verify(loop, std::move(service), std::move(request));
  if (!answer) co_return answer.error();
  co_return Result<void>();
}

std::string probe_sender(const std::string& given, const std::string& myorigin, int64_t ttl,
                         int64_t now) {
  if (given.empty() || given == "<>") return {};
  auto [local, domain] = base::cut_last(given, '@');
  std::string user(local);
  if (ttl > 0) user += format("{:x}", now / ttl % (int64_t{1} << 24));
  return user + '@' + (domain ? std::string(*domain) : myorigin);
}

}  // namespace dovetail::mta
