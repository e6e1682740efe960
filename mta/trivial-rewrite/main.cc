// trivial-rewrite: library `resolve` as a service on private/rewrite, for those who link no tables (qmgr, local, third parties).
// Wire form: mta/resolve/rewrite_client.h. Manual: trivial-rewrite(8).
// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"
#include "common/service/run_postfix.h"
#include "mta/resolve/rewrite_client.h"

namespace dovetail::mta {
namespace {

class RewriteRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override {
    auto resolver = Resolver::open(context.loop, *context.main_cf, context.log);
    if (!resolver) return resolver.error();
    resolver_ = std::move(*resolver);
    return {};
  }

  Task<> serve(service::Context& context, service::Client client) override {
    Conn conn(context.loop, std::move(client.fd));
    for (;;) {
      auto question = co_await proto::read_attributes(conn);
      if (!question) {
        context.log.warning("bad request: {}", question.error().text);
        co_return;
      }
      auto answer = co_await reply(*question);
      // Goes out when no further question is there: those that came together are answered together.
      proto::put_attributes(conn, answer);
    }
  }

 private:
  Task<proto::Attributes> reply(const proto::Attributes& question) {
    proto::Attributes answer;
    auto request = question.get("request");
    if (request == "rewrite") {
      auto context = question.get("rule") == "local" ? RewriteContext::local : RewriteContext::remote;
      answer.add_number("status", 0).add("address", resolver_->rewrite(question.get("address"), context));
      co_return answer;
    }
    if (request == "resolve" || request == "verify") {
      auto found = co_await resolver_->resolve(std::string(question.get("sender")), std::string(question.get("address")),
                                               request == "verify");
      if (found) co_return encode_resolution(*found);
      answer.add_number("status", 1).add("reason", found.error().text);
      co_return answer;
    }
    answer.add_number("status", 1).add("reason", "unknown request");
    co_return answer;
  }

  std::unique_ptr<Resolver> resolver_;
};

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  dovetail::mta::RewriteRole role;
  return dovetail::service::run_postfix_service(argc, argv, "trivial-rewrite", role);
}
