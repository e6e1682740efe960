// The rules of the chains, with databases made up here, and the real ones that need only a file.
// SPDX-License-Identifier: Apache-2.0
#include "authd/databases.h"

#include <sqlite3.h>
#include <unistd.h>

#include "authd/passdb/fixed.h"
#include "authd/passdb/passwd_file.h"
#include "authd/passdb/sql.h"
#include "common/base/file.h"
#include "tests/catch.h"

namespace dovetail::authd {
namespace {

// Answers whatever it is told to.
class FakePassdb : public Passdb {
 public:
  explicit FakePassdb(PassdbReply reply, bool itself = false)
      : reply_(std::move(reply)), itself_(itself) {}
  std::string_view driver() const override { return "fake"; }
  bool verifies_itself() const override { return itself_; }
  std::string cache_key() const override { return "%u"; }
  net::Task<PassdbReply> lookup(const Request&) override {
    ++asked;
    co_return reply_;
  }
  static inline int asked = 0;

 private:
  PassdbReply reply_;
  bool itself_;
};

PassdbReply known(std::string password) {
  return {PassdbResult::ok, {{"password", "{PLAIN}" + password}}, {}, false};
}
PassdbReply unknown() {
  return {PassdbResult::unknown, {}, {}, false};
}
PassdbReply down() {
  return {PassdbResult::internal_failure, {}, {}, false};
}

struct Chain {
  AuthSettings settings;
  net::Loop loop;
  std::unique_ptr<Databases> databases;
  Request request;

  Chain() { make(); }
  void make() {
    databases = std::make_unique<Databases>(loop, settings, Logger("test"));
    request.user = "u@example.com";
    request.mech = "PLAIN";
    request.password = Secret("pw");
  }
  Chain& add(PassdbReply reply, conf::dovecot::Passdb block = {}, bool itself = false) {
    REQUIRE(
        databases->add(std::move(block), std::make_unique<FakePassdb>(std::move(reply), itself)));
    return *this;
  }
  static net::Task<> ask(Chain& chain, PassdbResult& result) {
    result = co_await chain.databases->authenticate(chain.request);
  }
  PassdbResult run() {
    auto result = PassdbResult::next;
    net::run_until_done(loop, ask(*this, result));
    return result;
  }
};

conf::dovecot::Passdb rule(std::string success, std::string failure = "") {
  conf::dovecot::Passdb block;
  block.result_success = std::move(success);
  block.result_failure = std::move(failure);
  return block;
}

TEST_CASE("databases are asked in order until one knows") {
  CHECK(Chain().add(unknown()).add(known("pw")).run() == PassdbResult::ok);
  CHECK(Chain().add(known("other")).add(known("pw")).run() == PassdbResult::ok);
  CHECK(Chain().add(unknown()).add(known("other")).run() == PassdbResult::mismatch);
  CHECK(Chain().run() == PassdbResult::unknown);
}

TEST_CASE("a database that is down is never a wrong password") {
  CHECK(Chain().add(down()).run() == PassdbResult::internal_failure);
  CHECK(Chain().add(down()).add(unknown()).run() == PassdbResult::internal_failure);
  CHECK(Chain().add(known("other")).add(down()).run() == PassdbResult::internal_failure);
  CHECK(Chain().add(down()).add(known("pw")).run() == PassdbResult::ok);
}

TEST_CASE("pam that cannot be used leaves the word to the next passdb") {
  CHECK(Chain().add(unknown(), {}, true).add(known("pw")).run() == PassdbResult::ok);
  CHECK(Chain().add(unknown(), {}, true).add(known("other")).run() == PassdbResult::mismatch);
}

TEST_CASE("result_ rules stop, go on and decide") {
  CHECK(Chain().add(known("pw"), rule("continue")).add(unknown()).run() == PassdbResult::unknown);
  CHECK(Chain().add(known("pw"), rule("continue-ok")).add(unknown()).run() == PassdbResult::ok);
  // Checked once is enough: the second one's password does not count.
  CHECK(Chain().add(known("pw"), rule("continue")).add(known("other")).run() == PassdbResult::ok);
  CHECK(Chain().add(unknown(), rule("", "return")).add(known("pw")).run() == PassdbResult::unknown);
  CHECK(Chain().add(unknown(), rule("", "return-fail")).add(known("pw")).run() ==
        PassdbResult::unknown);
  auto skip = rule("");
  skip.skip = "authenticated";
  CHECK(Chain().add(known("pw"), rule("continue-ok")).add(down(), skip).run() == PassdbResult::ok);
  auto other_mech = rule("");
  other_mech.mechanisms = "cram-md5";
  CHECK(Chain().add(known("pw"), other_mech).run() == PassdbResult::unknown);
  auto filtered = rule("");
  filtered.username_filter = "!*@example.com";
  CHECK(Chain().add(known("pw"), filtered).run() == PassdbResult::unknown);
}

TEST_CASE("deny ends it, whatever the password") {
  conf::dovecot::Passdb deny;
  deny.deny = true;
  CHECK(Chain().add(known("other"), deny).add(known("pw")).run() == PassdbResult::disabled);
  CHECK(Chain().add(unknown(), deny).add(known("pw")).run() == PassdbResult::ok);
  CHECK(Chain().add(down(), deny).add(known("pw")).run() == PassdbResult::internal_failure);
}

TEST_CASE("fields of a failed passdb are rolled back, of a good one kept") {
  auto failing = known("other");
  failing.fields.push_back({"nologin", ""});
  failing.fields.push_back({"user", "somebody"});
  auto good = known("pw");
  good.fields.push_back({"host", "192.0.2.1"});
  conf::dovecot::Passdb block;
  block.default_fields = "host=default port=1";
  block.override_fields = "proxy=y userdb_x=%n";
  Chain chain;
  chain.add(failing).add(good, block);
  REQUIRE(chain.run() == PassdbResult::ok);
  CHECK(chain.request.user == "u@example.com");
  CHECK(!chain.request.extra.fields.has("nologin"));
  CHECK(chain.request.extra.reply_text() == "\thost=192.0.2.1\tport=1\tproxy");
  CHECK(chain.request.userdb.get("x") == "u");
}

TEST_CASE("the cache answers, and asks again when the password does not fit") {
  Chain chain;
  chain.settings.cache_size = 100000;
  chain.make();
  chain.add(known("pw"));
  FakePassdb::asked = 0;
  CHECK(chain.run() == PassdbResult::ok);
  CHECK(chain.run() == PassdbResult::ok);
  CHECK(FakePassdb::asked == 1);
  chain.request.password = Secret("wrong");
  CHECK(chain.run() == PassdbResult::mismatch);
  CHECK(FakePassdb::asked == 2);
  CHECK(chain.databases->cache().flush({"nobody"}) == 0);
  CHECK(chain.databases->cache().flush({"u@example.com"}) == 1);
}

TEST_CASE("a passwd-file is read with all its oddities") {
  std::vector<std::string> errors;
  auto file = parse_passwd_file(
      "# comment\n\nfrank:{PLAIN}a:2000:2001:gecos:/home/frank:/bin/sh:userdb_mail=maildir:~/M "
      "x=1\n"
      "leeo:{PLAIN}pw\r\nroot:x:0:0::/root:\nfrank:twice\n:nobody\n",
      "/f", errors);
  CHECK(file.order == std::vector<std::string>{"frank", "leeo", "root"});
  CHECK(file.users["frank"].uid == "2000");
  CHECK(file.users["frank"].gid == "2001");
  CHECK(file.users["frank"].home == "/home/frank");
  CHECK(file.users["frank"].extra == std::vector<std::string>{"userdb_mail=maildir:~/M", "x=1"});
  CHECK(file.users["leeo"].password.reveal() == "{PLAIN}pw");
  CHECK(errors == std::vector<std::string>{"passwd-file /f:User root has invalid UID '0'",
                                           "passwd-file /f: User frank exists more than once"});
}

TEST_CASE("passwd-file args") {
  auto args = parse_passwd_file_args("scheme=SHA1 username_format=%n /etc/dovecot/my users");
  REQUIRE(args);
  CHECK(args->scheme == "SHA1");
  CHECK(args->username_format == "%n");
  CHECK(args->path == "/etc/dovecot/my users");
  CHECK(!parse_passwd_file_args("scheme=SHA1"));
}

TEST_CASE("connect strings of sql files") {
  auto connect =
      parse_sql_connect("host=127.0.0.9 host=/run/m.sock dbname=d user=u password=p=q port=3307");
  REQUIRE(connect);
  CHECK(connect->hosts == std::vector<std::string>{"127.0.0.9", "/run/m.sock"});
  CHECK(connect->password.reveal() == "p=q");
  CHECK(connect->port == 3307);
  CHECK(parse_sql_connect("host=a foo=1").error().text == "sqlpool: Unknown connect string: foo");
  CHECK(parse_sql_connect("").error().text == "sqlpool: No hosts given in connect string");
}

struct SqliteHouse {
  SqliteHouse() {
    char name[] = "/tmp/authsqlXXXXXX";
    directory = mkdtemp(name);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open((directory + "/db").c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db,
                         "CREATE TABLE users(email, password, quota);"
                         "INSERT INTO users VALUES('u@example.com','{PLAIN}pw',NULL),"
                         "('o''b','{PLAIN}q','5M'),('twice','a',NULL),('twice','b',NULL)",
                         nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    REQUIRE(base::replace_file(
        directory + "/sql.conf",
        "driver = sqlite\nconnect = " + directory +
            "/db\ndefault_pass_scheme = PLAIN\n"
            "password_query = SELECT password, quota AS userdb_quota_rule FROM users WHERE "
            "email='%u'\n"
            "user_query = SELECT 2000 AS uid, quota AS quota_rule FROM users WHERE email='%u'\n"
            "iterate_query = SELECT DISTINCT email AS user FROM users ORDER BY email\n",
        0600));
  }
  ~SqliteHouse() {
    for (const char* file : {"/db", "/sql.conf"}) ::unlink((directory + file).c_str());
    ::rmdir(directory.c_str());
  }
  std::string directory;
};

net::Task<> ask_users(Databases& databases, Request& request, UserdbResult& result,
                      std::vector<std::string>& users) {
  result = co_await databases.look_up_userdb(request);
  auto listed = co_await databases.list_users();
  if (listed) users = *listed;
}

TEST_CASE("sql on sqlite: rows, quoting, none, two, and a database that is away") {
  SqliteHouse house;
  Chain chain;
  conf::dovecot::Passdb passdb;
  passdb.driver = "sql";
  passdb.args = house.directory + "/sql.conf";
  conf::dovecot::Userdb userdb;
  userdb.driver = "sql";
  userdb.args = passdb.args;
  chain.settings.passdbs = {passdb};
  chain.settings.userdbs = {userdb};
  auto opened = Databases::open(chain.loop, chain.settings, nullptr, Logger("test"));
  REQUIRE(opened);
  chain.databases = std::move(*opened);
  CHECK(chain.run() == PassdbResult::ok);
  CHECK(chain.request.extra.fields.empty());  // NULL columns do not count
  chain.request.user = "o'b";
  chain.request.password = Secret("q");
  CHECK(chain.run() == PassdbResult::ok);
  CHECK(chain.request.userdb.get("quota_rule") == "5M");
  UserdbResult found;
  std::vector<std::string> users;
  net::run_until_done(chain.loop, ask_users(*chain.databases, chain.request, found, users));
  CHECK(found == UserdbResult::ok);
  CHECK(chain.request.userdb.get("uid") == "2000");
  CHECK(users == std::vector<std::string>{"o'b", "twice", "u@example.com"});
  chain.request.user = "x' OR '1'='1";
  CHECK(chain.run() == PassdbResult::unknown);
  chain.request.user = "twice";
  CHECK(chain.run() == PassdbResult::internal_failure);
}

TEST_CASE("sql files that cannot work say why") {
  SqliteHouse house;
  AuthSettings settings;
  const auto path = house.directory + "/sql.conf";
  CHECK(read_sql_config(settings, "/nonexistent/x").error().text ==
        "sql /nonexistent/x: Can't open configuration file /nonexistent/x: No such file or "
        "directory");
  REQUIRE(base::replace_file(path, "driver = sqlite\nfoo = 1\n", 0600));
  CHECK(read_sql_config(settings, path).error().text ==
        "sql " + path + ": Error in configuration file " + path + " line 2: Unknown setting: foo");
  net::Loop loop;
  SqlConfig config;
  config.driver = "nosql";
  CHECK(open_sql(loop, config, Logger("test")).error().text ==
        "sql: Unknown database driver 'nosql'");
}

}  // namespace
}  // namespace dovetail::authd
