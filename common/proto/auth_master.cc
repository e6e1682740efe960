// SPDX-License-Identifier: Apache-2.0
#include "common/proto/auth_master.h"

#include <map>

#include "common/base/text.h"
#include "common/proto/auth_link.h"

namespace dovetail::proto {

// What came for one question so far.
struct MasterAnswer {
  explicit MasterAnswer(net::Loop& loop) : come(loop) {}
  net::Event come;
  std::string word;  // the last line's: USER, PASS, OK, NOTFOUND, FAIL, DONE; empty: lost
  std::string name;
  AuthFields fields;
  std::string raw;
  std::vector<std::string> listed;
  std::string error;
};

namespace {

void append_info(std::string& line, const AuthInfo& info) {
  auto put = [&line](std::string_view name, std::string_view value) {
    if (!value.empty()) line += format("\t{}={}", name, tab_escape(value));
  };
  put("service", info.service);
  put("session", info.session);
  put("lip", info.local_ip);
  put("rip", info.remote_ip);
  if (info.local_port != 0) line += format("\tlport={}", info.local_port);
  if (info.remote_port != 0) line += format("\trport={}", info.remote_port);
  line += info.more.text();
}

// FAIL [reason=...] [code=...], or a connection that broke.
Error failure_of(const MasterAnswer& answer) {
  if (answer.word.empty()) return temporary(answer.error);
  auto reason = answer.fields.get("reason");
  return temporary(reason ? *reason : std::string("Internal auth failure"));
}

}  // namespace

struct AuthMaster::State : AuthLink {
  using AuthLink::AuthLink;

  uint32_t last_id = 0;
  base::Milliseconds reply_timeout{150'000};
  std::map<uint32_t, MasterAnswer*> pending;

  std::string greeting() const override { return "VERSION\t1\t1\n"; }
  std::string on_line(std::string_view line) override;
  void on_down(const std::string& why) override;
  // Sends "COMMAND<TAB>id" + rest and waits for the last line of the answer.
  net::Task<> ask(MasterAnswer& answer, std::string command, std::string rest);
  net::Task<Result<std::optional<AuthUser>>> ask_user(std::string command, std::string rest);
};

std::string AuthMaster::State::on_line(std::string_view line) {
  const auto words = base::split(line, '\t');
  if (words[0] == "VERSION") {
    const bool known = words.size() >= 2 && words[1] == "1";
    return known ? std::string() : std::string("auth server speaks another protocol version");
  }
  if (words[0] == "SPID") {
    if (!is_open()) set_ready();
    return {};
  }
  const auto id = words.size() >= 2 ? base::parse_number<uint32_t>(words[1]) : std::nullopt;
  if (!id) return format("broken line: {}", base::printable(words[0]));
  const auto found = pending.find(*id);
  if (found == pending.end()) return {};
  auto* answer = found->second;
  if (words[0] == "LIST") {
    if (words.size() >= 3) answer->listed.push_back(tab_unescape(words[2]));
    return {};
  }
  answer->word = words[0];
  const bool named = words[0] == "USER";
  if (named && words.size() < 3) return "broken USER line";
  if (named || (words[0] == "OK" && words.size() >= 3)) answer->name = tab_unescape(words[2]);
  answer->fields = AuthFields::parse(words, named ? 3 : 2);
  answer->raw = raw_words(words, named ? 3 : 2);
  pending.erase(found);
  answer->come.set();
  return {};
}

void AuthMaster::State::on_down(const std::string& why) {
  auto lost = std::move(pending);
  pending.clear();
  for (auto& [id, answer] : lost) {
    answer->error = why;
    answer->come.set();
  }
}

net::Task<> AuthMaster::State::ask(MasterAnswer& answer, std::string command, std::string rest) {
  auto opened = co_await open(std::min(reply_timeout, base::Milliseconds(30'000)));
  if (!opened) {
    answer.error = opened.error().text;
    co_return;
  }
  do {
    ++last_id;
  } while (last_id == 0 || pending.contains(last_id));
  const uint32_t id = last_id;
  pending[id] = &answer;
  send(format("{}\t{}{}\n", command, id, rest));
  const bool come = co_await answer.come.wait(reply_timeout);
  if (come) co_return;
  pending.erase(id);
  answer.word.clear();
  answer.error = "auth server does not answer";
}

net::Task<Result<std::optional<AuthUser>>> AuthMaster::State::ask_user(std::string command,
                                                                       std::string rest) {
  MasterAnswer answer(loop());
  co_await ask(answer, std::move(command), std::move(rest));
  if (answer.word == "NOTFOUND") co_return std::optional<AuthUser>();
  if (answer.word != "USER" && answer.word != "PASS") co_return failure_of(answer);
  AuthUser user{std::move(answer.name), std::move(answer.fields), std::move(answer.raw)};
  if (answer.word == "PASS") user.name = user.fields.get("user").value_or(std::string());
  co_return std::optional<AuthUser>(std::move(user));
}

AuthMaster::AuthMaster(net::Loop& loop, std::string path, Logger log)
    : state_(std::make_shared<State>(loop, std::move(path), std::move(log))) {}

AuthMaster::~AuthMaster() {
  close();
}

net::Task<Result<std::optional<AuthUser>>> AuthMaster::user(std::string name, AuthInfo info) {
  auto state = state_;
  std::string rest = "\t" + tab_escape(name);
  append_info(rest, info);
  auto reply = co_await state->ask_user("USER", std::move(rest));
  co_return reply;
}

net::Task<Result<std::optional<AuthUser>>> AuthMaster::pass(std::string name, AuthInfo info) {
  auto state = state_;
  std::string rest = "\t" + tab_escape(name);
  append_info(rest, info);
  auto reply = co_await state->ask_user("PASS", std::move(rest));
  co_return reply;
}

net::Task<Result<std::optional<AuthUser>>> AuthMaster::request(AuthHandover login,
                                                               pid_t session_pid,
                                                               bool request_auth_token) {
  auto state = state_;
  std::string rest = format("\t{}\t{}\t{}\tsession_pid={}", login.client_pid, login.request_id,
                            login.cookie, session_pid);
  if (request_auth_token) rest += "\trequest_auth_token";
  auto reply = co_await state->ask_user("REQUEST", std::move(rest));
  co_return reply;
}

net::Task<Result<std::vector<std::string>>> AuthMaster::list(std::string mask, AuthInfo info) {
  auto state = state_;
  std::string rest;
  if (!mask.empty()) rest += "\tuser=" + tab_escape(mask);
  append_info(rest, info);
  MasterAnswer answer(state->loop());
  co_await state->ask(answer, "LIST", std::move(rest));
  if (answer.word != "DONE") co_return failure_of(answer);
  if (answer.fields.has("fail")) co_return temporary("User listing returned failure");
  co_return std::move(answer.listed);
}

net::Task<Result<unsigned>> AuthMaster::flush_cache(std::vector<std::string> users) {
  auto state = state_;
  std::string rest;
  for (const auto& user : users) rest += "\t" + tab_escape(user);
  MasterAnswer answer(state->loop());
  co_await state->ask(answer, "CACHE-FLUSH", std::move(rest));
  if (answer.word != "OK") co_return failure_of(answer);
  co_return base::parse_number<unsigned>(answer.name).value_or(0);
}

void AuthMaster::close() {
  state_->close("closed");
}

void AuthMaster::set_reply_timeout(base::Milliseconds time) {
  state_->reply_timeout = time;
}

}  // namespace dovetail::proto
