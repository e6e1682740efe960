// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/rewrite_client.h"

#include "common/net/listen.h"

namespace dovetail::mta {

using namespace std::chrono_literals;
using proto::Attributes;

namespace {

// More would fill the socket while nobody reads the answers.
constexpr size_t kAskedTogether = 32;

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
  auto own = std::make_shared<Asked>();
  own->question = std::move(question);
  waiting_.push_back(own);
  auto held = co_await turn_.lock();
  if (!own->attempted) {
    std::vector<std::shared_ptr<Asked>> all{own};
    std::erase(waiting_, own);
    for (; !waiting_.empty() && all.size() < kAskedTogether; waiting_.pop_front()) all.push_back(waiting_.front());
    co_await ask_together(std::move(all));
  }
  if (own->answer) co_return std::move(*own->answer);
  co_return temporary("address resolver failure: " + own->problem);
}

Task<> RewriteClient::ask_together(std::vector<std::shared_ptr<Asked>> all) {
  for (auto& one : all) one->attempted = true;
  std::string problem;
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      co_await exchange(all);
    } catch (const IoError& io) {
      problem = io.message();
      conn_.reset();
    }
    std::erase_if(all, [](auto& one) { return one->answer.has_value(); });
    if (all.empty()) co_return;
    for (auto& one : all) {
      if (!problem.empty()) one->problem = problem;
    }
  }
  log_.warning("{}: {}", path_, all.front()->problem);
}

// Those that got no answer have none, or IoError says why.
Task<> RewriteClient::exchange(const std::vector<std::shared_ptr<Asked>>& all) {
  if (!conn_) {
    auto address = SockAddr::unix_path(path_);
    Result<base::Fd> fd = permanent("path too long");
    if (address) fd = co_await net::connect_to(loop_, *address, 30s);
    if (!fd) throw IoError{IoError::error, 0, fd.error().text};
    conn_ = std::make_unique<Conn>(loop_, std::move(*fd));
    conn_->set_timeout(100s);
  }
  for (auto& one : all) proto::put_attributes(*conn_, one->question);
  for (auto& one : all) {
    auto answer = co_await proto::read_attributes(*conn_);
    if (!answer) throw IoError{IoError::error, 0, answer.error().text};
    one->answer = std::move(*answer);
  }
}

Task<Result<Resolution>> RewriteClient::resolve(std::string sender, std::string address, bool verify) {
  Attributes question;
  question.add("request", verify ? "verify" : "resolve").add("sender", sender).add("address", address);
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
