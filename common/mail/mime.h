// Low pieces of MIME without I/O: Content-Type and Content-Disposition values (RFC 2045, 2183, 2231), transfer
// decoders that take bytes in any pieces, and the raw parts of encoded words (RFC 2047). Charsets are left to others.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dovetail::mail {

// Reads RFC 822 words out of an unfolded header value; blanks and (nested) comments are skipped on the way.
class HeaderWords {
 public:
  explicit HeaderWords(std::string_view text) : text_(text) {}
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool eat(char c);
  void skip_blanks();                          // and comments
  std::string token();                         // MIME token; empty if there is none
  std::string atom();                          // RFC 5322 atom, no dots
  std::optional<std::string> quoted_string();  // nullopt: none here, or its end is missing
  std::string until(std::string_view stops);   // raw bytes up to one of these
  // Text of the last comment skipped, unescaped; "alice@host (Alice)" names its sender in it.
  const std::optional<std::string>& last_comment() const { return comment_; }
  void forget_comment() { comment_.reset(); }
  size_t position() const { return at_; }
  void seek(size_t position) { at_ = position; }

 private:
  void skip_comment();
  std::string_view text_;
  size_t at_ = 0;
  std::optional<std::string> comment_;
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct ContentType {
  std::string type, subtype;  // as written
  Parameters
      parameters;  // RFC 2231 continuations joined; extended values stay encoded under "name*"
};
ContentType parse_content_type(std::string_view unfolded);

struct ContentDisposition {
  std::string value;
  Parameters parameters;
};
ContentDisposition parse_content_disposition(std::string_view unfolded);
std::optional<std::string> find_parameter(const Parameters& parameters, std::string_view name);

enum class TransferEncoding { identity, base64, quoted_printable, unknown };
TransferEncoding parse_transfer_encoding(std::string_view unfolded);

// Lenient: what is not base64 is skipped.
class Base64Decoder {
 public:
  void feed(std::string_view bytes, std::string& out);

 private:
  uint32_t bits_ = 0;
  int count_ = 0;
};

class QuotedPrintableDecoder {
 public:
  void feed(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  void line_end(bool cr, std::string& out);
  std::string held_;  // blanks, or an unfinished "=X"
};

// One encoded word at the start of the text: "=?charset*lang?Q?...?=".
struct EncodedWord {
  std::string charset;
  std::string bytes;  // decoded, in that charset
  size_t length = 0;  // of the word in the text
};
std::optional<EncodedWord> parse_encoded_word(std::string_view text);

}  // namespace dovetail::mail
