// Any bytes as what login processes, smtpd and mail processes say on the sockets of auth, with a passwd-file of one user.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "authd/server.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

struct AuthHouse {
  Loop loop;
  tests::Scratch scratch;
  std::unique_ptr<authd::AuthServer> server;
  AuthHouse() {
    scratch.write("users", "frank@example.org:{PLAIN}secret:5000:5000::/home/frank::\n");
    authd::AuthSettings settings;
    settings.mechanisms = {"PLAIN", "LOGIN"};
    settings.master_user_separator = "*";
    settings.failure_delay = base::Milliseconds(1);
    settings.base_dir = scratch.path();
    conf::dovecot::Passdb passdb;
    passdb.driver = "passwd-file";
    passdb.args = "username_format=%u " + scratch.path() + "/users";
    settings.passdbs = {passdb};
    conf::dovecot::Userdb userdb;
    userdb.driver = "passwd-file";
    userdb.args = passdb.args;
    settings.userdbs = {userdb};
    auto made = authd::AuthServer::make(loop, std::move(settings), Logger("auth"));
    tests::refuse(!made);
    server = std::move(*made);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::silence_log();
  static AuthHouse house;
  for (auto kind : {authd::SocketKind::client, authd::SocketKind::login, authd::SocketKind::master,
                    authd::SocketKind::userdb}) {
    house.server->penalties =
        authd::Penalties();  // nobody waits for the guesses of the input before
    tests::converse(house.loop, tests::input_text(data, size), [kind](base::Fd fd) {
      return house.server->serve(std::move(fd), kind, "fuzz");
    });
  }
  return 0;
}
