// The lines of the auth client protocol; what becomes of a request is in authentication.cc.
// SPDX-License-Identifier: Apache-2.0
#include "authd/client_session.h"

#include <unistd.h>

#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr size_t kMaxClientLine = 16384;
constexpr size_t kMaxPending = 10000;
constexpr base::Milliseconds kStuckClient{60'000};

// Base64 as it comes; "=" stands for an empty response.
std::optional<std::string> decode_response(std::string_view text) {
  if (text == "=") return std::string();
  return base::unbase64(text);
}

}  // namespace

ClientSession::ClientSession(AuthServer& server, base::Fd fd, SocketKind kind)
    : server_(server),
      conn_(server.loop, std::move(fd)),
      kind_(kind),
      wake_(server.loop),
      cookie_(base::random_hex(32)) {}

void ClientSession::greet() {
  conn_.put("VERSION\t1\t2\n");
  if (kind_ != SocketKind::token) {
    for (const auto& name : server_.settings.mechanisms) {
      const auto* mech = find_mech(name);
      conn_.print("MECH\t{}{}{}\n", mech->name, mech->flags.empty() ? "" : "\t", mech->flags);
    }
  }
  conn_.print("SPID\t{}\nCUID\t{}\nCOOKIE\t{}\nDONE\n", getpid(), ++server_.last_connection,
              cookie_);
}

net::Task<> ClientSession::run() {
  auto self = shared_from_this();
  std::string why = "EOF";
  conn_.set_timeout(
      kStuckClient);  // for half a line and for taking our answers; an idle client may stay
  greet();
  try {
    for (;;) {
      while (auto line = conn_.try_line(kMaxClientLine)) {
        auto wrong =
            line->too_long
                ? std::optional<std::string>("BUG: Authentication client sent us too much data")
                : on_line(line->text);
        if (!wrong) continue;
        if (!wrong->empty()) server_.log.error("{}", *wrong);
        co_await conn_.flush();  // what was answered before counts
        leave("Deinitialized");
        co_return;
      }
      // Half a line is here: the rest comes at once. wait_input() would call it input and spin.
      if (!conn_.buffered().empty()) {
        co_await conn_.fill();
      } else {
        co_await conn_.wait_input(wake_, std::nullopt);
      }
    }
  } catch (const IoError& io) {
    if (io.why != IoError::eof) why = io.message();
  }
  leave(why);
}

// Everybody who still works for this client is told that nobody listens.
void ClientSession::leave(std::string_view why) {
  conn_.cancel();
  conn_
      .shutdown_write();  // requests still under way hold the descriptor; the client must not wait for them
  if (!pending_.empty() && why != "Deinitialized") {
    server_.log.error("auth client {} disconnected with {} pending requests: {}", client_pid_,
                      pending_.size(), why);
  }
  for (auto& [id, pending] : pending_) {
    pending->gone = true;
    pending->come.set();
  }
  pending_.clear();
}

std::optional<std::string> ClientSession::on_line(std::string_view line) {
  const auto words = base::split(line, '\t');
  if (!version_seen_) return on_version(words, line);
  if (words[0] == "CPID") return on_cpid(words);
  if (client_pid_ != 0) {
    if (words[0] == "AUTH") return on_auth(line);
    if (words[0] == "CONT") return on_cont(line);
    if (words[0] == "CANCEL") return on_cancel(words);
  } else if (words[0] == "AUTH" || words[0] == "CONT" || words[0] == "CANCEL") {
    return "BUG: Authentication client sent a request before CPID";
  }
  // No response can stand in a line that is no AUTH or CONT.
  return format("BUG: Authentication client sent unknown command: {}", base::printable(line));
}

std::optional<std::string> ClientSession::on_version(const std::vector<std::string_view>& words,
                                                     std::string_view line) {
  if (words[0] != "VERSION" || words.size() < 3) {
    const auto resp = line.find("\tresp=");
    return format("Authentication client sent invalid VERSION line: {}",
                  base::printable(line.substr(0, resp)));
  }
  if (words[1] != "1")
    return "Authentication client not compatible with this server (mixed old and new binaries?)";
  version_seen_ = true;
  return std::nullopt;
}

std::optional<std::string> ClientSession::on_cpid(const std::vector<std::string_view>& words) {
  if (client_pid_ != 0) return "BUG: Authentication client re-handshaking";
  const auto pid = words.size() >= 2 ? base::parse_number<pid_t>(words[1]) : std::nullopt;
  if (!pid || *pid <= 0) return "BUG: Authentication client said it's PID 0";
  client_pid_ = *pid;
  return std::nullopt;
}

std::optional<std::string> ClientSession::on_auth(std::string_view line) {
  const auto words = base::split(line, '\t');
  const auto id = words.size() >= 3 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return format("BUG: Authentication client {} sent broken AUTH request", client_pid_);
  if (pending_.contains(*id) || pending_.size() >= kMaxPending) {
    return format("BUG: Authentication client {} sent a duplicate ID {}", client_pid_, *id);
  }
  const auto* mech = kind_ == SocketKind::token ? nullptr : find_mech(words[2]);
  bool enabled = false;
  for (const auto& name : server_.settings.mechanisms) enabled |= mech && name == mech->name;
  if (!enabled) {
    return format("BUG: Authentication client {} requested unsupported authentication mechanism {}",
                  client_pid_, base::printable(words[2]));
  }
  auto pending = std::make_shared<PendingAuth>(server_.loop);
  pending->id = *id;
  pending->mech = mech->make();
  pending->request->mech = mech->name;
  auto wrong = read_parameters(*pending, words);
  if (wrong) return wrong;
  pending_[*id] = pending;
  net::spawn(authenticate(shared_from_this(), pending), server_.log);
  return std::nullopt;
}

std::optional<std::string> ClientSession::read_parameters(
    PendingAuth& pending, const std::vector<std::string_view>& words) {
  for (size_t i = 3; i < words.size(); ++i) {
    auto [name, value] = base::cut(words[i], '=');
    if (name == "resp" && value) {
      if (i + 1 != words.size()) {
        return format("BUG: Authentication client {} sent AUTH parameters after 'resp'",
                      client_pid_);
      }
      give_response(pending, *value);
      if (!pending.bad_response.empty())
        pending.bad_response = "Invalid base64 data in initial response";
      break;
    }
    import_request_field(*pending.request, name, proto::tab_unescape(value.value_or("")));
  }
  if (pending.request->service.empty()) {
    return format("BUG: Authentication client {} didn't specify service in request", client_pid_);
  }
  return std::nullopt;
}

void ClientSession::give_response(PendingAuth& pending, std::string_view text) {
  auto decoded = decode_response(text);
  if (!decoded) {
    pending.bad_response = "Invalid base64 data in continued response";
    return;
  }
  pending.response = Secret(*decoded);
  base::wipe(*decoded);
}

std::optional<std::string> ClientSession::on_cont(std::string_view line) {
  const auto words = base::split(line, '\t');
  const auto id = words.size() == 3 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return "BUG: Authentication client sent broken CONT request";
  const auto found = pending_.find(*id);
  if (found == pending_.end()) {
    // It was ours and has timed out, or never was: the client cannot tell either.
    send(format("FAIL\t{}\treason=Authentication request timed out\n", *id));
    return std::nullopt;
  }
  auto& pending = *found->second;
  if (!pending.waiting)
    return format("BUG: Authentication client {} sent a CONT nobody asked for", client_pid_);
  pending.waiting = false;
  give_response(pending, words[2]);
  pending.come.set();
  return std::nullopt;
}

std::optional<std::string> ClientSession::on_cancel(const std::vector<std::string_view>& words) {
  const auto id = words.size() >= 2 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return "BUG: Authentication client sent broken CANCEL";
  const auto found = pending_.find(*id);
  if (found == pending_.end()) return std::nullopt;
  found->second->gone = true;
  found->second->come.set();
  pending_.erase(found);
  return std::nullopt;
}

void ClientSession::send(std::string_view line) {
  conn_.put(line);
  wake_.set();
}

net::Task<> serve_client(AuthServer& server, base::Fd fd, SocketKind kind) {
  auto session = std::make_shared<ClientSession>(server, std::move(fd), kind);
  co_await session->run();
}

}  // namespace dovetail::authd
