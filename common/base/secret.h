// A password, key or token: wiped when it goes, impossible to format into a log line, compared in
// constant time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace dovetail::base {

// Overwrites the bytes in a way the compiler may not leave out.
void wipe(std::string& text);

// True if both are equal; takes the same time wherever they differ (their lengths are not hidden).
bool equal_constant_time(std::string_view a, std::string_view b);

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  explicit Secret(std::string_view text) : text_(text) {}
  explicit Secret(const char* text) : text_(text) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~Secret() { wipe(text_); }

  // The bytes themselves, for the one call that needs them.
  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret& a, const Secret& b) {
    return equal_constant_time(a.text_, b.text_);
  }

 private:
  std::string text_;
};

}  // namespace dovetail::base

namespace dovetail {
using base::Secret;
}
