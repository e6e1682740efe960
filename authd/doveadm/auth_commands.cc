// doveadm auth test | login | lookup | cache flush: asks the auth server as its clients do.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "authd/doveadm/doveadm_auth.h"
#include "common/base/text.h"
#include "common/net/loop.h"
#include "common/proto/auth_client.h"
#include "common/proto/auth_master.h"

namespace dovetail::authd {

namespace {

constexpr char kAuthUsage[] =
    "usage: doveadm [-Dv] [-f <formatter>] auth <command> [<args>]\n"
    "  cache        flush\n"
    "  login        [-a <auth-login socket path>] [-m <auth-master socket path>] [-x <auth info>] "
    "[-M <master user>] <user> [<password>]\n"
    "  lookup       [-a <userdb socket path>] [-x <auth info>] [-f field] <user> [<user> [...]]\n"
    "  test         [-a <auth socket path>] [-x <auth info>] [-M <master user>] <user> "
    "[<password>]\n";

int auth_usage() {
  fmt::print(stderr, "{}", kAuthUsage);
  return kDoveadmUsage;
}

struct AuthCommand {
  std::string socket, master_socket, master_user, user, field;
  Secret password;
  bool login = false;
  proto::AuthFields info;
  std::vector<std::string> users;
};

proto::AuthRequest plain_request(const AuthCommand& command) {
  proto::AuthRequest request;
  request.mechanism = "PLAIN";
  request.service = command.info.get("service").value_or("doveadm");
  request.more = command.info;
  request.more.remove("service");
  std::string text = command.master_user.empty() ? std::string() : command.user;
  text += '\0';
  text += command.master_user.empty() ? command.user : command.master_user;
  text += '\0';
  text += command.password.reveal();
  std::string encoded = base::base64(text);
  request.initial_response = Secret(encoded);
  base::wipe(text), base::wipe(encoded);
  return request;
}

void print_raw(std::string_view raw) {
  for (auto word : base::split(raw, '\t')) fmt::print("  {}\n", proto::tab_unescape(word));
}

int say_unavailable(const std::string& error, const std::string& socket) {
  if (error.starts_with("connect(")) {
    doveadm_error(format("auth-client: conn unix:{}: {}", socket, error));
    return kDoveadmNoPerm;
  }
  return doveadm_fatal("Couldn't connect to auth socket");
}

net::Task<> print_userdb(net::Loop& loop, const AuthCommand& command, proto::AuthHandover handover,
                         int& status) {
  proto::AuthMaster master(loop, command.master_socket, Logger("doveadm"));
  auto user = co_await master.request(std::move(handover), getpid(), false);
  if (!user) {
    status = doveadm_fatal("userdb lookup failed: " + user.error().text);
  } else if (!*user) {
    status = doveadm_fatal("userdb lookup failed: user not found from userdb");
  } else {
    fmt::print("userdb extra fields:\n  {}\n", (**user).name);
    print_raw((**user).raw);
  }
}

net::Task<> try_password(net::Loop& loop, const AuthCommand& command, int& status) {
  proto::AuthClient client(loop, command.socket, Logger("doveadm"));
  proto::AuthExchange exchange(client);
  auto request = plain_request(command);
  auto reply = co_await exchange.start(std::move(request));
  if (reply.status == proto::AuthReply::unavailable) {
    status = say_unavailable(reply.error, command.socket);
    co_return;
  }
  const bool good = reply.status == proto::AuthReply::ok;
  fmt::print("passdb: {} auth {}\n", command.user, good ? "succeeded" : "failed");
  if (!reply.raw.empty()) {
    fmt::print("extra fields:\n");
    print_raw(reply.raw);
  }
  status = good ? kDoveadmOk : kDoveadmNoPerm;
  if (good && command.login) co_await print_userdb(loop, command, reply.handover, status);
}

net::Task<> look_up_all(net::Loop& loop, const AuthCommand& command, int& status) {
  proto::AuthMaster master(loop, command.socket, Logger("doveadm"));
  proto::AuthInfo info;
  info.service = command.info.get("service").value_or("doveadm");
  info.more = command.info;
  info.more.remove("service");
  for (const auto& name : command.users) {
    auto found = co_await master.pass(name, info);
    if (!found) {
      doveadm_error(format("passdb lookup failed for {}: {}", name, found.error().text));
      status = kDoveadmTempfail;
    } else if (!*found) {
      fmt::print("passdb lookup: user {} doesn't exist\n", name);
      status = kDoveadmNoUser;
    } else if (!command.field.empty()) {
      auto value = (**found).fields.get(command.field);
      if (value) fmt::print("{}\n", *value);
    } else {
      fmt::print("passdb: {}\n", name);
      const auto& raw = (**found).raw;
      const auto rest = raw.find('\t');  // the first word is user=
      std::optional<std::string_view> fields;
      if (rest != raw.npos) fields = std::string_view(raw).substr(rest + 1);
      print_field_list((**found).name, fields);
    }
  }
}

net::Task<> flush_cache(net::Loop& loop, const AuthCommand& command, int& status) {
  proto::AuthMaster master(loop, command.socket, Logger("doveadm"));
  auto flushed = co_await master.flush_cache(command.users);
  if (!flushed) {
    status = doveadm_fatal("Cache flush failed: " + flushed.error().text);
  } else {
    fmt::print("{} cache entries flushed\n", *flushed);
  }
}

// A socket's whole path; the configuration is read for its base_dir only when that is needed.
Result<std::string> socket_path(const DoveadmContext& context, const std::string& given,
                                const std::string& name) {
  if (given.starts_with('/')) return given;
  if (!given.empty() && access(given.c_str(), F_OK) == 0) return given;
  auto view = context.view();
  if (!view) return view.error();
  return (*view)->get("base_dir") + "/" + (given.empty() ? name : given);
}

using AuthTask = net::Task<> (*)(net::Loop&, const AuthCommand&, int&);

int run_auth_task(const AuthCommand& command, AuthTask task) {
  net::Loop loop;
  int status = kDoveadmOk;
  net::run_until_done(loop, task(loop, command, status));
  return status;
}

int auth_with_password(const DoveadmContext& context, const DoveadmWords& words) {
  AuthCommand command;
  command.login = words[0] == "login";
  auto read = read_doveadm_options(words, command.login ? "a:m:x:M:" : "a:x:M:");
  if (read.bad) return kDoveadmUsage;
  std::string socket, master;
  for (const auto& option : read.options) {
    if (option.letter == 'a') socket = option.value;
    if (option.letter == 'm') master = option.value;
    if (option.letter == 'M') command.master_user = option.value;
    if (option.letter == 'x') add_auth_info(command.info, option.value);
  }
  if (read.arguments.empty() || read.arguments.size() > 2) return auth_usage();
  command.user = read.arguments[0];
  if (read.arguments.size() == 2) {
    command.password = Secret(read.arguments[1]);
  } else {
    auto typed = read_password("Password: ");
    if (!typed) return doveadm_fatal(typed.error().text);
    command.password = std::move(*typed);
  }
  auto path = socket_path(context, socket, command.login ? "auth-login" : "auth-client");
  if (!path) return doveadm_fatal(path.error().text);
  command.socket = std::move(*path);
  if (command.login) {
    auto master_path = socket_path(context, master, "auth-master");
    if (!master_path) return doveadm_fatal(master_path.error().text);
    command.master_socket = std::move(*master_path);
  }
  return run_auth_task(command, try_password);
}

int auth_lookup(const DoveadmContext& context, const DoveadmWords& words) {
  AuthCommand command;
  auto read = read_doveadm_options(words, "a:x:f:");
  if (read.bad) return kDoveadmUsage;
  std::string socket;
  for (const auto& option : read.options) {
    if (option.letter == 'a') socket = option.value;
    if (option.letter == 'f') command.field = option.value;
    if (option.letter == 'x') add_auth_info(command.info, option.value);
  }
  if (read.arguments.empty()) return auth_usage();
  command.users = read.arguments;
  auto path = socket_path(context, socket, "auth-userdb");
  if (!path) return doveadm_fatal(path.error().text);
  command.socket = std::move(*path);
  return run_auth_task(command, look_up_all);
}

int auth_cache(const DoveadmContext& context, const DoveadmWords& words) {
  if (words.size() < 2 || words[1] != "flush") return auth_usage();
  AuthCommand command;
  auto read = read_doveadm_options(DoveadmWords(words.begin() + 1, words.end()), "a:");
  if (read.bad) return kDoveadmUsage;
  command.users = read.arguments;
  auto path =
      socket_path(context, read.options.empty() ? "" : read.options[0].value, "auth-master");
  if (!path) return doveadm_fatal(path.error().text);
  command.socket = std::move(*path);
  return run_auth_task(command, flush_cache);
}

}  // namespace

int doveadm_auth(const DoveadmContext& context, const DoveadmWords& words) {
  const DoveadmWords rest(words.begin() + 1, words.end());
  if (rest.empty()) return auth_usage();
  if (rest[0] == "test" || rest[0] == "login") return auth_with_password(context, rest);
  if (rest[0] == "lookup") return auth_lookup(context, rest);
  if (rest[0] == "cache") return auth_cache(context, rest);
  return auth_usage();
}

}  // namespace dovetail::authd
