// SPDX-License-Identifier: Apache-2.0
#include "mda/lmtp/session.h"

#include <sys/socket.h>

#include <algorithm>

#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::mda::lmtp {

namespace {

constexpr base::Milliseconds kClientTimeout{5 * 60 * 1000};
constexpr size_t kLineLimit = 4096;
constexpr unsigned kBadCommandLimit = 10;

// clang-format off
constexpr Command kCommands[] = {
    {"LHLO",     cmd_lhlo},
    {"MAIL",     cmd_mail},
    {"RCPT",     cmd_rcpt},
    {"DATA",     cmd_data},
    {"BDAT",     cmd_bdat},
    {"RSET",     cmd_rset},
    {"NOOP",     cmd_noop},
    {"VRFY",     cmd_vrfy},
    {"QUIT",     cmd_quit},
    {"STARTTLS", cmd_starttls},
    {"XCLIENT",  cmd_xclient},
};
// clang-format on

// 22 characters as the incumbent's: 128 bits in base64 without padding.
std::string new_session_id() {
  return base::base64(base::random_bytes(16)).substr(0, 22);
}

std::string client_name(const std::string& remote_ip) {
  return remote_ip.empty() ? "local" : remote_ip;
}

}  // namespace

const Command* find_command(std::string_view name) {
  for (auto& command : kCommands) {
    if (base::iequals(command.name, name)) return &command;
  }
  return nullptr;
}

Session::Session(Conn& connection, std::shared_ptr<const LmtpSettings> session_settings,
                 const Services& services)
    : conn(connection),
      settings(*session_settings),
      pool(services.pool),
      backend(services.backend),
      log(services.log),
      users_(services.users),
      kept_(std::move(session_settings)),
      session_id_(new_session_id()) {}

Session::~Session() {
  end_transaction();
}

std::string Session::remote_ip() const {
  return conn.peer().is_ip() ? conn.peer().host() : std::string();
}

std::string Session::local_ip() const {
  return conn.local().is_ip() ? conn.local().host() : std::string();
}

Task<> Session::run() {
  auto client = client_name(remote_ip());
  log.info("Connect from {}", client);
  conn.set_timeout(kClientTimeout);
  bool timed_out = false;
  try {
    reply(format("220 {} {}", settings.hostname, settings.login_greeting));
    co_await read_commands();
    co_await conn.flush();
  } catch (const IoError& error) {
    timed_out = error.why == IoError::timeout;
    if (reason_.empty()) reason_ = end_reason(error);
  } catch (const std::exception& error) {
    // A bug of this session must not take the others with it; the client tries again.
    log.error("session failed: {}", error.what());
    reason_ = "Internal error";
  }
  if (timed_out) {
    try {
      reply(format("421 4.4.2 {} Disconnected for inactivity", settings.hostname));
      conn.set_timeout(base::Milliseconds(1000));
      co_await conn.flush();
    } catch (const IoError&) {
      // The client is gone; there was nothing else to say.
    }
  }
  end_transaction();
  log.info("Disconnect from {}: {} (state={})", client, reason_, state_);
}

std::string Session::end_reason(const IoError& error) const {
  if (shutting_down_) return "Shutting down";
  if (error.why == IoError::timeout) return "Disconnected for inactivity";
  std::string reason = "Connection closed";
  if (!error.text.empty()) reason += ": " + error.text;
  if (!receiving_.empty()) reason += format(" (unfinished {} command)", receiving_);
  return reason;
}

Task<> Session::read_commands() {
  while (!ending_) {
    if (shutting_down_) {
      reply(format("421 4.3.2 {} Shutting down", settings.hostname));
      close("Shutting down");
      co_return;
    }
    waiting_ = true;
    auto line = co_await conn.read_line(kLineLimit);
    waiting_ = false;
    if (line.too_long) {
      bad_command("500 5.5.2 Line too long");
      continue;
    }
    lf_lines = line.bare_lf;
    std::string text(line.text);
    co_await execute(std::move(text));
  }
}

Task<> Session::execute(std::string line) {
  auto [word, rest] = base::cut(line, ' ');
  std::string name(word);
  bool letters = !name.empty() && std::all_of(name.begin(), name.end(), base::is_alpha);
  bool printable = std::none_of(line.begin(), line.end(), [](char c) {
    return (c >= 0 && c < ' ' && c != '\t') || c == 127;
  });
  if (!letters || !printable) {
    bad_command("500 5.5.2 Invalid command syntax");
    co_return;
  }
  auto* command = find_command(name);
  if (!command) {
    bad_command("500 5.5.1 Unknown command");
    co_return;
  }
  bad_commands_ = 0;
  std::string arguments(rest.value_or(std::string_view()));
  co_await command->run(*this, std::move(arguments));
}

void Session::bad_command(std::string_view text) {
  if (++bad_commands_ <= kBadCommandLimit) {
    reply(text);
    return;
  }
  reply(format("421 4.7.0 {} Too many invalid commands.", settings.hostname));
  close("Too many invalid commands.");
}

void Session::reply(std::string_view text) {
  conn.put(text);
  conn.put("\r\n");
}

void Session::close(std::string reason) {
  ending_ = true;
  reason_ = std::move(reason);
}

void Session::shut_down() {
  shutting_down_ = true;
  if (!waiting_) return;
  if (!conn.is_tls()) {
    auto text = format("421 4.3.2 {} Shutting down\r\n", settings.hostname);
    (void)!::send(conn.fd(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  waiting_ = false;
  conn.cancel();
}

void Session::begin_transaction(Path sender) {
  ++transactions_;
  transaction.emplace();
  transaction->id = transactions_ == 1 ? session_id_ : format("{}:T{}", session_id_, transactions_);
  transaction->sender = std::move(sender);
}

void Session::end_transaction() {
  if (transaction && settings.lmtp_user_concurrency_limit > 0) {
    for (auto& rcpt : transaction->recipients) {
      auto counted = users_.find(rcpt.user);
      if (counted != users_.end() && --counted->second == 0) users_.erase(counted);
    }
  }
  transaction.reset();
}

bool Session::count_user(const std::string& user) {
  if (settings.lmtp_user_concurrency_limit == 0) return true;
  auto counted = users_.find(user);
  if (counted != users_.end() && counted->second >= settings.lmtp_user_concurrency_limit)
    return false;
  ++users_[user];
  return true;
}

}  // namespace dovetail::mda::lmtp
