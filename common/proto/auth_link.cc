// SPDX-License-Identifier: Apache-2.0
#include "common/proto/auth_link.h"

#include "common/base/text.h"
#include "common/net/conn.h"
#include "common/net/listen.h"

namespace dovetail::proto {

namespace {
constexpr size_t kMaxAuthLine = 65536;
constexpr base::Milliseconds kStuckServer{60'000};  // half a line, or requests not taken
}  // namespace

struct AuthLink::Live {
  Live(net::Loop& loop, base::Fd fd) : conn(loop, std::move(fd)), wake(loop) {}
  net::Conn conn;
  net::Event wake;
};

AuthLink::AuthLink(net::Loop& loop, std::string path, Logger log)
    : loop_(loop), path_(std::move(path)), log_(std::move(log)), changed_(loop) {}

AuthLink::~AuthLink() = default;

net::Task<Result<void>> AuthLink::open(base::Milliseconds time) {
  const auto end = base::monotonic_now() + time;
  while (!ready_) {
    if (!live_ && !connecting_) {
      auto connected = co_await connect(time);
      if (!connected) co_return connected.error();
      continue;
    }
    const auto left = end - base::monotonic_now();
    if (left.count() <= 0) co_return temporary(format("{}: auth server does not answer", path_));
    co_await changed_.wait(left);
    if (!ready_ && !live_ && !connecting_) co_return temporary(why_down_);
  }
  co_return Result<void>();
}

net::Task<Result<void>> AuthLink::connect(base::Milliseconds time) {
  auto address = SockAddr::unix_path(path_);
  if (!address) co_return config_error(format("connect({}) failed: File name too long", path_));
  connecting_ = true;
  auto fd = co_await net::connect_to(loop_, *address, time);
  connecting_ = false;
  if (!fd) {
    why_down_ = format("connect({}) failed: {}", path_, fd.error().text);
    changed_.set_all();
    co_return temporary(why_down_);
  }
  live_ = std::make_shared<Live>(loop_, std::move(*fd));
  ++generation_;
  live_->conn.set_timeout(kStuckServer);
  live_->conn.put(greeting());
  net::spawn(run(shared_from_this(), live_), log_);
  co_return Result<void>();
}

net::Task<> AuthLink::run(std::shared_ptr<AuthLink> self, std::shared_ptr<Live> live) {
  std::string why;
  try {
    co_await self->pump(*live);
  } catch (const IoError& io) {
    why = io.why == IoError::eof ? "Connection closed" : io.message();
  }
  self->down(live.get(), why);
}

net::Task<> AuthLink::pump(Live& live) {
  for (;;) {
    while (auto line = live.conn.try_line(kMaxAuthLine)) {
      std::string wrong = line->too_long ? "line too long" : on_line(line->text);
      if (wrong.empty()) continue;
      down(&live, std::move(wrong));
      co_return;
    }
    // Half a line is here: the rest comes at once. wait_input() would call it input and spin.
    if (!live.conn.buffered().empty()) {
      co_await live.conn.fill();
    } else {
      co_await live.conn.wait_input(live.wake, std::nullopt);
    }
  }
}

void AuthLink::set_ready() {
  ready_ = true;
  changed_.set_all();
}

void AuthLink::send(std::string_view line) {
  if (!live_) return;
  live_->conn.put(line);
  live_->wake.set();
}

void AuthLink::close(std::string why) {
  if (!live_) return;
  live_->conn.cancel();
  down(live_.get(), std::move(why));
}

void AuthLink::down(const Live* live, std::string why) {
  if (live_.get() != live) return;  // an older connection: nobody asks it any more
  live_.reset();
  ready_ = false;
  why_down_ = format("{}: {}", path_, why.empty() ? "Connection closed" : why);
  on_down(why_down_);
  changed_.set_all();
}

}  // namespace dovetail::proto
