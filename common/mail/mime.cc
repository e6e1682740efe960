// Content-Type, Content-Disposition and their parameters; see mime.h. Decoders stand in mime_decode.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/mail/mime.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mail {

namespace {

bool is_mime_token_char(char c) {
  if (c <= ' ' || c == 127) return static_cast<unsigned char>(c) >= 128;
  return std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

bool is_atom_char(char c) {
  if (c <= ' ' || c == 127) return static_cast<unsigned char>(c) >= 128;
  return std::string_view("()<>@,;:\\\".[]").find(c) == std::string_view::npos;
}

// One piece of a parameter that came as name*N or name*N*.
struct Continuation {
  std::string name;
  unsigned number = 0;
  bool extended = false;
  std::string value;
};

std::optional<Continuation> parse_continuation(const std::string& name, const std::string& value) {
  auto [base, rest] = base::cut(name, '*');
  if (!rest) return std::nullopt;
  Continuation piece{std::string(base), 0, false, value};
  std::string_view number = *rest;
  if (!number.empty() && number.back() == '*') {
    piece.extended = true;
    number.remove_suffix(1);
  }
  auto parsed = base::parse_number<unsigned>(number);
  if (!parsed) return std::nullopt;
  piece.number = *parsed;
  return piece;
}

void append_percent_encoded(std::string& out, std::string_view text) {
  for (char c : text) {
    if (base::is_alnum(c) || std::string_view("!#$&+-.^_`{}|~").find(c) != std::string_view::npos)
      out += c;
    else
      out += base::format("%{:02X}", static_cast<unsigned char>(c));
  }
}

// RFC 2231 3: pieces 0, 1, 2 ... of one name become one value; a gap ends it.
void join_continuations(std::vector<Continuation>& pieces, Parameters& parameters) {
  std::stable_sort(pieces.begin(), pieces.end(), [](const Continuation& a, const Continuation& b) {
    int order = base::lower(a.name).compare(base::lower(b.name));
    return order != 0 ? order < 0 : a.number < b.number;
  });
  for (size_t i = 0; i < pieces.size();) {
    size_t end = i;
    bool extended = false;
    while (end < pieces.size() && base::iequals(pieces[end].name, pieces[i].name) &&
           pieces[end].number == end - i) {
      extended |= pieces[end++].extended;
    }
    if (end == i) {  // no piece 0: kept as it was written
      parameters.emplace_back(
          format("{}*{}{}", pieces[i].name, pieces[i].number, pieces[i].extended ? "*" : ""),
          pieces[i].value);
      ++i;
      continue;
    }
    std::string value;
    if (extended && !pieces[i].extended) value = "''";
    for (size_t k = i; k < end; ++k) {
      if (extended && !pieces[k].extended)
        append_percent_encoded(value, pieces[k].value);
      else
        value += pieces[k].value;
    }
    parameters.emplace_back(pieces[i].name + (extended ? "*" : ""), std::move(value));
    i = end;
  }
}

Parameters parse_parameters(HeaderWords& words) {
  Parameters parameters;
  std::vector<Continuation> pieces;
  for (;;) {
    words.skip_blanks();
    if (!words.eat(';')) {
      // Garbage between parameters is skipped to the next semicolon.
      words.until(";");
      if (words.done()) break;
      continue;
    }
    words.skip_blanks();
    std::string name = words.token();
    words.skip_blanks();
    if (!words.eat('=')) continue;
    words.skip_blanks();
    std::string value;
    if (auto quoted = words.quoted_string()) {
      value = std::move(*quoted);
    } else {
      value = words.token();
    }
    if (auto piece = parse_continuation(name, value))
      pieces.push_back(std::move(*piece));
    else
      parameters.emplace_back(std::move(name), std::move(value));
  }
  join_continuations(pieces, parameters);
  return parameters;
}

}  // namespace

bool HeaderWords::eat(char c) {
  if (peek() != c || done()) return false;
  ++at_;
  return true;
}

void HeaderWords::skip_blanks() {
  while (!done()) {
    if (base::is_space(text_[at_]))
      ++at_;
    else if (text_[at_] == '(')
      skip_comment();
    else
      return;
  }
}

void HeaderWords::skip_comment() {
  std::string text;
  int depth = 0;
  while (!done()) {
    char c = text_[at_++];
    if (c == '(' && depth++ == 0) continue;
    if (c == ')' && --depth == 0) break;
    if (c == '\\' && !done()) c = text_[at_++];
    text += c;
  }
  comment_ = std::move(text);
}

std::string HeaderWords::token() {
  size_t begin = at_;
  while (!done() && is_mime_token_char(text_[at_])) ++at_;
  return std::string(text_.substr(begin, at_ - begin));
}

std::string HeaderWords::atom() {
  size_t begin = at_;
  while (!done() && is_atom_char(text_[at_])) ++at_;
  return std::string(text_.substr(begin, at_ - begin));
}

std::optional<std::string> HeaderWords::quoted_string() {
  if (peek() != '"') return std::nullopt;
  std::string text;
  for (size_t at = at_ + 1; at < text_.size(); ++at) {
    if (text_[at] == '"') {
      at_ = at + 1;
      return text;
    }
    if (text_[at] == '\\' && at + 1 < text_.size()) ++at;
    text += text_[at];
  }
  return std::nullopt;
}

std::string HeaderWords::until(std::string_view stops) {
  size_t end = text_.find_first_of(stops, at_);
  if (end == std::string_view::npos) end = text_.size();
  std::string text(text_.substr(at_, end - at_));
  at_ = end;
  return text;
}

ContentType parse_content_type(std::string_view unfolded) {
  ContentType content;
  HeaderWords words(unfolded);
  words.skip_blanks();
  content.type = words.token();
  words.skip_blanks();
  if (words.eat('/')) {
    words.skip_blanks();
    content.subtype = words.token();
  } else if (words.done() && !content.type.empty()) {
    return content;  // "Content-Type: text" is told as it is
  }
  words.skip_blanks();
  if (content.subtype.empty() || (!words.done() && words.peek() != ';')) return {};
  content.parameters = parse_parameters(words);
  return content;
}

ContentDisposition parse_content_disposition(std::string_view unfolded) {
  ContentDisposition disposition;
  HeaderWords words(unfolded);
  words.skip_blanks();
  disposition.value = words.token();
  disposition.parameters = parse_parameters(words);
  return disposition;
}

std::optional<std::string> find_parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (base::iequals(key, name)) return value;
  }
  return std::nullopt;
}

TransferEncoding parse_transfer_encoding(std::string_view unfolded) {
  HeaderWords words(unfolded);
  words.skip_blanks();
  std::string name = words.token();
  if (name.empty() || base::iequals(name, "7bit") || base::iequals(name, "8bit") ||
      base::iequals(name, "binary")) {
    return TransferEncoding::identity;
  }
  if (base::iequals(name, "base64")) return TransferEncoding::base64;
  if (base::iequals(name, "quoted-printable")) return TransferEncoding::quoted_printable;
  return TransferEncoding::unknown;
}

}  // namespace dovetail::mail
