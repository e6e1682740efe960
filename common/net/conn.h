// A peer that speaks in lines and blocks, in plain or over TLS. It owns the only line reader: a
// line ends with LF, a CR before it is removed, and whether it was there is told (RFC 5321 2.3.8
// lets the caller refuse bare LF).
//
// Memory: while the peer is idle no buffer is held; input goes through one scratch buffer per
// thread, so an idle plain connection costs this object and its coroutine, about 1 KiB. Output
// collects in put() and is sent by flush(), and always before waiting for input, so replies to
// pipelined commands leave in one packet.
//
// Every wait throws IoError (eof, timeout, error, cancelled). One coroutine reads, one may write at
// the same time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/net/address.h"
#include "common/net/loop.h"
#include "common/net/tls.h"

namespace dovetail::net {

struct Line {
  std::string_view text;  // without its line end; good until the next read
  bool bare_lf = false;   // ended with LF alone
  bool too_long = false;  // text is the first `limit` bytes, the rest was skipped
};

class Conn {
 public:
  Conn(Loop& loop, base::Fd fd);
  ~Conn();
  Conn(const Conn&) = delete;

  Loop& loop() const { return loop_; }
  const SockAddr& peer() const { return peer_; }
  const SockAddr& local() const { return local_; }
  int fd() const { return fd_.get(); }

  // How long one wait for the peer may take; nullopt: for ever.
  void set_timeout(std::optional<Milliseconds> time) { timeout_ = time; }
  // A moment (monotonic_now() based) after which every wait ends with timeout, for limits on a
  // whole command or session.
  void set_deadline(std::optional<Milliseconds> moment) { deadline_ = moment; }

  // --- reading
  Task<Line> read_line(size_t limit);
  // The next line if it is wholly here already, without waiting or a coroutine frame.
  std::optional<Line> try_line(size_t limit);
  // All bytes that are here, at least one; consume() says how many were used.
  Task<std::string_view> peek();
  std::string_view buffered() const { return std::string_view(in_).substr(used_); }
  void consume(size_t count) { used_ += count; }
  // Input that somebody else has read from the descriptor already (a session handed over): it comes first.
  void put_back(std::string_view bytes) {
    in_.insert(used_, bytes);
    searched_ = 0;
  }
  // Waits for more input than is buffered now. Flushes output first.
  Task<> fill();
  // Exactly count bytes (a literal, a BDAT chunk); the caller has checked count against its limit.
  Task<std::string> read_bytes(size_t count);

  enum class Woken { input, event, timeout };
  // For IDLE: input, the event, or the time, whichever is first. Buffered input counts. Flushes
  // output first.
  Task<Woken> wait_input(Event& event, std::optional<Milliseconds> time);

  // --- writing
  void put(std::string_view bytes) { out_ += bytes; }
  template <class... A>
  void print(base::FormatString<A...> text, A&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<A>(args)...);
  }
  Task<> flush();
  // flush(), but only when more than high bytes have collected: back-pressure in loops that produce
  // much.
  Task<> flush_above(size_t high);
  size_t unsent() const { return out_.size(); }

  // --- TLS. Input that came in plain before the handshake is dropped (CVE-2011-0411); returns how
  // much that was.
  Task<size_t> start_tls_server(std::shared_ptr<TlsContext> context);
  // server_name: SNI; empty for none. Whether the certificate is good is the caller's judgement
  // (tls_info, tls()).
  Task<size_t> start_tls_client(std::shared_ptr<TlsContext> context, std::string server_name);
  bool is_tls() const { return ssl_ != nullptr; }
  SSL* tls() const { return ssl_.get(); }

  // Ends all waits of this connection, now and later, with IoError::cancelled. The descriptor
  // closes with the object.
  void cancel();
  // Gives the descriptor away (plain sessions only); buffered() input must be passed on by the
  // caller.
  base::Fd release();
  // Sends close_notify and FIN without waiting.
  void shutdown_write();

 private:
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::optional<Milliseconds> time_left() const;
  void compact();
  bool read_some();   // false: would block. Throws IoError.
  bool write_some();  // false: would block
  Task<> handshake(std::shared_ptr<TlsContext> context, std::string server_name, bool server);
  [[noreturn]] void fail_tls(int result);

  Loop& loop_;
  base::Fd fd_;
  Watch watch_;
  SockAddr peer_, local_;
  std::optional<Milliseconds> timeout_, deadline_;
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string in_, out_;
  size_t used_ = 0;
  size_t searched_ = 0;    // of buffered(): how far no LF was found
  bool skipping_ = false;  // the rest of an overlong line is being dropped
  bool ssl_wants_write_ = false;
};

// Copies everything between two connections until either side ends; for TLS relays. Buffers exist
// only while data flows.
Task<> relay(Conn& a, Conn& b);

}  // namespace dovetail::net

namespace dovetail {
using net::Conn;
}
