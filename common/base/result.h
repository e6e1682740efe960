// The outcome of everything that can fail: a value, or an Error that says what kind of failure and
// why. "Not found" is a value (std::optional inside the Result), never an Error; see "Errors" in
// CONTRIBUTING.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dovetail::base {

// temporary: worth trying again (a database is down); permanent: never will work (bad syntax in a
// message); config: the administrator has to change a file.
enum class Fault { temporary, permanent, config };

struct [[nodiscard]] Error {
  Fault fault = Fault::temporary;
  std::string text;

  // Says what was being done when the error came up: wrap("open /etc/aliases.db") gives
  // "open /etc/aliases.db: Permission denied". Once per layer.
  Error wrap(std::string_view doing) const { return {fault, std::string(doing) + ": " + text}; }
};

inline Error temporary(std::string text) {
  return {Fault::temporary, std::move(text)};
}
inline Error permanent(std::string text) {
  return {Fault::permanent, std::move(text)};
}
inline Error config_error(std::string text) {
  return {Fault::config, std::move(text)};
}

// An Error of fault temporary with the text of errno, as in "open FILE: No such file or directory".
Error errno_error(std::string_view doing, int err);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }
  T value_or(T other) && { return *this ? std::get<0>(std::move(state_)) : std::move(other); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace dovetail::base

namespace dovetail {
using base::config_error;
using base::errno_error;
using base::Error;
using base::Fault;
using base::permanent;
using base::Result;
using base::temporary;
}  // namespace dovetail
