// Plays tests/dialogues/auth against a server with the users of the recorded transcripts, and both protocols' clients
// against the same server over real sockets.
// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <unistd.h>

#include <algorithm>

#include "authd/server.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/net/listen.h"
#include "common/proto/auth_client.h"
#include "common/proto/auth_master.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::authd {
namespace {

const char kDialogueUsers[] =
    "alice@example.com:{PLAIN}alicepw:::::\n"
    "bob@example.com:{SHA1}KXV5lfOmXj1HOy0eE1tRGdIyUHw=:::::\n"
    "nolog@example.com:{PLAIN}pw::::::nologin\n"
    "nologr@example.com:{PLAIN}pw::::::nologin reason=Maintenance\\ under\\ way\n"
    "nets@example.com:{PLAIN}pw::::::allow_nets=10.0.0.0/8,local\n"
    "nodelay@example.com:{PLAIN}pw::::::nodelay\n"
    "proxied@example.com:::::::proxy host=192.0.2.9 port=10143 nopassword\n"
    "small@example.com:{PLAIN}pw::::::userdb_quota_rule=*:storage=2k\n"
    "tiny@example.com:{PLAIN}pw::::::userdb_quota_rule=*:messages=1\n"
    "denied@example.com:{PLAIN}pw:::::\n"
    "badscheme@example.com:{NOSUCH}pw:::::\n"
    "nouid@example.com:{PLAIN}pw:0:0::::\n"
    "lowuid@example.com:{PLAIN}pw:100:100::/var/mail/vhosts/lowuid:\n"
    "expire@example.com:{PLAIN}pw::::::\n"
    "changed@example.com:{PLAIN}pw::::::user=alice@example.com\n";

struct TestHouse {
  TestHouse() {
    char name[] = "/tmp/authdXXXXXX";
    directory = mkdtemp(name);
    write("users", kDialogueUsers);
    write("deny", "denied@example.com:\n");
    write("masters", "admin:{PLAIN}adminpw\n");
  }
  ~TestHouse() {
    for (const char* file : {"users", "deny", "masters", "login", "auth-master"})
      ::unlink((directory + "/" + file).c_str());
    ::rmdir(directory.c_str());
  }
  void write(const std::string& file, std::string_view text) {
    REQUIRE(base::replace_file(directory + "/" + file, text, 0600));
  }
  conf::dovecot::Passdb passdb(const std::string& file) {
    conf::dovecot::Passdb block;
    block.driver = "passwd-file";
    block.args = "username_format=%u " + directory + "/" + file;
    return block;
  }
  AuthSettings settings() {
    AuthSettings made;
    made.mechanisms = {"PLAIN", "LOGIN"};
    made.verbose = true;
    made.failure_delay = base::Milliseconds(1);
    made.master_user_separator = "*";
    made.base_dir = directory;
    auto deny = passdb("deny");
    deny.deny = true;
    auto master = passdb("masters");
    master.master = true;
    master.result_success = "continue";
    made.passdbs = {deny, master, passdb("users")};
    conf::dovecot::Userdb users;
    users.driver = "passwd-file";
    users.args = "username_format=%u " + directory + "/users";
    made.userdbs = {users};
    return made;
  }
  std::string directory;
};

std::vector<std::string> dialogue_files() {
  auto names = base::list_directory(DOVETAIL_AUTH_DIALOGUES);
  REQUIRE(names);
  std::sort(names->begin(), names->end());
  return *names;
}

TEST_CASE("the recorded dialogues of the auth protocols") {
  using tests::DialogueMode;
  TestHouse house;
  size_t played = 0;
  for (const auto& name : dialogue_files()) {
    if (!name.ends_with(".txt")) continue;
    auto dialogue = tests::Dialogue::load(std::string(DOVETAIL_AUTH_DIALOGUES) + "/" + name);
    REQUIRE(dialogue);
    const std::pair<DialogueMode, const char*> modes[] = {{DialogueMode::whole, "whole"},
                                                          {DialogueMode::bytes, "bytes"},
                                                          {DialogueMode::pipelined, "pipelined"}};
    for (auto [mode, word] : modes) {
      if (!dialogue->may(word)) continue;
      INFO(name << " " << word);
      net::Loop loop;
      auto server = AuthServer::make(loop, house.settings(), Logger("auth"));
      REQUIRE(server);
      const auto socket =
          dialogue->settings.contains("socket") ? dialogue->settings.at("socket") : "auth-client";
      auto serve = [&](base::Fd fd) {
        return (*server)->serve(std::move(fd), socket_kind(socket), "");
      };
      CHECK(tests::play(loop, *dialogue, mode, serve) == "");
      ++played;
    }
  }
  CHECK(played > 30);
}

// --- our clients with our server

net::Task<> accept_all(AuthServer& server, net::Listener& listener, SocketKind kind) {
  for (;;) {
    auto accepted = co_await listener.accept(server.loop);
    net::spawn(server.serve(std::move(accepted.fd), kind, ""), Logger("test"));
  }
}

net::Task<> log_in_and_ask(net::Loop& loop, proto::AuthClient& client, proto::AuthMaster& master,
                           bool& done) {
  proto::AuthExchange exchange(client);
  proto::AuthRequest request;
  request.mechanism = "PLAIN";
  request.service = "imap";
  request.session = "sess1";
  request.initial_response = Secret(base::base64(std::string_view("\0small@example.com\0pw", 21)));
  auto reply = co_await exchange.start(std::move(request));
  CHECK(reply.status == proto::AuthReply::ok);
  CHECK(reply.handover.cookie.size() == 32);
  auto wrong = reply.handover;
  wrong.cookie[0] = wrong.cookie[0] == '0' ? '1' : '0';
  auto refused = co_await master.request(wrong, getpid(), false);
  CHECK(!refused);
  auto user = co_await master.request(reply.handover, getpid(), true);
  REQUIRE(user);
  REQUIRE(*user);
  CHECK((**user).name == "small@example.com");
  CHECK((**user).fields.get("quota_rule") == "*:storage=2k");
  CHECK((**user).fields.get("auth_mech") == "PLAIN");
  CHECK((**user).fields.get("auth_token")->size() == 40);
  auto again = co_await master.request(reply.handover, getpid(), true);
  CHECK(!again);
  client.close();
  master.close();
  done = true;
  co_await loop.sleep(base::Milliseconds(5));
  loop.stop();
}

// Lets everything that was called off unwind.
net::Task<> rest(net::Loop& loop) {
  co_await loop.sleep(base::Milliseconds(5));
}

TEST_CASE("a login is handed over once, to who knows its cookie") {
  TestHouse house;
  net::Loop loop;
  auto server = AuthServer::make(loop, house.settings(), Logger("auth"));
  REQUIRE(server);
  bool done = false;
  {
    auto login_fd = net::listen_unix(house.directory + "/login", 0600, 5);
    auto master_fd = net::listen_unix(house.directory + "/auth-master", 0600, 5);
    REQUIRE(login_fd);
    REQUIRE(master_fd);
    net::Listener login(loop, std::move(*login_fd)), master(loop, std::move(*master_fd));
    proto::AuthClient client(loop, house.directory + "/login", Logger("test"));
    proto::AuthMaster asker(loop, house.directory + "/auth-master", Logger("test"));
    std::vector<std::string> lines;
    base::capture_log(
        [&](Level, std::string_view, std::string_view text) { lines.emplace_back(text); });
    net::spawn(accept_all(**server, login, SocketKind::login), Logger("test"));
    net::spawn(accept_all(**server, master, SocketKind::master), Logger("test"));
    net::spawn(log_in_and_ask(loop, client, asker, done), Logger("test"));
    loop.run();
    login.stop();
    master.stop();
    net::run_until_done(loop, rest(loop));
    base::capture_log({});
    INFO(base::join(lines, "|"));
    REQUIRE(lines.size() == 4);
    CHECK(lines[2].find("with invalid cookie (created ") != std::string::npos);
    CHECK(lines[3].find(".1 not found (created ") != std::string::npos);
  }
  CHECK(done);
}

}  // namespace
}  // namespace dovetail::authd
