// Log lines byte for byte, session ids, and the dialogues before login with an auth server of a few lines.
// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "common/base/text.h"
#include "common/net/listen.h"
#include "mda/login/log_line.h"
#include "mda/login/session.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::mda {
namespace {

using Failure = LoginProgress::Failure;

LoginFacts some_facts() {
  LoginFacts facts;
  facts.service = "imap";
  facts.remote_ip = "198.51.100.7";
  facts.local_ip = "192.168.100.6";
  facts.session = "SID";
  return facts;
}

TEST_CASE("elements without a value vanish, user does not") {
  LoginLogFormat form;
  auto facts = some_facts();
  CHECK(login_log_line(form, "Login failed: Plaintext authentication disabled", facts) ==
        "Login failed: Plaintext authentication disabled: user=<>, rip=198.51.100.7, "
        "lip=192.168.100.6, session=<SID>");
  facts.user = "alice@example.com";
  facts.mechanism = "PLAIN";
  facts.mpid = 4711;
  facts.security = LoginFacts::Security::tls;
  CHECK(login_log_line(form, "Login", facts) ==
        "Login: user=<alice@example.com>, method=PLAIN, rip=198.51.100.7, lip=192.168.100.6, "
        "mpid=4711, TLS, session=<SID>");
  form.login_log_format_elements = "%u %{rport} lip=%l";
  form.login_log_format = "%s - %$";
  CHECK(login_log_line(form, "Login", facts) == "alice@example.com, lip=192.168.100.6 - Login");
}

TEST_CASE("a user name cannot forge a log line") {
  auto facts = some_facts();
  facts.user = "a\nimap-login: Info: Login";
  CHECK(login_log_line({}, "x", facts).find('\n') == std::string::npos);
}

TEST_CASE("the reason of a disconnect follows how far the client came") {
  LoginProgress p;
  base::Milliseconds now{5000};
  CHECK(disconnect_reason(p, now) == "disconnected before auth was ready, waited 5 secs");
  p.auth_ready = true;
  CHECK(disconnect_reason(p, now) == "no auth attempts in 5 secs");
  p.attempts = 1;
  p.first_attempt = p.attempt_started = base::Milliseconds(3000);
  p.last = Failure::failed;
  CHECK(disconnect_reason(p, now) == "auth failed, 1 attempts in 2 secs");
  p.client_answers = true;
  CHECK(disconnect_reason(p, now) == "client didn't finish SASL auth, waited 2 secs");
  p.client_answers = false;
  p.aborted = true;
  CHECK(disconnect_reason(p, now) == "aborted authentication");
  p.attempts = 2;
  CHECK(disconnect_reason(p, now) == "auth failed, 2 attempts in 2 secs");
  p.last = Failure::plaintext_refused;
  CHECK(disconnect_reason(p, now) == "tried to use disallowed plaintext auth");
  p.last = Failure::user_disabled;
  CHECK(disconnect_reason(p, now) == "user disabled");
  p.successes = 1;
  CHECK(disconnect_reason(p, now) == "internal failure, 1 successful auths");
}

TEST_CASE("session ids are unlike") {
  std::set<std::string> seen;
  auto peer = SockAddr::ip("192.0.2.1", 4711);
  for (int i = 0; i < 100; ++i) seen.insert(new_session_id(*peer));
  CHECK(seen.size() == 100);
  for (auto& id : seen) CHECK(id.find('=') == std::string::npos);
}

// --- dialogues

// Says yes to the password "right", nologin for the user closed, no to all others; the broker's socket does not exist.
Task<> answer_auth(Loop& loop, base::Fd fd) {
  Conn conn(loop, std::move(fd));
  conn.put(
      "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t"
      "00112233445566778899aabbccddeeff\nDONE\n");
  for (;;) {
    auto line = co_await conn.read_line(8192);
    std::string text(line.text);
    auto words = base::split(text, '\t');
    if (words[0] != "AUTH") continue;
    std::string id(words[1]), response;
    for (auto word : words) {
      if (word.starts_with("resp=")) response = base::unbase64(word.substr(5)).value_or("");
    }
    auto parts = base::split(response, '\0');
    std::string user(parts.size() > 1 ? parts[1] : std::string_view());
    bool right = parts.size() > 2 && parts[2] == "right";
    if (right && user == "closed")
      conn.print("OK\t{}\tuser={}\tnologin\n", id, user);
    else if (right)
      conn.print("OK\t{}\tuser={}\n", id, user);
    else
      conn.print("FAIL\t{}\tuser={}\n", id, user);
  }
}

Task<> accept_auth(Loop& loop, net::Listener& listener) {
  for (;;) {
    auto accepted = co_await listener.accept(loop);
    net::spawn(answer_auth(loop, std::move(accepted.fd)), Logger("test"));
  }
}

std::string new_directory() {
  char path[] = "/tmp/login-test-XXXXXX";
  return ::mkdtemp(path);
}

struct Scene {
  explicit Scene(const std::string& protocol, const std::string& options = {})
      : protocol_(protocol) {
    auto config = directory + "/dovecot.conf";
    auto fd = base::open_file(config, O_WRONLY | O_CREAT, 0600);
    REQUIRE(fd);
    REQUIRE(base::write_all(
        fd->get(), "ssl = no\nlogin_greeting = ready.\nprotocols = imap pop3\n" + options));
    auto loaded = conf::dovecot::load(config);
    REQUIRE(loaded);
    tree = std::move(*loaded);
    auto bound = net::listen_unix(directory + "/login", 0600, 8);
    REQUIRE(bound);
    listener = std::make_unique<net::Listener>(loop, std::move(*bound));
    net::spawn(accept_auth(loop, *listener), Logger("test"));
  }
  ~Scene() {
    listener->stop();
    for (auto name : {"/login", "/dovecot.conf"}) ::unlink((directory + name).c_str());
    ::rmdir(directory.c_str());
  }
  Task<> serve(base::Fd fd) {
    auto session = protocol_ == "imap" ? make_imap_login(services, std::move(fd))
                                       : make_pop3_login(services, std::move(fd));
    co_await session->run(false);
    auth.close();
  }

  std::string protocol_;
  std::string directory = new_directory();
  Loop loop;
  conf::dovecot::Tree tree;
  std::unique_ptr<net::Listener> listener;
  LoginSettingsCache cache{tree, protocol_};
  proto::AuthClient auth{loop, directory + "/login", Logger("test")};
  LoginServices services{loop, Logger("login"), protocol_, cache, auth, directory + "/nobroker"};
};

std::string play_login(const std::string& protocol, const std::string& options,
                       const std::string& text) {
  std::string all;
  for (auto mode : {tests::DialogueMode::whole, tests::DialogueMode::bytes}) {
    Scene scene(protocol, options);
    auto dialogue = tests::Dialogue::parse(text, "inline");
    REQUIRE(dialogue);
    all += tests::play(scene.loop, *dialogue, mode,
                       [&](base::Fd fd) { return scene.serve(std::move(fd)); });
  }
  return all;
}

TEST_CASE("IMAP: a wrong password, a closed account, and a broker that is not there") {
  CHECK(play_login("imap", "disable_plaintext_auth = no\n", R"(# login
<~ * OK [CAPABILITY IMAP4rev1 * AUTH=PLAIN AUTH=LOGIN] ready.
> a LOGIN frank wrong
<= a NO [AUTHENTICATIONFAILED] Authentication failed.
> b LOGIN closed right
<= b NO [CONTACTADMIN] Login disabled for this user
> c AUTHENTICATE PLAIN AGZyYW5rAHJpZ2h0
<= c NO [UNAVAILABLE] Internal error occurred. Refer to server log for more information.
> d LOGOUT
<= * BYE Logging out
<= d OK Logout completed.
<eof
! *Disconnected: Aborted login by logging out (internal failure, 2 successful auths): user=<frank>, method=PLAIN, session=<*>
)") == "");
}

TEST_CASE("POP3: plaintext is refused without TLS, and three wrong commands end it") {
  CHECK(play_login("pop3", "", R"(# refused
<= +OK ready.
> USER frank
<= -ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.
> FOO
<= -ERR Unknown command.
> FOO
<= -ERR Unknown command.
> FOO
<= -ERR Unknown command.
<= -ERR Too many invalid commands.
<eof
! *Login failed: Plaintext authentication disabled: user=<>, session=<*>
! *Disconnected: Disconnected: Too many bad commands (tried to use disallowed plaintext auth): user=<>, session=<*>
)") == "");
}

TEST_CASE("POP3: user, password, capabilities") {
  CHECK(play_login("pop3", "disable_plaintext_auth = no\n", R"(# login
<= +OK ready.
> CAPA
<... .
> PASS x
<= -ERR No username given.
> USER frank
<= +OK
> PASS wrong
<= -ERR [AUTH] Authentication failed.
> AUTH FOO
<= -ERR Unsupported authentication mechanism.
> APOP frank 0123
<= -ERR APOP not enabled.
> QUIT
<= +OK Logging out
<eof
! *APOP failed: APOP not enabled: *
! *Authenticate FOO failed: Unsupported authentication mechanism.: user=<frank>, method=FOO, session=<*>
)") == "");
}

}  // namespace
}  // namespace dovetail::mda
