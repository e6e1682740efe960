// SPDX-License-Identifier: Apache-2.0
#include "lookup/postalias/aliases.h"

#include <vector>

#include "common/base/clock.h"
#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

// RFC 822 lexical tokens; comments and quoted strings are kept as written.
struct AliasToken {
  enum Kind { atom, quoted, comment, special } kind;
  std::string text;
};

constexpr std::string_view kAliasSpecials = "()<>@,;:\\\".[]";

size_t end_of_quoted(std::string_view line, size_t at) {
  for (++at; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] == '\\') ++at;
  }
  return std::min(at + 1, line.size());
}

size_t end_of_comment(std::string_view line, size_t at) {
  int depth = 0;
  for (; at < line.size(); ++at) {
    if (line[at] == '\\')
      ++at;
    else if (line[at] == '(')
      ++depth;
    else if (line[at] == ')' && --depth == 0)
      return at + 1;
  }
  return line.size();
}

std::vector<AliasToken> alias_tokens(std::string_view line) {
  std::vector<AliasToken> tokens;
  for (size_t at = 0; at < line.size();) {
    char c = line[at];
    if (base::is_space(c)) {
      ++at;
      continue;
    }
    size_t end = at + 1;
    auto kind = AliasToken::special;
    if (c == '"') {
      kind = AliasToken::quoted;
      end = end_of_quoted(line, at);
    } else if (c == '(') {
      kind = AliasToken::comment;
      end = end_of_comment(line, at);
    } else if (c == '\\' || kAliasSpecials.find(c) == std::string_view::npos) {
      kind = AliasToken::atom;
      end = at;
      while (end < line.size() && !base::is_space(line[end]) &&
             (line[end] == '\\' || kAliasSpecials.find(line[end]) == std::string_view::npos)) {
        end += line[end] == '\\' ? 2 : 1;
      }
      end = std::min(end, line.size());
    }
    tokens.push_back({kind, std::string(line.substr(at, end - at))});
    at = end;
  }
  return tokens;
}

bool is_alias_word(const AliasToken& token) {
  return token.kind != AliasToken::special;
}

// Two words are parted by a blank, and so is what follows a comma; nothing else is.
std::string join_tokens(const AliasToken* from, const AliasToken* to, bool unquote) {
  std::string text;
  for (auto* token = from; token != to; ++token) {
    bool blank = token != from &&
                 ((is_alias_word(token[-1]) && is_alias_word(*token)) || token[-1].text == ",");
    if (blank) text += ' ';
    if (!unquote || token->kind != AliasToken::quoted) {
      text += token->text;
      continue;
    }
    auto inner = std::string_view(token->text).substr(1);
    if (inner.ends_with('"')) inner.remove_suffix(1);
    for (size_t at = 0; at < inner.size(); ++at) {
      if (inner[at] == '\\' && at + 1 < inner.size()) ++at;
      text += inner[at];
    }
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
    if (start[at].kind == AliasToken::special && start[at].text == "@")
      return permanent("name must be local");
  }
  return Alias{join_tokens(start, start + colon, true),
               join_tokens(start + colon + 1, start + tokens.size(), false)};
}

const CommandProgram kPostalias = {
    .name = "postalias",
    .flags = "Nc:d:fFimnopq:rsuUvw",
    .usage = "[-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    .separator = ":\t",
    .load_line = load_alias_line,
    .load_end = end_aliases,
};

}  // namespace dovetail::lookup
