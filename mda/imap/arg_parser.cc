// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/arg_parser.h"

#include "common/base/text.h"

namespace dovetail::mda::imap {

namespace {

constexpr uint64_t kLiteralMinusLimit = 4096;

// Wider than RFC 3501's atom: list wildcards, ']' and '\' stay inside, as FETCH sections and flags need them.
bool is_atom_char(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte > 32 && byte < 127 && c != '(' && c != ')' && c != '{' && c != '"';
}

}  // namespace

std::optional<LiteralSize> literal_at_end(std::string_view line) {
  if (line.size() < 3 || line.back() != '}') return std::nullopt;
  auto open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  auto digits = line.substr(open + 1, line.size() - open - 2);
  LiteralSize literal;
  if (digits.ends_with('+')) {
    literal.synchronising = false;
    digits.remove_suffix(1);
  }
  auto size = base::parse_number<uint64_t>(digits);
  if (!size) return std::nullopt;
  literal.size = *size;
  return literal;
}

ArgParser::ArgParser(ParserLimits limits, bool streams_message)
    : limits_(limits), streams_message_(streams_message) {
  open_.emplace_back();
}

ArgParser::State ArgParser::fail(std::string why) {
  error_ = std::move(why);
  return State::bad;
}

ArgParser::State ArgParser::line(std::string_view text) {
  used_ += text.size();
  if (used_ > limits_.line) return fail("IMAP command line too large");
  auto rest = text;
  while (!rest.empty()) {
    char c = rest.front();
    if (c == ' ') {
      rest.remove_prefix(1);
    } else if (c == '(') {
      if (open_.size() > limits_.depth) return fail("Too many '('");
      open_.emplace_back();
      rest.remove_prefix(1);
    } else if (c == ')') {
      if (!close_list()) return fail("Unexpected ')'");
      rest.remove_prefix(1);
    } else if (c == '"') {
      if (!take_quoted(rest)) return State::bad;
    } else if (c == '{') {
      return announce(rest);
    } else if (!take_atom(rest)) {
      return State::bad;
    }
  }
  if (open_.size() > 1) return fail("Missing ')'");
  return State::done;
}

bool ArgParser::close_list() {
  if (open_.size() < 2) return false;
  Arg list{Arg::Type::list};
  list.list = std::move(open_.back());
  open_.pop_back();
  open_.back().push_back(std::move(list));
  return true;
}

bool ArgParser::take_quoted(std::string_view& rest) {
  std::string text;
  for (size_t at = 1; at < rest.size(); ++at) {
    char c = rest[at];
    if (c == '"') {
      open_.back().push_back({Arg::Type::quoted, std::move(text)});
      rest.remove_prefix(at + 1);
      return true;
    }
    if (c == '\\') {
      if (++at == rest.size()) break;
      c = rest[at];
    }
    if (c == '\0') {
      fail("NULs not allowed in strings");
      return false;
    }
    text += c;
  }
  fail("Missing '\"'");
  return false;
}

bool ArgParser::take_atom(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && is_atom_char(rest[end])) ++end;
  if (end < rest.size() && rest[end] != ' ' && rest[end] != '(' && rest[end] != ')') {
    fail(static_cast<unsigned char>(rest[end]) >= 128 ? "8bit data in atom"
                                                      : "Invalid characters in atom");
    return false;
  }
  auto text = rest.substr(0, end);
  auto type = base::iequals(text, "NIL") ? Arg::Type::nil : Arg::Type::atom;
  open_.back().push_back({type, std::string(text)});
  rest.remove_prefix(end);
  return true;
}

ArgParser::State ArgParser::announce(std::string_view rest) {
  auto literal = literal_at_end(rest);
  if (!literal || rest.find('}') != rest.size() - 1) return fail("Invalid literal size");
  pending_ = *literal;
  if (!literal->synchronising && limits_.literal_minus && literal->size > kLiteralMinusLimit) {
    too_big_ = true;
    return fail("Non-synchronizing literal size too large");
  }
  if (streams_message_ && open_.size() == 1) return State::message;
  if (literal->size > limits_.line - used_) {
    too_big_ = true;
    return fail("Literal size too large");
  }
  return State::literal;
}

void ArgParser::literal(std::string bytes) {
  used_ += bytes.size();
  open_.back().push_back({Arg::Type::literal, std::move(bytes)});
}

void ArgParser::message_taken() {
  open_.front().clear();
  used_ = 0;
}

}  // namespace dovetail::mda::imap
