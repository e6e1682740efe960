// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/session.h"

#include <cstring>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "conf/dovecot/variables.h"
#include "mda/imap/capability.h"
#include "mda/imap/commands.h"
#include "mda/storage/mutf7.h"

namespace dovetail::mda::imap {

namespace {

using base::Milliseconds;

constexpr unsigned kBadCommandLimit = 20;
constexpr Milliseconds kClientIdle{30 * 60 * 1000};  // RFC 3501 5.4: at least 30 minutes
constexpr size_t kOutputHigh = 65536;
constexpr Milliseconds kSlice{2};

std::string seconds_text(Milliseconds time) {
  return format("{}.{:03}", time.count() / 1000, time.count() % 1000);
}

std::string io_error_reason(const IoError& error) {
  if (error.why == IoError::timeout)
    return format("Inactivity - no input for {} secs", kClientIdle.count() / 1000);
  if (error.why == IoError::cancelled) return "Server shutting down.";
  if (error.why == IoError::eof || error.code == 0) return "Connection closed";
  return format("Connection closed: read(size=8192) failed: {}", strerror(error.code));
}

}  // namespace

Session::Session(Conn& connection, SessionEnvironment environment)
    : conn(connection),
      store(*environment.store),
      settings(*environment.settings),
      pool(*environment.pool),
      log(environment.log),
      reader(connection,
             {environment.settings->imap_max_line_length, 64,
              environment.settings->imap_literal_minus},
             true),
      environment_(std::move(environment)) {
  conn.set_timeout(kClientIdle);
  if (!environment_.input.empty()) conn.put_back(std::exchange(environment_.input, {}));
}

Task<> Session::run() {
  if (!environment_.login_tag.empty()) {
    print("{} OK [CAPABILITY {}] Logged in\r\n", environment_.login_tag,
          capability_after_login(settings.imap_capability, settings.imap_literal_minus));
  }
  while (!ending_) {
    auto command = co_await reader.read();
    if (command.fatal) {
      disconnect(command.error, command.error);
      break;
    }
    co_await execute(command);
  }
  co_await conn.flush();
}

Task<> Session::execute(Command& command) {
  auto started = base::monotonic_now();
  running_ = command.name;
  running_since_ = breath_ = started;
  is_running_ = true;
  Reply reply;
  if (!command.error.empty()) {
    reply = reply_wrong(command.error);
  } else {
    reply = co_await dispatch(command);
    // What was announced and not taken must not be read as commands.
    if (command.message) co_await reader.skip_rest(command);
  }
  answer(command, reply, started);
  running_since_ = base::monotonic_now();
  is_running_ = false;
}

Task<Reply> Session::dispatch(Command& command) {
  auto entry = find_command(command.name);
  if (!entry) co_return reply_wrong("Unknown command");
  if ((entry->flags & kNeedsMailbox) && !selected) co_return reply_bad("No mailbox selected");
  auto reply = co_await entry->run(*this, command);
  bool accepted = reply.status == Reply::Status::ok || reply.status == Reply::Status::no;
  if (accepted && selected && !ending_ && (entry->flags & (kSync | kSyncNoExpunge))) {
    auto expunges = entry->flags & kSync ? TellExpunges::yes : TellExpunges::no;
    auto synced = co_await sync(expunges, is_uid_command(command));
    if (!synced && reply.status == Reply::Status::ok && command.name == "NOOP")
      reply = failed(synced.error());
  }
  co_return reply;
}

void Session::answer(const Command& command, const Reply& reply, Milliseconds started) {
  static constexpr std::string_view kWords[] = {"OK", "NO", "BAD", "BAD"};
  auto text = reply.text;
  if (reply.status == Reply::Status::wrong) {
    if (command.tag.empty()) {
      text = format("Error in IMAP tag: {}", reply.text);
    } else if (command.name.empty()) {
      text = format("Error in IMAP command: {}", reply.text);
    } else {
      text = format("Error in IMAP command {}: {}", command.name, reply.text);
    }
  }
  if (text.ends_with('.')) text.pop_back();
  print("{} {} {} ({} + 0.000 secs).\r\n", command.tag.empty() ? "*" : command.tag,
        kWords[static_cast<size_t>(reply.status)], text,
        seconds_text(base::monotonic_now() - started));
  if (reply.status != Reply::Status::wrong) {
    bad_commands_ = 0;
  } else if (++bad_commands_ >= kBadCommandLimit && !ending_) {
    disconnect("Too many invalid IMAP commands.", "Too many invalid IMAP commands.");
  }
}

void Session::disconnect(std::string_view bye, std::string reason) {
  if (!bye.empty()) print("* BYE {}\r\n", bye);
  ending_ = true;
  end_reason_ = std::move(reason);
}

bool Session::wants_breath() const {
  return conn.unsent() > kOutputHigh || base::monotonic_now() - breath_ >= kSlice;
}

Task<> Session::breathe() {
  co_await conn.flush_above(kOutputHigh);
  if (base::monotonic_now() - breath_ >= kSlice) co_await conn.loop().yield();
  breath_ = base::monotonic_now();
}

Result<std::string> Session::mailbox_name(const std::string& wire) const {
  auto name = mutf7_to_utf8(wire);
  if (!name) return permanent("Mailbox name is not valid mUTF-7");
  if (base::iequals(*name, "INBOX")) return std::string("INBOX");
  return std::move(*name);
}

Reply Session::failed(const Error& error) const {
  if (error.fault == Fault::permanent) return reply_no(error.text);
  log.error("{}", error.text);
  return reply_no(
      format("[SERVERBUG] Internal error occurred. Refer to server log for more information. [{}]",
             base::format_time("%Y-%m-%d %H:%M:%S", base::wall_now().seconds)));
}

std::string Session::command_status() const {
  auto ago = seconds_text(base::monotonic_now() - running_since_);
  if (is_running_) {
    return format(
        " ({} running for 0.000 + waiting input for {} secs, {} B in + {}+{} B out, "
        "state=wait-input)",
        running_, ago, reader.bytes_in(), reader.bytes_out() - conn.unsent(), conn.unsent());
  }
  if (running_.empty()) return " (No commands sent)";
  return format(" ({} finished {} secs ago)", running_, ago);
}

void Session::log_end() const {
  auto number = [](std::string name, uint64_t value, char key = 0) {
    return conf::dovecot::Variable{key, std::move(name), format("{}", value)};
  };
  conf::dovecot::Variables variables;
  variables.table = {
      number("input", reader.bytes_in(), 'i'),
      number("output", reader.bytes_out(), 'o'),
      number("deleted", counts.deleted),
      number("expunged", counts.expunged),
      number("autoexpunged", 0),
      number("trashed", counts.trashed),
      number("appended", counts.appended),
      number("fetch_hdr_count", counts.hdr_count),
      number("fetch_hdr_bytes", counts.hdr_bytes),
      number("fetch_body_count", counts.body_count),
      number("fetch_body_bytes", counts.body_bytes),
  };
  auto numbers = conf::dovecot::expand_variables(settings.imap_logout_format, variables);
  log.info("Disconnected: {} {}", end_reason_, numbers.text);
}

Task<> run_imap(Conn& conn, SessionEnvironment environment) {
  Session session(conn, std::move(environment));
  std::string bye;
  try {
    co_await session.run();
  } catch (const IoError& error) {
    session.end_reason_ = io_error_reason(error);
    if (error.why == IoError::timeout) bye = "Disconnected for inactivity.";
    if (error.why == IoError::eof || error.why == IoError::error)
      session.end_reason_ += session.command_status();
  } catch (const std::exception& error) {
    // A bug of this session must not take the others with it.
    session.log.error("{} failed: {}", session.running_, error.what());
    session.end_reason_ = "Internal error occurred. Refer to server log for more information.";
    bye = session.end_reason_;
  }
  if (!bye.empty()) {
    session.disconnect(bye, session.end_reason_);
    try {
      conn.set_timeout(Milliseconds(1000));
      co_await conn.flush();
    } catch (const IoError&) {
      // The client is gone; nothing is lost.
    }
  }
  session.log_end();
}

}  // namespace dovetail::mda::imap
