// What one session hears of another's doings, and of the disk: numbers stay while they must, nothing is told twice.
// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "mda/imap/change_watcher.h"
#include "mda/imap/session_fixture.h"
#include "tests/catch.h"

namespace dovetail::mda::imap {

namespace {

// A worker with one user's store, and clients connected to it.
struct House {
  Loop loop;
  TemporaryDirectory directory;
  net::Pool pool{loop, 2};
  Logger log{"imap(alice@example.com)<1><S>"};
  ChangeWatcher watcher{loop, log};
  std::shared_ptr<Store> store;

  ~House() { base::capture_log({}); }
  House() {
    base::capture_log(
        [](Level, std::string_view, std::string_view) {});  // the "Disconnected" lines
    auto made = Store::create(loop, pool, store_settings(directory.path(), {}), log);
    REQUIRE(made);
    store = std::move(*made);
  }
};

Task<> serve_house(House& house, Fd fd, std::string input) {
  Conn conn(house.loop, std::move(fd));
  SessionEnvironment environment;
  environment.store = house.store;
  environment.pool = &house.pool;
  environment.watcher = &house.watcher;
  environment.settings = std::make_shared<ImapSettings>();
  environment.log = house.log;
  environment.login_tag = input.empty() ? "" : "l";
  environment.input = std::move(input);
  co_await run_imap(conn, std::move(environment));
}

class Client {
 public:
  explicit Client(House& house, std::string input = {}) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    net::spawn(serve_house(house, Fd(ends[0]), std::move(input)), house.log);
    conn_.emplace(house.loop, Fd(ends[1]));
    conn_->set_timeout(base::Milliseconds(10000));
  }

  // The responses, joined by '|', up to the tagged one (its timing cut off) or a continuation.
  Task<std::string> ask(std::string command) {
    conn_->print("{}\r\n", command);
    auto tag = command.substr(0, command.find(' ') + 1);
    std::string out;
    for (;;) {
      auto line = co_await conn_->read_line(10000);
      std::string text(line.text);
      bool last = text.starts_with(tag) || text.starts_with('+');
      if (text.starts_with(tag)) text = text.substr(tag.size(), text.find(" (") - tag.size());
      out += (out.empty() ? "" : "|") + text;
      if (last) co_return out;
    }
  }
  Task<std::string> next_line() {
    auto line = co_await conn_->read_line(10000);
    co_return std::string(line.text);
  }
  void send(std::string_view bytes) { conn_->put(bytes); }
  void leave() { conn_.reset(); }

 private:
  std::optional<Conn> conn_;
};

#define SAYS(client, command, expect)            \
  do {                                           \
    auto heard = co_await (client).ask(command); \
    INFO(command);                               \
    CHECK(heard == (expect));                    \
  } while (0)

Task<> fill_inbox(House& house, std::string_view names) {
  auto inbox = co_await house.store->open("INBOX");
  REQUIRE(inbox);
  co_await save_fixtures(**inbox, names);
}

Task<> expunges_wait(House& house) {
  co_await fill_inbox(house, "m1 m2 m3 m4");
  Client a(house), b(house);
  co_await a.ask("s SELECT INBOX");
  co_await b.ask("s SELECT INBOX");
  SAYS(b, "1 STORE 2 +FLAGS (\\Deleted)",
       "* 2 FETCH (FLAGS (\\Deleted \\Seen))|OK Store completed");
  SAYS(b, "2 EXPUNGE", "* 2 EXPUNGE|OK Expunge completed");
  SAYS(b, "3 STORE 2 +FLAGS (\\Answered)",
       "* 2 FETCH (FLAGS (\\Answered \\Flagged $Work))|OK Store completed");
  // FETCH may not move the numbers, but tells the flags, once.
  SAYS(a, "1 FETCH 4 UID",
       "* 4 FETCH (UID 4)|* 3 FETCH (FLAGS (\\Answered \\Flagged \\Recent $Work))|OK Fetch "
       "completed");
  SAYS(a, "2 FETCH 3:4 (UID FLAGS)",
       "* 3 FETCH (UID 3 FLAGS (\\Answered \\Flagged \\Recent $Work))|* 4 FETCH (UID 4 FLAGS "
       "(\\Draft \\Recent))|"
       "OK Fetch completed");
  // The message is gone: it is left out, its number is still taken.
  SAYS(a, "3 FETCH 2 BODY.PEEK[]", "OK Fetch completed");
  SAYS(a, "4 NOOP", "* 2 EXPUNGE|* 3 RECENT|OK NOOP completed");
  SAYS(a, "5 FETCH 2 UID", "* 2 FETCH (UID 3)|OK Fetch completed");
  SAYS(a, "6 NOOP", "OK NOOP completed");
  a.leave();
  b.leave();
}

Task<> keywords_are_announced(House& house) {
  co_await fill_inbox(house, "m1");
  Client a(house), b(house);
  co_await a.ask("s SELECT INBOX");
  co_await b.ask("s SELECT INBOX");
  co_await b.ask("1 STORE 1 +FLAGS.SILENT (fresh)");
  SAYS(a, "1 NOOP",
       "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft fresh)|"
       "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft fresh \\*)] Flags "
       "permitted.|"
       "* 1 FETCH (FLAGS (\\Recent fresh))|OK NOOP completed");
  a.leave();
  b.leave();
}

Task<> idle_wakes(House& house) {
  co_await fill_inbox(house, "m1");
  Client a(house);
  co_await a.ask("s SELECT INBOX");
  SAYS(a, "i IDLE", "+ idling");
  CHECK(house.watcher.watched() > 0);
  auto path = house.directory.path() + "/Maildir/new/1700000000.M1P1.other";
  REQUIRE(base::replace_file(path, "Subject: x\n\ny\n", 0600));
  auto exists = co_await a.next_line();
  CHECK(exists == "* 2 EXISTS");
  auto recent = co_await a.next_line();
  CHECK(recent == "* 2 RECENT");
  a.leave();
  co_await house.loop.sleep(base::Milliseconds(0));
}

Task<> deleted_under_us(House& house) {
  Client a(house), b(house);
  co_await a.ask("1 CREATE Gone");
  co_await a.ask("2 SELECT Gone");
  SAYS(b, "1 DELETE Gone", "OK Delete completed");
  auto said = co_await a.ask("3 NOOP");
  CHECK(said == "* BYE Mailbox UIDVALIDITY changed|OK NOOP completed");
  SAYS(b, "2 NOOP", "OK NOOP completed");
  a.leave();
  b.leave();
}

Task<> pipelined_behind_login(House& house) {
  Client a(house, "1 NOOP\r\n2 NO");
  auto login = co_await a.next_line();
  CHECK(login.starts_with("l OK [CAPABILITY IMAP4rev1 "));
  CHECK(login.ends_with("] Logged in"));
  auto noop = co_await a.next_line();
  CHECK(noop.starts_with("1 OK NOOP completed"));
  a.send("OP\r\n");
  auto second = co_await a.next_line();
  CHECK(second.starts_with("2 OK NOOP completed"));
  a.leave();
}

void in_a_house(Task<> (*story)(House&)) {
  House house;
  net::run_until_done(house.loop, story(house));
  house.loop.run();  // until the sessions have seen their clients go
}

}  // namespace

TEST_CASE("expunges by others wait until numbers may move") {
  in_a_house(expunges_wait);
}
TEST_CASE("a keyword made by another session is announced before it is used") {
  in_a_house(keywords_are_announced);
}
TEST_CASE("IDLE wakes for a delivery") {
  in_a_house(idle_wakes);
}
TEST_CASE("a mailbox deleted by another session ends this one with BYE") {
  in_a_house(deleted_under_us);
}

TEST_CASE("what was pipelined behind LOGIN is answered") {
  in_a_house(pipelined_behind_login);
}

}  // namespace dovetail::mda::imap
