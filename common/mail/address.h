// Mail addresses as text: quoting, splitting, SMTP paths (RFC 5321 4.1.2), and the address lists of
// header fields (RFC 5322 3.4) in a form that can be changed and written back.
//
// Two forms exist everywhere in the MTA. The external form is what stands in messages and SMTP: the
// local part is quoted where it must be. The internal form has no quoting, is what tables and the
// queue hold, and is split at its last '@'. Rewriting to canonical form and routing belong to
// mta/resolve.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace dovetail::mail {

// No CR, LF or NUL: nothing that ends up in an SMTP command, a header or a log line may hold one.
inline bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}
// With blanks in their place.
std::string one_line(std::string_view text);

// "a b@c" -> "\"a b\"@c"; unchanged where no quoting is needed. A domain that is no domain is left
// alone. The result is always one line: what stands in it cannot become a second SMTP command.
std::string quote_address(std::string_view internal);
std::string quote_local_part(std::string_view local);
// The reverse: removes quotes and backslashes of the local part, comments and white space around
// tokens.
std::string unquote_address(std::string_view external);

// The internal form at its last '@': "a@b@c" is {"a@b", "c"}; no '@': {text, nullopt}.
std::pair<std::string_view, std::optional<std::string_view>> split_address(
    std::string_view internal);
// The domain in lower case and the rest as it was: what comparisons within the MTA use.
std::string fold_domain(std::string_view internal);

// An SMTP path after "MAIL FROM:" or "RCPT TO:".
struct Path {
  std::string address;     // internal form, source route removed; empty for <>
  std::string external;    // as the client wrote it, without brackets
  bool bracketed = false;  // stood in <>
  size_t length = 0;       // how much of the input was used
};
// strict: RFC 5321 form only (brackets, no comment, no white space inside). Otherwise what the
// incumbent takes without strict_rfc821_envelopes: a bare address, white space around, "Name
// <address>".
Result<Path> parse_path(std::string_view text, bool strict);

// One piece of a structured header field.
struct Token {
  enum Kind { atom, quoted, literal, comment, special };
  Kind kind = atom;
  std::string text;    // quoted, literal, comment: without their delimiters, still with backslashes
  bool space = false;  // white space stood before it
};
// Splits a field body; a limit on the count of tokens guards against hostile fields
// (header_address_token_limit).
std::vector<Token> tokenize(std::string_view text, size_t token_limit);
// The tokens of one address as internal form.
std::string internal_form(const std::vector<Token>& tokens, size_t first, size_t last);
std::string join_tokens(const std::vector<Token>& tokens);

// The addresses of a From:, To:, Cc: ... field. Display names, comments and groups stay as they
// are.
class AddressList {
 public:
  static AddressList parse(std::string_view field_body, size_t token_limit = 10240);

  size_t size() const { return addresses_.size(); }
  // Internal form.
  const std::string& address(size_t index) const { return addresses_[index].internal; }
  void replace(size_t index, std::string internal);
  // Replaces one address by several (canonical maps with a list).
  void replace(size_t index, const std::vector<std::string>& internal);
  bool changed() const { return changed_; }
  // The whole field body in canonical spacing, ", " between members; folding is the caller's
  // (fold_header).
  std::string text() const;

 private:
  struct Address {
    std::string internal;
    size_t first = 0, last = 0;            // its tokens: [first, last)
    std::vector<std::string> replacement;  // what stands there now, internal form; empty: unchanged
    bool bracketed = false;
  };
  void parse_member(size_t first, size_t last);
  void add_address(size_t first, size_t last, bool bracketed);

  std::vector<Token> tokens_;
  std::vector<Address> addresses_;
  bool changed_ = false;
};

}  // namespace dovetail::mail
