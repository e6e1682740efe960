// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/rewrite_client.h"

#include "common/net/listen.h"

namespace dovetail::mta {

using namespace std::chrono_literals;
using proto::Attributes;

namespace {

enum ResolutionFlags : int { kRouted = 1, kBadAddress = 2 };

}  // namespace

Attributes encode_resolution(const Resolution& resolution) {
  Attributes out;
  out.add_number("status", 0).add("transport", resolution.transport).add("nexthop", resolution.nexthop);
  out.add("recipient", resolution.recipient).add("domain", resolution.domain);
  out.add_number("class", static_cast<int>(resolution.address_class));
  out.add_number("flags", (resolution.routed ? kRouted : 0) | (resolution.bad_address ? kBadAddress : 0));
  return out;
}

Result<Resolution> decode_resolution(const Attributes& from) {
  if (!from.has("status") || from.get_number("status") != 0) {
    return temporary(from.has("reason") ? std::string(from.get("reason")) : "no answer from the rewrite service");
  }
  Resolution out;
  out.transport = from.get("transport");
  out.nexthop = from.get("nexthop");
  out.recipient = from.get("recipient");
  out.domain = from.get("domain");
  out.address_class = static_cast<AddressClass>(from.get_number("class"));
  out.routed = from.get_number("flags") & kRouted;
  out.bad_address = from.get_number("flags") & kBadAddress;
  return out;
}

Task<Result<Attributes>> RewriteClient::ask(Attributes question) {
  auto held = co_await turn_.lock();
  std::string problem = "no answer";
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      if (!conn_) {
        auto address = SockAddr::unix_path(path_);
        Result<base::Fd> fd = permanent("path too long");
        if (address) fd = co_await net::connect_to(loop_, *address, 30s);
        if (!fd) {
          problem = fd.error().text;
          continue;
        }
        conn_ = std::make_unique<Conn>(loop_, std::move(*fd));
        conn_->set_timeout(100s);
      }
      proto::put_attributes(*conn_, question);
      co_await conn_->flush();
      auto answer = co_await proto::read_attributes(*conn_);
      if (answer) co_return answer;
      problem = answer.error().text;
    } catch (const IoError& io) {
      problem = io.message();
    }
    conn_.reset();
  }
  log_.warning("{}: {}", path_, problem);
  co_return temporary("address resolver failure: " + problem);
}

Task<Result<Resolution>> RewriteClient::resolve(std::string sender, std::string address) {
  Attributes question;
  question.add("request", "resolve").add("sender", sender).add("address", address);
  auto answer = co_await ask(std::move(question));
  if (!answer) co_return answer.error();
  co_return decode_resolution(*answer);
}

Task<Result<std::string>> RewriteClient::rewrite(std::string address, RewriteContext context) {
  Attributes question;
  question.add("request", "rewrite").add("rule", context == RewriteContext::local ? "local" : "remote").add("address", address);
  auto answer = co_await ask(std::move(question));
  if (!answer) co_return answer.error();
  if (answer->get_number("status") != 0) co_return temporary(std::string(answer->get("reason")));
  co_return std::string(answer->get("address"));
}

}  // namespace dovetail::mta
