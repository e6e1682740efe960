// SPDX-License-Identifier: Apache-2.0
#include "common/proto/auth_client.h"

#include <unistd.h>

#include <map>

#include "common/base/text.h"
#include "common/proto/auth_link.h"

namespace dovetail::proto {

// One answer somebody waits for.
struct PendingReply {
  explicit PendingReply(net::Loop& loop) : come(loop) {}
  net::Event come;
  AuthReply reply;
};

namespace {

struct MechFlag {
  std::string_view name;
  bool AuthMech::*field;
};
constexpr MechFlag mech_flags[] = {
    {"plaintext", &AuthMech::plaintext},     {"dictionary", &AuthMech::dictionary},
    {"active", &AuthMech::active},           {"forward-secrecy", &AuthMech::forward_secrecy},
    {"mutual-auth", &AuthMech::mutual_auth}, {"anonymous", &AuthMech::anonymous},
    {"private", &AuthMech::hidden},
};

AuthReply no_reply(std::string why) {
  AuthReply reply;
  reply.status = AuthReply::unavailable;
  reply.error = std::move(why);
  return reply;
}

void append_field(std::string& line, std::string_view name, std::string_view value) {
  if (!value.empty()) line += format("\t{}={}", name, tab_escape(value));
}

void append_flag(std::string& line, std::string_view name, bool on) {
  if (on) line += format("\t{}", name);
}

void append_port(std::string& line, std::string_view name, uint16_t port) {
  if (port != 0) line += format("\t{}={}", name, port);
}

std::string auth_line(uint32_t id, const AuthRequest& request) {
  std::string line = format("AUTH\t{}\t{}", id, base::upper(request.mechanism));
  append_field(line, "service", request.service);
  if (request.secured) line += request.tls ? "\tsecured=tls" : "\tsecured";
  append_flag(line, "no-penalty", request.no_penalty);
  append_flag(line, "valid-client-cert", request.valid_client_cert);
  append_field(line, "session", request.session);
  append_field(line, "cert_username", request.cert_username);
  append_field(line, "local_name", request.local_name);
  append_flag(line, "nologin", request.nologin);
  append_field(line, "lip", request.local_ip);
  append_field(line, "rip", request.remote_ip);
  append_port(line, "lport", request.local_port);
  append_port(line, "rport", request.remote_port);
  append_field(line, "client_id", request.client_id);
  line += request.more.text();
  if (request.initial_response) {  // must be last
    line += "\tresp=";
    line += request.initial_response->reveal();
  }
  line += '\n';
  return line;
}

// A client's base64 goes into our line as it is; what could end the line or the field must not.
bool fits_in_line(const Secret& response) {
  return response.reveal().find_first_of(std::string_view("\t\r\n\0", 4)) == std::string_view::npos;
}

}  // namespace

struct AuthClient::State : AuthLink {
  using AuthLink::AuthLink;

  std::vector<AuthMech> mechs;
  std::vector<AuthMech> incoming_mechs;
  std::string cookie;
  pid_t server_pid = 0;
  uint32_t last_id = 0;
  base::Milliseconds reply_timeout{160'000};
  std::map<uint32_t, PendingReply*> pending;

  std::string greeting() const override { return format("VERSION\t1\t2\nCPID\t{}\n", getpid()); }
  std::string on_line(std::string_view line) override;
  void on_down(const std::string& why) override;
  std::string on_handshake(const std::vector<std::string_view>& words);
  std::string on_reply(const std::vector<std::string_view>& words);
  net::Task<AuthReply> ask(uint32_t id, std::string line);
  uint32_t new_id();
};

std::string AuthClient::State::on_line(std::string_view line) {
  const auto words = base::split(line, '\t');
  return is_open() ? on_reply(words) : on_handshake(words);
}

std::string AuthClient::State::on_handshake(const std::vector<std::string_view>& words) {
  if (words[0] == "VERSION") {
    if (words.size() < 2 || words[1] != "1") return "auth server speaks another protocol version";
    incoming_mechs.clear();
    cookie.clear();
  } else if (words[0] == "MECH" && words.size() >= 2) {
    AuthMech mech;
    mech.name = words[1];
    for (const auto& flag : mech_flags) {
      for (size_t i = 2; i < words.size(); ++i) {
        if (words[i] == flag.name) mech.*flag.field = true;
      }
    }
    incoming_mechs.push_back(std::move(mech));
  } else if (words[0] == "SPID" && words.size() >= 2) {
    server_pid = base::parse_number<pid_t>(words[1]).value_or(0);
  } else if (words[0] == "COOKIE" && words.size() >= 2) {
    cookie = words[1];
  } else if (words[0] == "DONE") {
    mechs = std::move(incoming_mechs);
    set_ready();
  }
  return {};  // other words (CUID, those of later versions) do not concern us
}

std::string AuthClient::State::on_reply(const std::vector<std::string_view>& words) {
  AuthReply reply;
  if (words[0] == "OK") {
    reply.status = AuthReply::ok;
  } else if (words[0] == "FAIL") {
    reply.status = AuthReply::fail;
  } else if (words[0] == "CONT") {
    reply.status = AuthReply::cont;
  } else {
    return {};
  }
  const auto id = words.size() >= 2 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return format("broken {} line", words[0]);
  const auto found = pending.find(*id);
  if (found == pending.end()) return {};  // cancelled meanwhile
  if (reply.status == AuthReply::cont) {
    if (words.size() >= 3) reply.challenge = words[2];
  } else {
    reply.fields = AuthFields::parse(words, 2);
    reply.raw = raw_words(words, 2);
    reply.user = reply.fields.get("user").value_or(std::string());
    reply.handover = {getpid(), *id, cookie, server_pid};
  }
  auto* waiter = found->second;
  pending.erase(found);
  waiter->reply = std::move(reply);
  waiter->come.set();
  return {};
}

void AuthClient::State::on_down(const std::string& why) {
  mechs.clear();
  auto lost = std::move(pending);
  pending.clear();
  for (auto& [id, waiter] : lost) {
    waiter->reply = no_reply(why);
    waiter->come.set();
  }
}

net::Task<AuthReply> AuthClient::State::ask(uint32_t id, std::string line) {
  PendingReply waiter(loop());
  pending[id] = &waiter;
  send(line);
  base::wipe(line);
  const bool come = co_await waiter.come.wait(reply_timeout);
  if (!come && pending.erase(id) > 0) {
    send(format("CANCEL\t{}\n", id));
    co_return no_reply("auth server does not answer");
  }
  co_return std::move(waiter.reply);
}

uint32_t AuthClient::State::new_id() {
  do {
    ++last_id;
  } while (last_id == 0 || pending.contains(last_id));
  return last_id;
}

AuthClient::AuthClient(net::Loop& loop, std::string path, Logger log)
    : state_(std::make_shared<State>(loop, std::move(path), std::move(log))) {}

AuthClient::~AuthClient() {
  close();
}

net::Task<Result<std::vector<AuthMech>>> AuthClient::mechanisms(base::Milliseconds time) {
  auto state = state_;
  auto opened = co_await state->open(time);
  if (!opened) co_return opened.error();
  co_return state->mechs;
}

const std::vector<AuthMech>* AuthClient::known_mechanisms() const {
  return state_->is_open() ? &state_->mechs : nullptr;
}

void AuthClient::close() {
  state_->close("closed");
}

void AuthClient::set_reply_timeout(base::Milliseconds time) {
  state_->reply_timeout = time;
}

AuthExchange::~AuthExchange() {
  cancel();
}

net::Task<AuthReply> AuthExchange::start(AuthRequest request) {
  auto state = state_;
  auto opened = co_await state->open(base::Milliseconds(30'000));
  if (!opened) co_return no_reply(opened.error().text);
  bool known = false;
  for (const auto& mech : state->mechs) known |= base::iequals(mech.name, request.mechanism);
  if (!known || (request.initial_response && !fits_in_line(*request.initial_response))) {
    AuthReply reply;
    reply.status = AuthReply::fail;
    reply.fields.add("code", known ? "invalid_base64" : "auth_mech_invalid");
    co_return reply;
  }
  id_ = state->new_id();
  generation_ = state->generation();
  auto reply = co_await wait(auth_line(id_, request));
  co_return reply;
}

net::Task<AuthReply> AuthExchange::answer(Secret response) {
  auto state = state_;
  if (id_ == 0 || generation_ != state->generation() || !state->is_open()) {
    id_ = 0;
    co_return no_reply("the auth server went away");
  }
  if (!fits_in_line(response)) {
    cancel();
    AuthReply reply;
    reply.status = AuthReply::fail;
    reply.fields.add("code", "invalid_base64");
    co_return reply;
  }
  std::string line = format("CONT\t{}\t", id_);
  line += response.reveal();
  line += '\n';
  auto reply = co_await wait(std::move(line));
  co_return reply;
}

net::Task<AuthReply> AuthExchange::wait(std::string line) {
  auto state = state_;
  auto reply = co_await state->ask(id_, std::move(line));
  if (reply.status != AuthReply::cont) id_ = 0;
  co_return reply;
}

void AuthExchange::cancel() {
  if (id_ == 0) return;
  if (generation_ == state_->generation()) state_->send(format("CANCEL\t{}\n", id_));
  const auto found = state_->pending.find(id_);
  if (found != state_->pending.end() && generation_ == state_->generation()) {
    found->second->reply = no_reply("cancelled");
    found->second->come.set();
    state_->pending.erase(found);
  }
  id_ = 0;
}

}  // namespace dovetail::proto
