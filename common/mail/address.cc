// SPDX-License-Identifier: Apache-2.0
#include "common/mail/address.h"

#include "common/base/text.h"

namespace dovetail::mail {

namespace {

// RFC 5321 4.1.2 atext, and bytes above 127 (RFC 6531 3.3).
bool is_atext(char c) {
  return base::is_alnum(c) || (c & 0x80) != 0 ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view local) {
  if (local.empty() || local.front() == '.' || local.back() == '.') return false;
  for (size_t i = 0; i < local.size(); ++i) {
    if (local[i] == '.' ? local[i - 1] == '.' : !is_atext(local[i])) return false;
  }
  return true;
}

bool needs_tokens(std::string_view text) {
  return text.find_first_of("\"\\()<>[], \t\r\n:;") != std::string_view::npos;
}

// One text run up to `close`, backslashes kept; nesting counts for comments only. Returns the
// position behind it.
size_t take_enclosed(std::string_view text, size_t at, char open, char close, std::string& out) {
  int depth = 1;
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      out += c;
      c = text[++at];
    } else if (c == close && --depth == 0) {
      return at + 1;
    } else if (c == open && open != close) {
      ++depth;
    }
    out += c;
  }
  return at;  // no end: the field ends it
}

constexpr std::string_view kSpecials = "()<>[]:;,@\"";

size_t take_atom(std::string_view text, size_t at, std::string& out) {
  while (at < text.size() && !base::is_space(text[at]) &&
         kSpecials.find(text[at]) == std::string_view::npos) {
    if (text[at] == '\\' && at + 1 < text.size()) out += text[at++];
    out += text[at++];
  }
  return at;
}

size_t take_token(std::string_view text, size_t at, Token& token) {
  switch (text[at]) {
    case '(':
      token.kind = Token::comment;
      return take_enclosed(text, at + 1, '(', ')', token.text);
    case '[':
      token.kind = Token::literal;
      return take_enclosed(text, at + 1, '\0', ']', token.text);
    case '"':
      token.kind = Token::quoted;
      return take_enclosed(text, at + 1, '"', '"', token.text);
    default:
      break;
  }
  if (kSpecials.find(text[at]) != std::string_view::npos) {
    token.kind = Token::special;
    token.text = text[at];
    return at + 1;
  }
  token.kind = Token::atom;
  return take_atom(text, at, token.text);
}

std::string without_backslashes(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    // A quoted string may be folded (RFC 5322 2.2.3); an address is one line.
    if (is_one_line(text.substr(i, 1))) out += text[i];
  }
  return out;
}

std::string token_text(const Token& token) {
  switch (token.kind) {
    case Token::quoted:
      return '"' + token.text + '"';
    case Token::literal:
      return '[' + token.text + ']';
    case Token::comment:
      return '(' + token.text + ')';
    default:
      return token.text;
  }
}

bool is_special(const Token& token, char c) {
  return token.kind == Token::special && token.text[0] == c;
}

// The position of the '>' that ends a path which begins at text[0] == '<'; quotes and backslashes
// hide it.
std::optional<size_t> path_end(std::string_view text) {
  bool quoted = false;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == '>' && !quoted)
      return i;
  }
  return std::nullopt;
}

// RFC 5321 4.1.1.3: a source route is taken off and ignored.
std::string_view without_route(std::string_view path) {
  if (path.empty() || path[0] != '@') return path;
  size_t colon = path.find(':');
  size_t quote = path.find('"');
  if (colon == std::string_view::npos || quote < colon) return path;
  return path.substr(colon + 1);
}

size_t bare_end(std::string_view text) {
  bool quoted = false;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && base::is_space(text[i]))
      break;
  }
  return std::min(i, text.size());
}

// What remains of an address must be one: no stray brackets, commas or blanks outside quotes.
bool is_one_address(std::string_view text) {
  for (const Token& token : tokenize(text, 1000)) {
    if (token.kind == Token::special && token.text[0] != '@' && token.text[0] != ':') return false;
    if (token.kind == Token::atom && token.space) return false;
  }
  return true;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  return out;
}

std::string quote_local_part(std::string_view local) {
  if (is_dot_string(local)) return std::string(local);
  std::string out = "\"";
  for (char c : local) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return one_line(out + '"');
}

std::string quote_address(std::string_view internal) {
  if (internal.empty()) return {};
  if (!is_one_line(internal)) return quote_address(one_line(internal));
  auto [local, domain] = split_address(internal);
  if (!domain) return quote_local_part(local);
  if (local.empty()) return std::string(internal);  // "@domain"
  return quote_local_part(local) + '@' + std::string(*domain);
}

std::string unquote_address(std::string_view external) {
  if (!needs_tokens(external)) return std::string(external);
  auto tokens = tokenize(external, SIZE_MAX);
  return internal_form(tokens, 0, tokens.size());
}

std::pair<std::string_view, std::optional<std::string_view>> split_address(
    std::string_view internal) {
  return base::cut_last(internal, '@');
}

std::string fold_domain(std::string_view internal) {
  auto [local, domain] = split_address(internal);
  if (!domain) return std::string(internal);
  return std::string(local) + '@' + base::lower(*domain);
}

Result<Path> parse_path(std::string_view text, bool strict) {
  size_t start = 0;
  while (!strict && start < text.size() && base::is_space(text[start])) ++start;
  std::string_view rest = text.substr(start);
  if (rest.empty()) return permanent("no address");
  Path path;
  std::string_view inner;
  if (rest[0] == '<') {
    auto end = path_end(rest);
    if (!end) return permanent("unterminated address");
    path.bracketed = true;
    path.length = start + *end + 1;
    inner = rest.substr(1, *end - 1);
    if (!strict) inner = base::trim(inner);
  } else {
    if (strict) return permanent("address without <>");
    path.length = start + bare_end(rest);
    inner = rest.substr(0, path.length - start);
  }
  path.external = inner;
  inner = without_route(inner);
  if (strict && inner.find_first_of(" \t(") != std::string_view::npos &&
      inner.find('"') == std::string_view::npos)
    return permanent("white space or comment in address");
  if (!is_one_address(inner)) return permanent("malformed address");
  path.address = unquote_address(inner);
  return path;
}

std::vector<Token> tokenize(std::string_view text, size_t token_limit) {
  std::vector<Token> tokens;
  bool space = false;
  for (size_t at = 0; at < text.size() && tokens.size() < token_limit;) {
    if (base::is_space(text[at]) || text[at] == '\0') {
      space = true;
      ++at;
      continue;
    }
    Token token;
    token.space = std::exchange(space, false);
    // A ')' or ']' without its beginning is a token of its own, so this always goes on.
    at = take_token(text, at, token);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::string join_tokens(const std::vector<Token>& tokens) {
  std::string out;
  for (const Token& token : tokens) {
    if (token.space && !out.empty()) out += ' ';
    out += token_text(token);
  }
  return out;
}

std::string internal_form(const std::vector<Token>& tokens, size_t first, size_t last) {
  std::string out;
  bool word = false;  // the last thing was a word, so that a word behind a blank needs one
  for (size_t i = first; i < last; ++i) {
    const Token& token = tokens[i];
    if (token.kind == Token::comment) continue;
    bool is_word = token.kind == Token::atom || token.kind == Token::quoted;
    bool dot = token.kind == Token::atom && token.text[0] == '.';
    if (is_word && word && token.space && !dot && out.back() != '.') out += ' ';
    if (token.kind == Token::literal)
      out += '[' + one_line(token.text) + ']';
    else if (token.kind == Token::special)
      out += token.text;
    else
      out += without_backslashes(token.text);
    word = is_word && !out.empty();
  }
  return out;
}

AddressList AddressList::parse(std::string_view field_body, size_t token_limit) {
  AddressList list;
  list.tokens_ = tokenize(field_body, token_limit);
  const auto& tokens = list.tokens_;
  size_t first = 0;
  bool bracketed = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (is_special(token, '<')) bracketed = true;
    if (is_special(token, '>')) bracketed = false;
    if (bracketed || token.kind != Token::special) continue;
    if (token.text[0] == ':') first = i + 1;  // "group:"; what stood before is its name
    if (token.text[0] == ',' || token.text[0] == ';') {
      list.parse_member(first, i);
      first = i + 1;
    }
  }
  list.parse_member(first, tokens.size());
  return list;
}

void AddressList::parse_member(size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) {
    if (!is_special(tokens_[i], '<')) continue;
    size_t end = i + 1;
    while (end < last && !is_special(tokens_[end], '>')) ++end;
    add_address(i + 1, end, true);
    return;
  }
  // No brackets: everything but the comments around it is the address.
  while (first < last && tokens_[first].kind == Token::comment) ++first;
  while (last > first && tokens_[last - 1].kind == Token::comment) --last;
  add_address(first, last, false);
}

void AddressList::add_address(size_t first, size_t last, bool bracketed) {
  if (first >= last) return;  // <> and empty members stay as they are
  Address address;
  address.internal = internal_form(tokens_, first, last);
  address.first = first;
  address.last = last;
  address.bracketed = bracketed;
  if (!address.internal.empty()) addresses_.push_back(std::move(address));
}

void AddressList::replace(size_t index, std::string internal) {
  replace(index, std::vector<std::string>{std::move(internal)});
}

void AddressList::replace(size_t index, const std::vector<std::string>& internal) {
  Address& address = addresses_[index];
  if (internal.empty() || (internal.size() == 1 && internal[0] == address.internal)) return;
  address.replacement = internal;
  address.internal = internal[0];
  changed_ = true;
}

std::string AddressList::text() const {
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const Token& token = tokens_[i];
    bool comma_before = i > 0 && is_special(tokens_[i - 1], ',');
    if ((token.space || comma_before) && !out.empty() && !is_special(token, ',')) out += ' ';
    if (next < addresses_.size() && addresses_[next].first == i &&
        !addresses_[next].replacement.empty()) {
      const Address& address = addresses_[next];
      const char* between = address.bracketed ? ">, <" : ", ";
      for (size_t k = 0; k < address.replacement.size(); ++k) {
        if (k) out += between;
        out += quote_address(address.replacement[k]);
      }
      i = address.last - 1;
    } else {
      out += token_text(token);
    }
    if (next < addresses_.size() && addresses_[next].last <= i + 1) ++next;
  }
  return out;
}

}  // namespace dovetail::mail
