// SPDX-License-Identifier: Apache-2.0
#include "mda/pop3/session.h"

#include <cstring>

#include "common/base/text.h"
#include "conf/dovecot/variables.h"

namespace dovetail::mda::pop3 {

namespace {

constexpr base::Milliseconds kClientIdle{10 * 60 * 1000};  // RFC 1939 3: at least ten minutes
constexpr size_t kLineLimit = 8192;
constexpr unsigned kBadCommandLimit = 20;

// clang-format off
constexpr Command kCommands[] = {
    {"CAPA", cmd_capa},
    {"DELE", cmd_dele},
    {"LAST", cmd_last},
    {"LIST", cmd_list},
    {"NOOP", cmd_noop},
    {"QUIT", cmd_quit},
    {"RETR", cmd_retr},
    {"RSET", cmd_rset},
    {"STAT", cmd_stat},
    {"TOP",  cmd_top},
    {"UIDL", cmd_uidl},
};
// clang-format on

std::string lost_reason(const IoError& error) {
  if (error.why == IoError::timeout)
    return format("Inactivity - no input for {} secs", kClientIdle.count() / 1000);
  if (error.why == IoError::cancelled) return "Server shutting down.";
  if (error.why == IoError::eof || error.code == 0) return "Connection closed";
  return format("Connection closed: read(size=8192) failed: {}", strerror(error.code));
}

std::string_view last_words(const IoError& error) {
  if (error.why == IoError::timeout) return "-ERR Disconnected for inactivity.\r\n";
  if (error.why == IoError::cancelled) return "-ERR Server shutting down.\r\n";
  return "";
}

}  // namespace

const Command* find_command(std::string_view name) {
  for (auto& command : kCommands) {
    if (base::iequals(command.name, name)) return &command;
  }
  return nullptr;
}

Session::Session(Conn& connection, SessionEnvironment environment)
    : conn(connection),
      settings(*environment.settings),
      log(environment.log),
      environment_(std::move(environment)) {
  conn.set_timeout(kClientIdle);
}

Session::~Session() {
  if (locked_) environment_.locks->erase(environment_.store.get());
}

// INBOX is opened before the login is confirmed.
Task<bool> Session::begin() {
  auto* locks = settings.pop3_lock_session ? environment_.locks : nullptr;
  if (locks) {
    locked_ = locks->insert(environment_.store.get()).second;
    if (!locked_) {
      reply("-ERR [IN-USE] Mailbox is locked by another POP3 session.");
      end("Mailbox is locked by another POP3 session.");
      co_return false;
    }
  }
  auto opened = co_await Maildrop::open(*environment_.store, settings);
  if (!opened) {
    fail(opened.error());
    end("Mailbox init failed");
    co_return false;
  }
  drop = std::move(*opened);
  reply("+OK Logged in.");
  co_return true;
}

Task<> Session::run() {
  auto begun = co_await begin();
  while (begun && !ending_) {
    auto line = co_await conn.read_line(kLineLimit);
    counts.input += line.text.size() + (line.bare_lf ? 1 : 2);
    if (line.too_long) {
      reply("-ERR Input line too long, aborting.");
      end("Input line too long");
      break;
    }
    std::string text(line.text);
    co_await execute(std::move(text));
  }
  co_await conn.flush();
}

Task<> Session::execute(std::string line) {
  auto [word, rest] = base::cut(line, ' ');
  auto* command = find_command(word);
  if (command && command->name == "LAST" && !settings.pop3_enable_last) command = nullptr;
  refused_ = false;
  if (command) {
    std::string arguments(base::trim_left(rest.value_or(std::string_view()), " "));
    co_await command->run(*this, std::move(arguments));
  } else {
    auto name = base::upper(word);
    refuse(format("-ERR Unknown command: {}", base::printable(name)));
  }
  if (!refused_) {
    bad_commands_ = 0;
  } else if (++bad_commands_ >= kBadCommandLimit && !ending_) {
    reply("-ERR Too many bad commands.");
    end("Too many bad commands.");
  }
}

void Session::reply(std::string_view line) {
  conn.put(line);
  conn.put("\r\n");
  counts.output += line.size() + 2;
}

void Session::refuse(std::string_view line) {
  refused_ = true;
  reply(line);
}

void Session::fail(const Error& error) {
  log.error("{}", error.text);
  refuse("-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.");
}

bool Session::whole_number(std::string_view& arguments, uint64_t& number) {
  size_t digits = 0;
  while (digits < arguments.size() && base::is_digit(arguments[digits])) ++digits;
  auto parsed = base::parse_number<uint32_t>(arguments.substr(0, digits));
  if (!parsed) return false;
  number = *parsed;
  arguments.remove_prefix(digits);
  return true;
}

bool Session::message_number(std::string_view& arguments, size_t& index, bool more) {
  auto given = base::printable(arguments);
  uint64_t number = 0;
  if (arguments.empty() || !base::is_digit(arguments.front())) {
    refuse(format("-ERR Invalid message number: {}", given));
    return false;
  }
  if (!whole_number(arguments, number)) {
    refuse(format("-ERR Message number too large: {}", given));
    return false;
  }
  bool blank = arguments.starts_with(' ');
  if (more ? !blank : !arguments.empty()) {
    refuse(format("-ERR Noise after message number: {}", base::printable(arguments)));
    return false;
  }
  arguments = base::trim_left(arguments, " ");
  if (number == 0 || number > drop->messages.size()) {
    refuse(format("-ERR There's no message {}.", number));
    return false;
  }
  index = static_cast<size_t>(number) - 1;
  if (!drop->messages[index].deleted) return true;
  refuse("-ERR Message is deleted.");
  return false;
}

void Session::end(std::string reason) {
  ending_ = true;
  reason_ = std::move(reason);
}

void Session::log_end() const {
  auto number = [](char key, std::string name, uint64_t value) {
    return conf::dovecot::Variable{key, std::move(name), std::to_string(value)};
  };
  conf::dovecot::Variables variables;
  variables.table = {
      number('t', "top_count", counts.top_count),
      number('p', "top_bytes", counts.top_bytes),
      number('r', "retr_count", counts.retr_count),
      number('b', "retr_bytes", counts.retr_bytes),
      number('d', "deleted_count", counts.deleted),
      number('m', "message_count", drop ? drop->messages.size() : 0),
      number('s', "message_bytes", drop ? drop->total_size : 0),
      number('i', "input", counts.input),
      number('o', "output", counts.output),
  };
  auto numbers = conf::dovecot::expand_variables(settings.pop3_logout_format, variables);
  log.info("Disconnected: {} {}", reason_, numbers.text);
}

Task<> run_pop3(Conn& conn, SessionEnvironment environment) {
  Session session(conn, std::move(environment));
  std::string_view goodbye;
  try {
    co_await session.run();
  } catch (const IoError& error) {
    session.end(lost_reason(error));
    goodbye = last_words(error);
  } catch (const std::exception& error) {
    // A bug of this session must not take the others with it.
    session.log.error("session failed: {}", error.what());
    session.end("Internal error occurred. Refer to server log for more information.");
    goodbye =
        "-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.\r\n";
  }
  if (!goodbye.empty()) {
    conn.put(goodbye);
    try {
      conn.set_timeout(base::Milliseconds(1000));
      co_await conn.flush();
    } catch (const IoError&) {
      // The client is gone; nothing is lost.
    }
  }
  session.log_end();
}

}  // namespace dovetail::mda::pop3
