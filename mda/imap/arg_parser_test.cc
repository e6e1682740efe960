// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/arg_parser.h"

#include "common/base/text.h"
#include "mda/imap/command_reader.h"
#include "tests/catch.h"

namespace dovetail::mda::imap {

namespace {

std::string show_args(const Args& args) {
  std::string out;
  for (const auto& arg : args) {
    if (!out.empty()) out += ' ';
    switch (arg.type) {
      case Arg::Type::atom:
        out += arg.text;
        break;
      case Arg::Type::nil:
        out += "NIL";
        break;
      case Arg::Type::quoted:
        out += "\"" + arg.text + "\"";
        break;
      case Arg::Type::literal:
        out += "{" + arg.text + "}";
        break;
      case Arg::Type::list:
        out += "(" + show_args(arg.list) + ")";
        break;
    }
  }
  return out;
}

// Lines and literals in turn, as the connection would give them; the error after '!'.
std::string parse_lines(std::vector<std::string> input, ParserLimits limits = {}) {
  ArgParser parser(limits);
  ArgParser::State state = ArgParser::State::done;
  for (size_t i = 0; i < input.size(); ++i) {
    if (i % 2 == 1) {
      REQUIRE(state == ArgParser::State::literal);
      REQUIRE(parser.pending().size == input[i].size());
      parser.literal(input[i]);
    } else {
      state = parser.line(input[i]);
    }
  }
  if (state == ArgParser::State::bad) return "!" + parser.error();
  return show_args(parser.args());
}

}  // namespace

TEST_CASE("arguments of a command") {
  struct Row {
    std::vector<std::string> input;
    std::string expect;
  };
  const Row rows[] = {
      {{""}, ""},
      {{"INBOX"}, "INBOX"},
      {{"1:* (UID FLAGS)"}, "1:* (UID FLAGS)"},
      {{R"("" "*")"}, R"("" "*")"},
      {{R"("a \"b\" \\c")"}, R"("a "b" \c")"},
      {{"BODY[HEADER.FIELDS (Subject \"From\")]<0.10>"},
       "BODY[HEADER.FIELDS (Subject \"From\") ]<0.10>"},
      {{"nil NIL (nil)"}, "NIL NIL (NIL)"},
      {{"{3}", "a b", " {2+}", "()", " x"}, "{a b} {()} x"},
      {{"(a {1}", "x", " b) c"}, "(a {x} b) c"},
      {{R"("abc)"}, "!Missing '\"'"},
      {{R"("abc\)"}, "!Missing '\"'"},
      {{"(a"}, "!Missing ')'"},
      {{"a)"}, "!Unexpected ')'"},
      {{"gr\xc3\xbc"}, "!8bit data in atom"},
      {{"a{b"}, "!Invalid characters in atom"},
      {{"{x}"}, "!Invalid literal size"},
      {{"{5} x"}, "!Invalid literal size"},
      {{"{99999999999999999999}"}, "!Invalid literal size"},
      {{"{70000}"}, "!Literal size too large"},
  };
  for (const auto& row : rows) {
    INFO(row.input[0]);
    CHECK(parse_lines(row.input) == row.expect);
  }
}

TEST_CASE("limits of the parser are kept") {
  CHECK(parse_lines({std::string(100, '(')}) == "!Too many '('");
  ParserLimits small;
  small.line = 10;
  CHECK(parse_lines({"12345678901"}, small) == "!IMAP command line too large");
  CHECK(parse_lines({"{8}"}, small) == "!Literal size too large");
  CHECK(parse_lines({"{7}", "1234567", ""}, small) == "{1234567}");
  small.literal_minus = true;
  small.line = 65536;
  CHECK(parse_lines({"{4097+}"}, small) == "!Non-synchronizing literal size too large");
}

TEST_CASE("APPEND's message literal is left to the command, one in a list is not") {
  ArgParser parser({}, true);
  CHECK(parser.line("INBOX (\\Seen) {300000000}") == ArgParser::State::message);
  CHECK(parser.pending().size == 300000000);
  CHECK(show_args(parser.args()) == "INBOX (\\Seen)");
  parser.message_taken();
  CHECK(parser.line("") == ArgParser::State::done);
  CHECK(parser.args().empty());
}

TEST_CASE("tag and name") {
  struct Row {
    std::string line, tag, name, rest, error;
  };
  const Row rows[] = {
      {"a noop", "a", "NOOP", "", ""},
      {"A1 uid fetch 1 FLAGS", "A1", "UID FETCH", "1 FLAGS", ""},
      {"a", "a", "", "", "Invalid command name"},
      {"", "", "", "", "Invalid tag"},
      {"* x", "", "", "x", "Invalid tag"},
      {"+ x", "", "", "x", "Invalid tag"},
      {"a uid", "a", "UID", "", ""},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    Command command;
    CHECK(std::string(take_tag_and_name(row.line, command)) == row.rest);
    CHECK(command.tag == row.tag);
    CHECK(command.name == row.name);
    CHECK(command.error == row.error);
  }
}

TEST_CASE("a literal is announced only at the very end of a line") {
  CHECK(literal_at_end("a {12}")->size == 12);
  CHECK(literal_at_end("a {12}")->synchronising);
  CHECK(!literal_at_end("a {12+}")->synchronising);
  CHECK(!literal_at_end("a {12} "));
  CHECK(!literal_at_end("a {}"));
  CHECK(!literal_at_end("12}"));
  CHECK(!literal_at_end("{-1}"));
}

}  // namespace dovetail::mda::imap
