// SPDX-License-Identifier: Apache-2.0
#include "tests/support/dialogue.h"

#include "common/base/log.h"
#include "common/net/conn.h"
#include "tests/catch.h"

namespace dovetail::tests {
namespace {

// Greets, answers each line with "250-LINE" and "250 end", "bye" with an end; logs every line.
Task<> echo_server(Loop& loop, Fd fd) {
  Conn conn(loop, std::move(fd));
  Logger log("echo");
  conn.put("220 hello\r\n");
  for (;;) {
    auto line = co_await conn.read_line(1000);
    log.info("line {}", line.text);
    if (line.text == "bye") break;
    conn.print("250-{}\r\n250 end\r\n", line.text);
  }
  co_await conn.flush();
}

std::string play_text(std::string_view text, DialogueMode mode) {
  Loop loop;
  auto dialogue = Dialogue::parse(text, "test.dlg");
  if (!dialogue) return dialogue.error().text;
  DialogueServer server = [&](Fd fd) { return echo_server(loop, std::move(fd)); };
  return play(loop, *dialogue, mode, server);
}

constexpr DialogueMode all_modes[] = {DialogueMode::whole, DialogueMode::bytes,
                                      DialogueMode::pipelined};

}  // namespace

TEST_CASE("a dialogue that goes as written") {
  for (auto mode : all_modes) {
    CHECK(play_text("# title\n< 220\n> one\n<... 250\n>> two\\r\\n\n<= 250-two\n<~ 250 e*d\n> "
                    "bye\n<eof\n! line o*e\n!! line x*\n",
                    mode) == "");
  }
}

TEST_CASE("what differs is told with file and line") {
  for (auto mode : all_modes) {
    CHECK(play_text("< 221\n> bye\n", mode) == "test.dlg:1: expected \"221\", got \"220 hello\"");
    CHECK(play_text("< 220\n> x\n<= 250-y\n", mode) ==
          "test.dlg:3: expected \"250-y\", got \"250-x\"");
    CHECK(play_text("< 220\n> x\n<eof\n", mode) ==
          "test.dlg:3: expected \"\", got \"250-x\" instead of the end");
    CHECK(play_text("< 220\n> bye\n<eof\n! nothing\n", mode) ==
          "test.dlg:4: expected \"nothing\", got the log is\nline bye\n");
    CHECK(play_text("< 220\n> bye\n<eof\n!! line *\n", mode) ==
          "test.dlg:4: expected \"line *\", got the log is\nline bye\n");
  }
}

TEST_CASE("a file that is no dialogue is refused") {
  auto bad = Dialogue::parse("< 220\nhello\n", "x.dlg");
  REQUIRE(!bad);
  CHECK(bad.error().text == "x.dlg:2: not understood: hello");
  CHECK(!Dialogue::parse(">> \\q\n", "x.dlg"));
}

TEST_CASE("patterns") {
  CHECK(matches_pattern("a*b", "ab"));
  CHECK(matches_pattern("a*b*", "axxbyy"));
  CHECK(!matches_pattern("a*b", "abc"));
  CHECK(!matches_pattern("abc*", "ab"));
}

}  // namespace dovetail::tests
