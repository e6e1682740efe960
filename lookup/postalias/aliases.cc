// SPDX-License-Identifier: Apache-2.0
#include "lookup/postalias/aliases.h"

#include <vector>

#include "common/base/clock.h"
#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

// RFC 822 lexical tokens. Atoms, quoted strings and domain literals without their backslashes and delimiters, comments as
// written.
struct AliasToken {
  enum Kind { atom, quoted, literal, comment, special } kind;
  std::string text;
};

constexpr std::string_view kAliasSpecials = "()<>@,;:\\\".[]";

bool is_alias_special(char c) {
  return kAliasSpecials.find(c) != std::string_view::npos;
}

// Reads from `at` up to the delimiter, or to the end; a backslash makes the next character plain.
std::string read_until(std::string_view line, size_t& at, char delimiter) {
  std::string text;
  for (; at < line.size() && line[at] != delimiter; ++at) {
    if (line[at] == '\\' && ++at == line.size()) break;
    text += line[at];
  }
  if (at < line.size()) ++at;
  return text;
}

std::string read_comment(std::string_view line, size_t& at) {
  size_t begin = at;
  int depth = 0;
  for (; at < line.size(); ++at) {
    if (line[at] == '\\') {
      ++at;
    } else if (line[at] == '(') {
      ++depth;
    } else if (line[at] == ')' && --depth == 0) {
      ++at;
      break;
    }
  }
  at = std::min(at, line.size());
  return std::string(line.substr(begin, at - begin));
}

// An atom whose backslashes made special characters part of it is a quoted string.
AliasToken read_atom(std::string_view line, size_t& at) {
  AliasToken token{AliasToken::atom, {}};
  for (; at < line.size() && !base::is_space(line[at]); ++at) {
    if (line[at] == '\\') {
      if (++at == line.size()) break;
      if (is_alias_special(line[at]) || base::is_space(line[at])) token.kind = AliasToken::quoted;
    } else if (is_alias_special(line[at])) {
      break;
    }
    token.text += line[at];
  }
  return token;
}

std::vector<AliasToken> alias_tokens(std::string_view line) {
  std::vector<AliasToken> tokens;
  for (size_t at = 0; at < line.size();) {
    char c = line[at];
    if (base::is_space(c)) {
      ++at;
    } else if (c == '"') {
      tokens.push_back({AliasToken::quoted, read_until(line, ++at, '"')});
    } else if (c == '[') {
      tokens.push_back({AliasToken::literal, read_until(line, ++at, ']')});
    } else if (c == '(') {
      tokens.push_back({AliasToken::comment, read_comment(line, at)});
    } else if (c == '\\' || !is_alias_special(c)) {
      tokens.push_back(read_atom(line, at));
    } else {
      tokens.push_back({AliasToken::special, std::string(1, c)});
      ++at;
    }
  }
  return tokens;
}

std::string with_escapes(std::string_view text, std::string_view what) {
  std::string out;
  for (char c : text) {
    if (what.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string written_token(const AliasToken& token, bool internal) {
  if (token.kind == AliasToken::literal) return "[" + with_escapes(token.text, "\\") + "]";
  if (token.kind == AliasToken::quoted && !internal)
    return "\"" + with_escapes(token.text, "\"\\") + "\"";
  return token.text;
}

// Words are parted by a blank from words and from the address behind a name; a comma always has one behind it.
std::string join_tokens(const AliasToken* from, const AliasToken* to, bool internal) {
  std::string text;
  for (auto* token = from; token != to; ++token) {
    bool word = token->kind != AliasToken::special;
    bool after_word = token != from && token[-1].kind != AliasToken::special;
    if (after_word && (word || token->text == "<")) text += ' ';
    text += written_token(*token, internal);
    if (!word && token->text == ",") text += ' ';
  }
  return text;
}

void load_alias_line(MapCommand& command, Writer& writer, std::string_view source, int line,
                     std::string_view text) {
  auto alias = parse_alias(text);
  if (!alias) {
    command.log().warning("{}, line {}: {}", source, line, alias.error().text);
    return;
  }
  command.enter(writer, alias->name, alias->value);
}

// What Sendmail and NIS expect to find in an alias table.
void end_aliases(MapCommand& command, Writer& writer) {
  auto keep = [&](std::string_view key, const std::string& value) {
    if (auto done = writer.replace(key, value); !done) command.fatal(done.error().text);
  };
  keep("@", "@");
  keep("YP_LAST_MODIFIED", format("{:010}", base::wall_now().seconds));
  keep("YP_MASTER_NAME", command.main_cf().get("myhostname"));
}

}  // namespace

Result<Alias> parse_alias(std::string_view line) {
  auto tokens = alias_tokens(line);
  size_t colon = 0;
  while (colon < tokens.size() &&
         !(tokens[colon].kind == AliasToken::special && tokens[colon].text == ":"))
    ++colon;
  if (colon == 0 || colon + 1 >= tokens.size()) return permanent("need name:value pair");
  const auto* start = tokens.data();
  for (size_t at = 0; at < colon; ++at) {
    if (start[at].kind == AliasToken::special && start[at].text == ",")
      return permanent("need name:value pair");
    if (start[at].kind == AliasToken::special && start[at].text == "@")
      return permanent("name must be local");
  }
  return Alias{join_tokens(start, start + colon, true),
               join_tokens(start + colon + 1, start + tokens.size(), false)};
}

const CommandProgram kPostalias = {
    .name = "postalias",
    .flags = "+Nc:d:fFimnopq:rsuvw",
    .usage = "[-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    .separator = ":\t",
    .load_line = load_alias_line,
    .load_end = end_aliases,
};

}  // namespace dovetail::lookup
