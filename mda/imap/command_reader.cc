// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/command_reader.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mda::imap {

namespace {

constexpr size_t kNameLimit = 32;

// RFC 3501 9: tag is any ASTRING-CHAR except "+".
bool is_tag_char(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte > 32 && byte < 127 &&
         std::string_view("+(){%*\"\\").find(c) == std::string_view::npos;
}

std::string_view take_command_word(std::string_view& rest) {
  auto word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  return word;
}

}  // namespace

std::string_view take_tag_and_name(std::string_view line, Command& command) {
  auto rest = line;
  auto tag = take_command_word(rest);
  if (tag.empty() || !std::all_of(tag.begin(), tag.end(), is_tag_char)) {
    command.error = "Invalid tag";
    return rest;
  }
  command.tag = tag;
  auto name = take_command_word(rest);
  if (name.empty() || name.size() > kNameLimit ||
      !std::all_of(name.begin(), name.end(), is_tag_char)) {
    command.error = "Invalid command name";
    return rest;
  }
  command.name = base::upper(name);
  if (command.name != "UID") return rest;
  auto sub = take_command_word(rest);
  if (!sub.empty() && sub.size() <= kNameLimit)
    command.name += " " + base::upper(base::printable(sub));
  return rest;
}

Task<std::string> CommandReader::next_line(Command& command) {
  auto line = co_await conn_.read_line(limits_.line);
  bytes_in_ += line.text.size() + (line.bare_lf ? 1 : 2);
  if (line.too_long) {
    command.error = "IMAP command line too large";
    if (command.name.empty()) {
      std::string start(line.text.substr(0, 256));
      take_tag_and_name(start, command);
      command.error = "IMAP command line too large";
    }
  }
  co_return std::string(line.text);
}

Task<std::string> CommandReader::read_plain_line() {
  auto line = co_await conn_.read_line(limits_.line);
  bytes_in_ += line.text.size() + (line.bare_lf ? 1 : 2);
  co_return std::string(line.text);
}

Task<Command> CommandReader::read() {
  Command command;
  auto line = co_await next_line(command);
  if (!command.error.empty()) co_return command;
  std::string rest(take_tag_and_name(line, command));
  command.parser.emplace(limits_, streams_append_ && command.name == "APPEND");
  if (command.error.empty()) {
    co_await parse(command, std::move(rest));
  } else {
    co_await skip_literals(literal_at_end(line));
  }
  co_return command;
}

Task<> CommandReader::parse(Command& command, std::string line) {
  command.message.reset();
  auto state = command.parser->line(line);
  while (state == ArgParser::State::literal) {
    auto size = static_cast<size_t>(command.parser->pending().size);
    if (command.parser->pending().synchronising) put("+ OK\r\n");
    auto bytes = co_await conn_.read_bytes(size);
    bytes_in_ += bytes.size();
    if (bytes.find('\0') != std::string::npos) {  // RFC 3501 9: CHAR8 excludes NUL
      command.error = "NULs not allowed in strings";
      bytes.clear();
    }
    command.parser->literal(std::move(bytes));
    line = co_await next_line(command);
    if (!command.error.empty()) break;
    state = command.parser->line(line);
  }
  if (state == ArgParser::State::message && command.error.empty()) {
    command.message = command.parser->pending();
    co_return;
  }
  if (state == ArgParser::State::bad) command.error = command.parser->error();
  if (command.error.empty()) co_return;
  auto literal = literal_at_end(line);
  // A client that does not wait has already sent more than we want to take: the connection is of no use any more.
  command.fatal = command.parser->literal_too_big() && literal && !literal->synchronising;
  if (!command.fatal) co_await skip_literals(literal);
}

Task<> CommandReader::read_on(Command& command) {
  command.parser->message_taken();
  auto line = co_await next_line(command);
  if (command.error.empty()) co_await parse(command, std::move(line));
}

Task<> CommandReader::skip_rest(Command& command) {
  auto literal = command.message;
  command.message.reset();
  co_await skip_literals(literal);
}

// A non-synchronising literal of a refused command is on its way: read as commands it would be an injection.
Task<> CommandReader::skip_literals(std::optional<LiteralSize> literal) {
  while (literal && !literal->synchronising) {
    auto left = literal->size;
    while (left > 0) {
      auto part = co_await read_part(left, 65536);
    }
    auto line = co_await conn_.read_line(limits_.line);
    bytes_in_ += line.text.size() + 2;
    literal = literal_at_end(line.text);
  }
}

Task<std::string> CommandReader::read_part(uint64_t& left, size_t most) {
  if (left == 0) co_return std::string();
  auto bytes = co_await conn_.peek();
  auto take = static_cast<size_t>(std::min<uint64_t>({bytes.size(), left, most}));
  std::string part(bytes.substr(0, take));
  conn_.consume(take);
  bytes_in_ += take;
  left -= take;
  co_return part;
}

}  // namespace dovetail::mda::imap
