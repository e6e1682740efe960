// Base64, quoted-printable and encoded words; see mime.h.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/mime.h"

namespace dovetail::mail {

namespace {

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int hex_digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// RFC 2047 4.2
std::string decode_q_word(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      out += ' ';
    } else if (text[i] == '=' && i + 2 < text.size() && hex_digit_value(text[i + 1]) >= 0 &&
               hex_digit_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit_value(text[i + 1]) * 16 + hex_digit_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

void Base64Decoder::feed(std::string_view bytes, std::string& out) {
  for (char c : bytes) {
    if (c == '=') {
      // Padding ends a group; another body may follow (concatenated base64 exists).
      bits_ = 0;
      count_ = 0;
      continue;
    }
    int value = base64_value(c);
    if (value < 0) continue;
    bits_ = (bits_ << 6) | static_cast<uint32_t>(value);
    if (++count_ == 1) continue;
    int drop = 8 - 2 * count_;  // 4, 2, 0 bits not yet complete
    out += static_cast<char>((bits_ >> drop) & 0xff);
    if (count_ == 4) count_ = 0;
  }
}

void QuotedPrintableDecoder::line_end(bool cr, std::string& out) {
  bool soft = !held_.empty() && held_.front() == '=';
  held_.clear();  // blanks before a line end are padding (RFC 2045 6.7 (3))
  if (!soft) out += cr ? "\r\n" : "\n";
}

void QuotedPrintableDecoder::feed(std::string_view bytes, std::string& out) {
  for (char c : bytes) {
    if (c == '\n') {
      bool cr = !held_.empty() && held_.back() == '\r';
      line_end(cr, out);
      continue;
    }
    if (!held_.empty() && held_.front() == '=') {
      held_ += c;
      if (c == ' ' || c == '\t' || c == '\r') continue;
      if (held_.size() == 2 && hex_digit_value(c) >= 0) continue;
      if (held_.size() == 3 && hex_digit_value(held_[1]) >= 0 && hex_digit_value(c) >= 0) {
        out += static_cast<char>(hex_digit_value(held_[1]) * 16 + hex_digit_value(c));
      } else {
        out += held_;  // not an escape: as it stands
      }
      held_.clear();
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      held_ += c;
      continue;
    }
    out += held_;
    held_.clear();
    if (c == '=')
      held_ = "=";
    else
      out += c;
  }
}

void QuotedPrintableDecoder::finish(std::string& out) {
  if (!held_.empty() && held_.front() == '=' && held_.size() > 1) out += held_;
  held_.clear();
}

std::optional<EncodedWord> parse_encoded_word(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  size_t charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() ||
      text[charset_end + 2] != '?') {
    return std::nullopt;
  }
  size_t begin = charset_end + 3;
  size_t end = text.find("?=", begin);
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view body = text.substr(begin, end - begin);
  if (body.find('?') != std::string_view::npos) return std::nullopt;
  EncodedWord word;
  word.charset =
      std::string(base::cut(text.substr(2, charset_end - 2), '*').first);  // RFC 2231 5: language
  word.length = end + 2;
  char encoding = base::to_upper(text[charset_end + 1]);
  if (word.charset.empty()) return std::nullopt;
  if (encoding == 'Q') {
    word.bytes = decode_q_word(body);
  } else if (encoding == 'B') {
    Base64Decoder decoder;
    decoder.feed(body, word.bytes);
  } else {
    return std::nullopt;
  }
  return word;
}

}  // namespace dovetail::mail
