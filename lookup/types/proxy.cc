// proxy:type:name, a table shared by way of proxymap(8): only what proxy_read_maps names. A service that keeps its root
// directory does the work itself; one with chroot = y asks the proxymap service, since sockets and files that a table may
// need later are out of its reach. postmap asks the service, too: it answers as the daemons will be answered.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "common/net/listen.h"
#include "common/proto/attr.h"
#include "conf/units.h"
#include "lookup/proxy_wire.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr base::Seconds kProxyTime{100};
constexpr int kCommandTries = 10;
constexpr base::Seconds kCommandPause{10};

// Which keys a table may be asked shows in its type, also inside unionmap:{...}.
constexpr std::string_view kPatternTypes[] = {
    "regexp:", "pcre:", "cidr:", "randmap:", "fail:", "tcp:", "socketmap:"};

Keys keys_of(std::string_view name) {
  bool pattern = std::any_of(std::begin(kPatternTypes), std::end(kPatternTypes),
                             [&](auto type) { return name.find(type) != name.npos; });
  return pattern ? Keys::pattern : Keys::fixed;
}

// One conversation at a time; a service that ended while idle is found again.
class ProxyTable final : public Table {
 public:
  ProxyTable(net::Loop& loop, std::string name, std::string socket, const OpenOptions& options)
      : Table("proxy:" + name, keys_of(name)),
        loop_(loop),
        table_(std::move(name)),
        socket_(std::move(socket)),
        options_(options),
        turn_(loop) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    proto::Attributes question;
    question.add("request", proxy_wire::kLookup).add("table", table_);
    question.add_number("flags", options_.no_substitution ? proxy_wire::kNoSubstitution : 0)
        .add("key", key);
    auto turn = co_await turn_.lock();
    bool had_connection = conn_ != nullptr;
    auto answer = co_await ask(question);
    if (!answer && had_connection) answer = co_await ask(question);
    if (!answer && answer.error().fault == Fault::config) co_return answer.error();
    if (!answer) {
      options_.log.warning("service {}: {}", socket_, answer.error().text);
      co_return temporary(answer.error().text);
    }
    co_return understand(*answer);
  }

 private:
  Result<Found> understand(const proto::Attributes& answer) const {
    switch (answer.has("status") ? answer.get_number("status") : int64_t{proxy_wire::bad}) {
      case proxy_wire::ok:
        return Found(std::string(answer.get("value")));
      case proxy_wire::no_key:
        return Found();
      case proxy_wire::denied:
        if (options_.command) {
          auto service = socket_.substr(socket_.rfind('/') + 1);
          return config_error(
              format("{} service is not configured for table \"{}\"", service, table_));
        }
        options_.log.warning("{} is not configured for table \"{}\"", socket_, table_);
        return temporary("table is not in proxy_read_maps");
      case proxy_wire::bad:
        options_.log.warning("{} lookup failed for table \"{}\": invalid request", socket_, table_);
        return temporary("invalid request");
      default:
        return temporary("Resource temporarily unavailable");
    }
  }

  Task<Result<proto::Attributes>> ask(const proto::Attributes& question) {
    auto reached = co_await connect();
    if (!reached) co_return reached.error();
    std::string problem;
    try {
      proto::put_attributes(*conn_, question);
      auto answer = co_await proto::read_attributes(*conn_);
      if (answer) co_return answer;
      problem = answer.error().text;
    } catch (const IoError& io) {
      problem = io.message();
    }
    conn_.reset();
    co_return temporary(problem);
  }

  Task<Result<void>> connect() {
    if (conn_) co_return Result<void>();
    auto address = SockAddr::unix_path(socket_);
    if (!address) co_return temporary("path too long");
    auto fd = co_await net::connect_to(loop_, *address, kProxyTime);
    // A command waits for the mail system to be there, as the incumbent's do.
    for (int attempt = 1; !fd && options_.command; ++attempt) {
      auto what = format("connect #{} to subsystem {}: {}", attempt, socket_, fd.error().text);
      if (attempt > kCommandTries) co_return config_error(what);
      options_.log.warning("{}", what);
      co_await loop_.sleep(kCommandPause);
      fd = co_await net::connect_to(loop_, *address, kProxyTime);
    }
    if (!fd) co_return fd.error();
    auto conn = std::make_unique<Conn>(loop_, std::move(*fd));
    conn->set_timeout(kProxyTime);
    std::string problem;
    try {
      auto hello = co_await proto::read_attributes(*conn);
      if (hello && hello->get("protocol") == proxy_wire::kProtocol) {
        conn_ = std::move(conn);
        co_return Result<void>();
      }
      problem = "not a proxymap service";
    } catch (const IoError& io) {
      problem = io.message();
    }
    co_return temporary(problem);
  }

  net::Loop& loop_;
  std::string table_, socket_;
  OpenOptions options_;
  net::AsyncMutex turn_;
  std::unique_ptr<Conn> conn_;
};

}  // namespace

Opened open_proxy(const OpenContext& context, std::string_view, const std::string& name) {
  auto proxied = "proxy:" + name;
  if (context.options.no_proxy) {
    return config_error(format("the {} map is not allowed for security-sensitive data", proxied));
  }
  auto service = "private/" + context.main_cf.get("proxymap_service_name");
  if (context.options.command) {
    auto socket = context.main_cf.get("queue_directory") + "/" + service;
    return std::unique_ptr<Table>(
        std::make_unique<ProxyTable>(context.loop, name, std::move(socket), context.options));
  }
  auto allowed = conf::split_list(context.main_cf.get("proxy_read_maps"));
  if (std::find(allowed.begin(), allowed.end(), proxied) == allowed.end()) {
    context.options.log.warning("request for unapproved table: \"{}\"", name);
    context.options.log.warning(
        "to approve this table for read-only access, list {} in main.cf:proxy_read_maps", proxied);
    return config_error(format("proxymap service is not configured for table \"{}\"", name));
  }
  if (context.main_cf.chrooted()) {
    return std::unique_ptr<Table>(
        std::make_unique<ProxyTable>(context.loop, name, std::move(service), context.options));
  }
  return open_table(context.loop, context.main_cf, name, context.options);
}

}  // namespace dovetail::lookup
