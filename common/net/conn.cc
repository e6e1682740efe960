// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

#include <openssl/err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace dovetail::net {
namespace {

constexpr size_t kScratch = 16384;

// One per thread, not per connection: what was read is copied to the connection at once.
char* scratch() {
  static thread_local std::array<char, kScratch> bytes;
  return bytes.data();
}

// A small buffer may stay: giving it back would cost an allocation per line.
void give_back(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > 64) std::string().swap(buffer);
}

}  // namespace

Conn::Conn(Loop& loop, base::Fd fd)
    : loop_(loop),
      fd_(std::move(fd)),
      watch_(loop, fd_.get()),
      peer_(peer_of(fd_.get())),
      local_(local_of(fd_.get())) {
  int on = 1;
  if (peer_.is_ip()) setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Conn::~Conn() = default;

std::optional<Milliseconds> Conn::time_left() const {
  if (!deadline_) return timeout_;
  auto left = std::max(*deadline_ - base::monotonic_now(), Milliseconds(0));
  return timeout_ ? std::min(left, *timeout_) : left;
}

// --- reading

void Conn::compact() {
  if (used_ == 0) return;
  if (used_ >= in_.size())
    in_.clear();
  else
    in_.erase(0, used_);
  used_ = 0;
}

std::optional<Line> Conn::try_line(size_t limit) {
  for (;;) {
    auto here = buffered();
    auto end = here.find('\n', searched_);
    if (end == here.npos) {
      searched_ = here.size();
      if (here.size() <= limit + 2) return std::nullopt;
      if (skipping_) {  // only the end of the overlong line is of interest any more
        in_.resize(used_ + limit);
        searched_ = limit;
        return std::nullopt;
      }
      skipping_ = true;
      in_.resize(used_ + limit);
      searched_ = limit;
      return std::nullopt;
    }
    used_ += end + 1;
    searched_ = 0;
    bool bare = end == 0 || here[end - 1] != '\r';
    auto text = here.substr(0, bare ? end : end - 1);
    bool too_long = std::exchange(skipping_, false) || text.size() > limit;
    return Line{text.substr(0, limit), bare, too_long};
  }
}

Task<Line> Conn::read_line(size_t limit) {
  for (;;) {
    auto line = try_line(limit);
    if (line) co_return *line;
    co_await fill();
  }
}

Task<std::string_view> Conn::peek() {
  if (buffered().empty()) co_await fill();
  co_return buffered();
}

Task<std::string> Conn::read_bytes(size_t count) {
  std::string bytes;
  bytes.reserve(std::min<size_t>(count, 1 << 20));
  while (bytes.size() < count) {
    auto here = co_await peek();
    auto part = here.substr(0, count - bytes.size());
    bytes += part;
    consume(part.size());
  }
  searched_ = 0;
  co_return bytes;
}

Task<> Conn::fill() {
  size_t before = buffered().size();
  compact();
  if (in_.empty()) give_back(in_);
  if (!out_.empty()) co_await flush();
  searched_ = std::min(searched_, before);
  while (!read_some()) {
    if (ssl_wants_write_)
      co_await watch_.writable(time_left());
    else
      co_await watch_.readable(time_left());
  }
}

bool Conn::read_some() {
  ssl_wants_write_ = false;
  if (ssl_) {
    ERR_clear_error();
    int n = SSL_read(ssl_.get(), scratch(), kScratch);
    if (n > 0) {
      in_.append(scratch(), static_cast<size_t>(n));
      return true;
    }
    int why = SSL_get_error(ssl_.get(), n);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) fail_tls(why);
    ssl_wants_write_ = why == SSL_ERROR_WANT_WRITE;
    if (ssl_wants_write_)
      watch_.not_writable();
    else
      watch_.not_readable();
    return false;
  }
  ssize_t n = ::recv(fd_.get(), scratch(), kScratch, 0);
  if (n == 0) throw IoError{IoError::eof, 0, {}};
  if (n > 0) {
    in_.append(scratch(), static_cast<size_t>(n));
    return true;
  }
  if (errno == ECONNRESET || errno == EPIPE) throw IoError{IoError::eof, errno, {}};
  if (errno != EAGAIN && errno != EINTR) throw IoError{IoError::error, errno, {}};
  if (errno == EAGAIN) watch_.not_readable();
  return false;
}

Task<Conn::Woken> Conn::wait_input(Event& event, std::optional<Milliseconds> time) {
  if (!out_.empty()) co_await flush();
  if (!buffered().empty()) co_return Woken::input;
  if (event.is_set()) {
    event.clear();
    co_return Woken::event;
  }
  compact();
  give_back(in_);
  event.interrupt(&watch_);
  struct Detach {
    Event& event;
    ~Detach() { event.interrupt(nullptr); }
  } detach{event};
  try {
    while (!read_some()) {
      if (ssl_wants_write_)
        co_await watch_.writable(time);
      else
        co_await watch_.readable(time);
    }
  } catch (const IoError& io) {
    if (io.why != IoError::timeout) throw;
    bool woken = event.is_set();
    event.clear();
    co_return woken ? Woken::event : Woken::timeout;
  }
  co_return Woken::input;
}

// --- writing

bool Conn::write_some() {
  ssize_t n;
  if (ssl_) {
    ERR_clear_error();
    int length = static_cast<int>(std::min<size_t>(out_.size(), 1 << 20));
    int done = SSL_write(ssl_.get(), out_.data(), length);
    if (done <= 0) {
      int why = SSL_get_error(ssl_.get(), done);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) fail_tls(why);
      ssl_wants_write_ = why == SSL_ERROR_WANT_WRITE;
      if (ssl_wants_write_)
        watch_.not_writable();
      else
        watch_.not_readable();
      return false;
    }
    n = done;
  } else {
    n = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == ECONNRESET || errno == EPIPE) throw IoError{IoError::eof, errno, {}};
      if (errno != EAGAIN && errno != EINTR) throw IoError{IoError::error, errno, {}};
      ssl_wants_write_ = true;
      if (errno == EAGAIN) watch_.not_writable();
      return false;
    }
  }
  out_.erase(0, static_cast<size_t>(n));
  return true;
}

Task<> Conn::flush() {
  while (!out_.empty()) {
    if (write_some()) continue;
    if (ssl_wants_write_)
      co_await watch_.writable(time_left());
    else
      co_await watch_.readable(time_left());
  }
  give_back(out_);
}

Task<> Conn::flush_above(size_t high) {
  if (out_.size() > high) co_await flush();
}

// --- TLS

void Conn::fail_tls(int why) {
  int code = errno;
  if (why == SSL_ERROR_ZERO_RETURN) throw IoError{IoError::eof, 0, {}};
  auto text = tls_error();
  bool gone = why == SSL_ERROR_SYSCALL && (code == 0 || code == ECONNRESET || code == EPIPE);
  if (gone || text.find("unexpected eof") != text.npos) throw IoError{IoError::eof, code, {}};
  throw IoError{IoError::error, code, std::move(text)};
}

Task<> Conn::handshake(std::shared_ptr<TlsContext> context, std::string server_name, bool server) {
  co_await flush();
  context_ = std::move(context);
  ssl_.reset(SSL_new(context_->get()));
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_read_ahead(ssl_.get(), 1);
  if (!server_name.empty()) SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
  if (server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
  for (;;) {
    ERR_clear_error();
    int done = SSL_do_handshake(ssl_.get());
    if (done == 1) co_return;
    int why = SSL_get_error(ssl_.get(), done);
    if (why == SSL_ERROR_WANT_READ) {
      watch_.not_readable();
      co_await watch_.readable(time_left());
    } else if (why == SSL_ERROR_WANT_WRITE) {
      watch_.not_writable();
      co_await watch_.writable(time_left());
    } else {
      fail_tls(why);
    }
  }
}

Task<size_t> Conn::start_tls_server(std::shared_ptr<TlsContext> context) {
  size_t dropped = buffered().size();
  in_.clear();
  used_ = searched_ = 0;
  std::string no_name;
  co_await handshake(std::move(context), std::move(no_name), true);
  co_return dropped;
}

Task<size_t> Conn::start_tls_client(std::shared_ptr<TlsContext> context, std::string server_name) {
  size_t dropped = buffered().size();
  in_.clear();
  used_ = searched_ = 0;
  co_await handshake(std::move(context), std::move(server_name), false);
  co_return dropped;
}

void Conn::cancel() {
  watch_.cancel();
}

base::Fd Conn::release() {
  return base::Fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 3));
}

void Conn::shutdown_write() {
  if (ssl_) SSL_shutdown(ssl_.get());
  ::shutdown(fd_.get(), SHUT_WR);
}

// --- relay

namespace {

Task<> copy_until_eof(Conn& from, Conn& to) {
  try {
    for (;;) {
      auto bytes = co_await from.peek();
      to.put(bytes);
      from.consume(bytes.size());
      co_await to.flush();
    }
  } catch (const IoError&) {
    // Whatever ended this direction ends the session: both peers hear of it.
  }
  from.cancel();
  to.cancel();
}

}  // namespace

Task<> relay(Conn& a, Conn& b) {
  std::vector<Task<>> both;
  both.push_back(copy_until_eof(a, b));
  both.push_back(copy_until_eof(b, a));
  co_await when_all(a.loop(), std::move(both));
}

}  // namespace dovetail::net
