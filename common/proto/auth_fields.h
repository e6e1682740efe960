// Fields of Dovecot's auth protocols: "name=value" and bare flags between TABs, escaped with \001
// (0 NUL, 1 \001, t TAB, r CR, n LF). Empty fields occur for real and are kept apart from flags:
// the reader skips them, get() never sees them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <initializer_list>
#include <vector>

namespace dovetail::proto {

std::string tab_escape(std::string_view text);
std::string tab_unescape(std::string_view text);
// The words from first on with their TABs between them, as they came.
std::string raw_words(const std::vector<std::string_view>& words, size_t first);

struct AuthField {
  std::string name;
  std::string value;
  bool flag = false;  // "nologin" without "="

  friend bool operator==(const AuthField&, const AuthField&) = default;
};

// In the order of the line; a name that comes twice is there twice, get() gives the last.
class AuthFields {
 public:
  AuthFields() = default;
  AuthFields(std::initializer_list<AuthField> fields) : fields_(fields) {}
  // The words behind the fixed ones of a line.
  static AuthFields parse(const std::vector<std::string_view>& words, size_t first);

  void add(std::string name, std::string value) {
    fields_.push_back({std::move(name), std::move(value), false});
  }
  void add_flag(std::string name) { fields_.push_back({std::move(name), {}, true}); }
  // Replaces the value where the name stands already, else adds.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  bool has(std::string_view name) const;
  // The value; "" for a flag, nullopt if there is no such field.
  std::optional<std::string> get(std::string_view name) const;
  bool empty() const { return fields_.empty(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }
  // "\tname=value\tflag", each with its TAB before it.
  std::string text() const;

 private:
  std::vector<AuthField> fields_;
};

}  // namespace dovetail::proto
