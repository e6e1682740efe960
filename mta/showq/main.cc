// showq: lists the mail queue to whoever connects (postqueue -p). Manual: showq(8).
// SPDX-License-Identifier: Apache-2.0
#include "common/net/pool.h"
#include "common/service/run_postfix.h"
#include "conf/bind.h"
#include "mta/showq/entry.h"

namespace dovetail::mta {
namespace {

struct ShowqParameters {
  std::string hash_queue_names;
  int hash_queue_depth = 1;
};
constexpr conf::Bind<ShowqParameters> kShowqBindings[] = {
    {"hash_queue_names", &ShowqParameters::hash_queue_names},
    {"hash_queue_depth", &ShowqParameters::hash_queue_depth},
};

class ShowqRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override {
    auto parameters = conf::read(*context.main_cf, kShowqBindings);
    if (!parameters) return parameters.error();
    directories_ = std::make_unique<QueueDirectories>("", parameters->hash_queue_names,
                                                      parameters->hash_queue_depth);
    disk_ = std::make_unique<net::Pool>(context.loop, 2);
    return {};
  }

  Task<> serve(service::Context& context, service::Client client) override {
    Conn conn(context.loop, std::move(client.fd));
    proto::Attributes greeting;
    greeting.add("protocol", kShowqProtocol);
    proto::put_attributes(conn, greeting);
    for (std::string_view queue : listed_queues()) {
      auto list = [this, queue] { return directories_->list(queue); };
      auto ids = co_await disk_->run(list);
      // maildrop belongs to others where we run as an ordinary user.
      if (!ids) context.log.warning("{}", ids.error().text);
      for (std::string& id : ids ? *ids : std::vector<std::string>())
        co_await list_message(conn, queue, std::move(id));
    }
    proto::Attributes end;
    proto::put_attributes(conn, end);
    co_await conn.flush();
  }

 private:
  Task<> list_message(Conn& conn, std::string_view queue, std::string id) {
    constexpr size_t kUnsent = 65536;
    auto read = [this, queue, &id] { return queue_entry(*directories_, queue, id); };
    auto entry = co_await disk_->run(read);
    if (entry) proto::put_attributes(conn, *entry);
    co_await conn.flush_above(kUnsent);
  }

  std::unique_ptr<QueueDirectories> directories_;
  std::unique_ptr<net::Pool> disk_;
};

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  dovetail::mta::ShowqRole role;
  return dovetail::service::run_postfix_service(argc, argv, "showq", role);
}
