// SPDX-License-Identifier: Apache-2.0
#include "authd/master_session.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/net/fd_pass.h"

namespace dovetail::authd {

namespace {

constexpr size_t kMaxMasterLine = 16384;
constexpr base::Milliseconds kStuckMaster{60'000};  // half a line, or answers not taken

void import_fields(Request& request, const std::vector<std::string_view>& words, size_t first) {
  for (const auto& field : proto::AuthFields::parse(words, first)) {
    import_request_field(request, field.name, field.value);
  }
}

// Only a socket everybody may open asks who is there: the mode 0666 of the default auth-userdb. Any other mode is the
// administrator's own word on who may ask.
bool is_open_to_all(const std::string& path, uid_t& owner) {
  struct stat node;
  if (::stat(path.c_str(), &node) != 0) return false;
  owner = node.st_uid;
  return (node.st_mode & 0777) == 0666;
}

std::string user_line(uint32_t id, const Request& request) {
  std::string fields = request.userdb.text();
  if (fields.empty()) fields = "\t";
  return format("USER\t{}\t{}{}", id, proto::tab_escape(request.user.value_or("")), fields);
}

}  // namespace

MasterSession::MasterSession(AuthServer& server, base::Fd fd, SocketKind kind, std::string listener)
    : server_(server),
      conn_(server.loop, std::move(fd)),
      kind_(kind),
      wake_(server.loop),
      created_(base::monotonic_now()) {
  if (auto peer = net::peer_credentials(conn_.fd())) {
    peer_pid_ = peer->pid;
    peer_uid_ = peer->uid;
  }
  if (kind != SocketKind::userdb || listener.empty()) return;
  uid_t owner = 0;
  const auto path =
      listener.starts_with('/') ? listener : format("{}/{}", server.settings.base_dir, listener);
  restricted_ =
      is_open_to_all(path, owner) && peer_uid_ != 0 && peer_uid_ != owner && peer_uid_ != geteuid();
}

net::Task<> MasterSession::run() {
  auto self = shared_from_this();
  try {
    co_await read_lines();
  } catch (const IoError&) {
    // The client has what it wanted; answers still on their way find a closed connection.
  }
  conn_.cancel();
  conn_.shutdown_write();
}

net::Task<> MasterSession::read_lines() {
  conn_.set_timeout(kStuckMaster);
  conn_.put(format("VERSION\t1\t1\nSPID\t{}\n", getpid()));
  for (;;) {
    while (auto line = conn_.try_line(kMaxMasterLine)) {
      auto wrong = line->too_long ? std::optional<std::string>("BUG: Master sent us too much data")
                                  : on_line(line->text);
      if (!wrong) continue;
      error(*wrong);
      co_await conn_.flush();
      co_return;
    }
    if (!conn_.buffered().empty()) {
      co_await conn_.fill();  // half a line: the rest comes at once
    } else {
      co_await conn_.wait_input(wake_, std::nullopt);
    }
  }
}

void MasterSession::error(std::string_view text) const {
  const auto age = (base::monotonic_now() - created_).count();
  server_.log.error("auth-master client: {} (created {} msecs ago, handshake {} msecs ago)", text,
                    age, age);
}

void MasterSession::send(std::string_view line) {
  conn_.put(line);
  wake_.set();
}

std::optional<std::string> MasterSession::on_line(std::string_view line) {
  const auto words = base::split(line, '\t');
  if (!version_seen_) {
    if (words[0] != "VERSION" || words.size() < 3 || words[1] != "1") {
      return "Authentication client not compatible with this server (mixed old and new binaries?)";
    }
    version_seen_ = true;
    return std::nullopt;
  }
  if (words[0] == "USER") return on_user(words, false);
  if (words[0] == "PASS") return on_user(words, true);
  if (words[0] == "LIST") return on_list(words);
  if (kind_ == SocketKind::master) {
    if (words[0] == "REQUEST") return on_request(words);
    if (words[0] == "CACHE-FLUSH") return on_cache_flush(words);
  }
  return format("BUG: Unknown command in {} socket: {}",
                kind_ == SocketKind::master ? "master" : "userdb", base::printable(line));
}

std::optional<std::string> MasterSession::on_user(const Words& words, bool passdb) {
  const auto id = words.size() >= 3 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return format("BUG: Master sent broken {}", words[0]);
  auto request = std::make_shared<Request>();
  import_fields(*request, words, 3);
  request->lookup_only = true;
  if (request->service.empty())
    return format("BUG: Master sent {} request without service", words[0]);
  auto set = set_login(server_.settings, *request, proto::tab_unescape(words[2]), {});
  if (!set) {
    if (server_.settings.verbose) server_.log.info("{}", set.error().text);
    send(format("NOTFOUND\t{}\n", *id));
    return std::nullopt;
  }
  auto task = passdb ? answer_pass(shared_from_this(), *id, request)
                     : answer_user(shared_from_this(), *id, request);
  net::spawn(std::move(task), server_.log);
  return std::nullopt;
}

bool MasterSession::may_see(const Request& request) const {
  if (!restricted_) return true;
  const auto uid = request.userdb.get("uid");
  if (uid && *uid == std::to_string(peer_uid_)) return true;
  error(format("userdb lookup: client's UID {} is not the user's ({})", peer_uid_,
               uid ? "UID " + *uid : std::string("userdb has no UID")));
  return false;
}

net::Task<> MasterSession::answer_user(std::shared_ptr<MasterSession> self, uint32_t id,
                                       std::shared_ptr<Request> request) {
  auto result = co_await self->server_.databases->look_up_userdb(*request);
  if (result == UserdbResult::unknown) {
    self->send(format("NOTFOUND\t{}\n", id));
  } else if (result != UserdbResult::ok || !self->may_see(*request)) {
    self->send(format("FAIL\t{}\n", id));
  } else {
    self->send(user_line(id, *request) + "\n");
  }
}

net::Task<> MasterSession::answer_pass(std::shared_ptr<MasterSession> self, uint32_t id,
                                       std::shared_ptr<Request> request) {
  auto result = co_await self->server_.databases->look_up_passdb(*request);
  switch (result) {
    case PassdbResult::ok:
    case PassdbResult::scheme_not_available:
      if (self->restricted_) {
        // What the userdb would say decides here too whose fields these are.
        Request owner = *request;
        auto found = co_await self->server_.databases->look_up_userdb(owner);
        if (found != UserdbResult::ok || !self->may_see(owner)) {
          self->send(format("FAIL\t{}\n", id));
          break;
        }
      }
      self->send(format("PASS\t{}\tuser={}{}\n", id, proto::tab_escape(request->user.value_or("")),
                        request->extra.reply_text()));
      break;
    case PassdbResult::internal_failure:
      self->send(format("FAIL\t{}\n", id));
      break;
    default:
      self->send(format("NOTFOUND\t{}\n", id));
      break;
  }
}

std::optional<std::string> MasterSession::on_request(const Words& words) {
  const auto id = words.size() >= 5 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  const auto client = words.size() >= 5 ? base::parse_number<pid_t>(words[2]) : std::nullopt;
  const auto login = words.size() >= 5 ? base::parse_number<uint32_t>(words[3]) : std::nullopt;
  if (!id || !client || !login) return "BUG: Master sent broken REQUEST";
  const auto fields = proto::AuthFields::parse(words, 5);
  const auto session_pid = fields.get("session_pid").value_or("");
  auto refuse = [&](std::string_view text) {
    error(text);
    send(format("FAIL\t{}\n", *id));
    return std::nullopt;
  };
  std::shared_ptr<Request> request;
  switch (server_.take_login(*client, std::string(words[4]), *login, request)) {
    case AuthServer::Known::wrong_cookie:
      return refuse(format("Master requested auth for client {} with invalid cookie", *client));
    case AuthServer::Known::no_request:
      return refuse(format("Master request {}.{} not found", *client, *login));
    case AuthServer::Known::yes:
      break;
  }
  if (!session_pid.empty() && session_pid != std::to_string(peer_pid_)) {
    return refuse(
        format("Session pid {} provided by master for request {}.{} did not match peer credentials "
               "(pid={}, uid={})",
               base::printable(session_pid), *client, *login, peer_pid_, peer_uid_));
  }
  net::spawn(answer_request(shared_from_this(), *id, request, session_pid,
                            fields.has("request_auth_token")),
             server_.log);
  return std::nullopt;
}

net::Task<> MasterSession::answer_request(std::shared_ptr<MasterSession> self, uint32_t id,
                                          std::shared_ptr<Request> request, std::string session_pid,
                                          bool token) {
  request->session_pid = session_pid;
  auto result = co_await self->server_.databases->look_up_userdb(*request);
  if (result == UserdbResult::unknown) {
    self->server_.log.error("{}: user not found from {}", log_name("userdb", *request),
                            self->server_.settings.userdbs.size() > 1 ? "any userdbs" : "userdb");
    self->send(format("NOTFOUND\t{}\n", id));
    co_return;
  }
  if (result != UserdbResult::ok) {
    self->send(format("FAIL\t{}\n", id));
    co_return;
  }
  std::string line = user_line(id, *request);
  auto add = [&line](std::string_view name, std::string_view value) {
    line += format("\t{}={}", name, proto::tab_escape(value));
  };
  if (request->master_user && !request->userdb.has("master_user"))
    add("master_user", *request->master_user);
  add("auth_mech", request->mech);
  if (token && !session_pid.empty())
    add("auth_token", self->server_.auth_token(*request, session_pid));
  if (request->master_user) {
    add("auth_user", *request->master_user);
  } else if (request->original_user && request->original_user != request->user) {
    add("auth_user", *request->original_user);
  }
  self->send(line + "\n");
}

std::optional<std::string> MasterSession::on_list(const Words& words) {
  const auto id = words.size() >= 2 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return "BUG: Master sent broken LIST";
  if (restricted_) {
    error("Only the mail user's own data may be asked for here: no LIST");
    send(format("DONE\t{}\tfail\n", *id));
    return std::nullopt;
  }
  net::spawn(answer_list(shared_from_this(), *id), server_.log);
  return std::nullopt;
}

net::Task<> MasterSession::answer_list(std::shared_ptr<MasterSession> self, uint32_t id) {
  auto users = co_await self->server_.databases->list_users();
  if (!users) {
    self->error(users.error().text);
    self->send(format("DONE\t{}\tfail\n", id));
    co_return;
  }
  std::string lines;
  for (const auto& user : *users) lines += format("LIST\t{}\t{}\n", id, proto::tab_escape(user));
  lines += format("DONE\t{}\t\n", id);
  self->send(lines);
}

std::optional<std::string> MasterSession::on_cache_flush(const Words& words) {
  const auto id = words.size() >= 2 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return "BUG: doveadm sent broken CACHE-FLUSH";
  std::vector<std::string> users;
  for (size_t i = 2; i < words.size(); ++i) {
    if (!words[i].empty()) users.push_back(proto::tab_unescape(words[i]));
  }
  send(format("OK\t{}\t{}\n", *id, server_.databases->cache().flush(users)));
  return std::nullopt;
}

net::Task<> serve_master(AuthServer& server, base::Fd fd, SocketKind kind, std::string listener) {
  auto session = std::make_shared<MasterSession>(server, std::move(fd), kind, std::move(listener));
  co_await session->run();
}

}  // namespace dovetail::authd
