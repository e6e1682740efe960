// SPDX-License-Identifier: Apache-2.0
#include "lookup/remote/server.h"

#include <poll.h>

#include "common/net/listen.h"

namespace dovetail::lookup {
namespace {

constexpr base::Milliseconds kSharedFailure{100};

bool closed_by_peer(int fd) {
  pollfd check{fd, POLLIN | POLLRDHUP, 0};
  return ::poll(&check, 1, 0) != 0;
}

}  // namespace

RemoteServer::RemoteServer(net::Loop& loop, Options options, const Logger& log)
    : loop_(loop),
      options_(std::move(options)),
      outage_(log, options_.every_failure),
      free_(loop),
      probe_(loop),
      idle_timer_(loop, [this] { close_idle(); }) {
  // Its files are read now, before a change of root.
  if (!options_.resolver && options_.endpoint.needs_resolver())
    options_.resolver = net::make_resolver(loop);
}

Task<> RemoteServer::wait_for_place() {
  while (busy_ >= options_.connections) co_await free_.wait();
}

Task<std::unique_ptr<net::AsyncMutex::Guard>> RemoteServer::wait_for_probe() {
  std::unique_ptr<net::AsyncMutex::Guard> guard;
  if (!outage_.ongoing()) co_return guard;
  auto locked = co_await probe_.lock();
  guard = std::make_unique<net::AsyncMutex::Guard>(std::move(locked));
  // It came back meanwhile: nobody needs to wait for this question.
  if (!outage_.ongoing()) guard.reset();
  co_return guard;
}

bool RemoteServer::just_failed() const {
  return outage_.ongoing() && base::monotonic_now() - outage_.last_failure() < kSharedFailure;
}

void RemoteServer::close_idle() {
  auto now = base::monotonic_now();
  std::erase_if(idle_, [&](auto& session) { return now - session.idle_since >= options_.idle; });
  if (!idle_.empty()) idle_timer_.start(options_.idle);
}

Task<Result<RemoteServer::Session>> RemoteServer::open() {
  while (!idle_.empty()) {
    Session session = std::move(idle_.back());
    idle_.pop_back();
    bool old = base::monotonic_now() - session.born >= options_.age;
    if (old || closed_by_peer(session.conn->fd())) continue;
    session.reused = true;
    co_return std::move(session);
  }
  auto& where = options_.endpoint.where;
  auto addresses = co_await options_.endpoint.addresses(options_.resolver.get());
  if (!addresses) {
    outage_.failed(format("host or service {} not found: {}", where, addresses.error().text));
    auto error = temporary("Cannot assign requested address");
    outage_.failed(format("{} {}: {}", options_.connecting, where, error.text));
    co_return error;
  }
  Error last;
  for (auto& address : *addresses) {
    auto fd = co_await net::connect_to(loop_, address, options_.timeout);
    if (!fd) {
      last = fd.error();
      continue;
    }
    Session session;
    session.conn = std::make_unique<Conn>(loop_, std::move(*fd));
    session.conn->set_timeout(options_.timeout);
    session.born = base::monotonic_now();
    co_return std::move(session);
  }
  outage_.failed(format("{} {}: {}", options_.connecting, where, last.text));
  co_return last;
}

void RemoteServer::keep(Session session) {
  session.idle_since = base::monotonic_now();
  idle_.push_back(std::move(session));
  idle_timer_.start(options_.idle);
}

}  // namespace dovetail::lookup
