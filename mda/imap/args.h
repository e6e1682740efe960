// The arguments of an IMAP command as a tree: atoms, strings, literals, NIL and lists (RFC 3501 9).
// What they mean is the commands' business; here is only the shape.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::mda::imap {

struct Arg {
  enum class Type : uint8_t { atom, nil, quoted, literal, list };

  Type type = Type::atom;
  std::string text{};       // atom as written, string without quotes
  std::vector<Arg> list{};  // of a list

  bool is_atom() const { return type == Type::atom || type == Type::nil; }
  bool is_list() const { return type == Type::list; }
  bool is_string() const { return type == Type::quoted || type == Type::literal; }
  bool is_astring() const { return type == Type::atom || is_string(); }
  // An atom of this name, in any case.
  bool is(std::string_view name) const;
};

using Args = std::vector<Arg>;

// Reads arguments one after the other; a command that wants another shape answers BAD.
class ArgReader {
 public:
  explicit ArgReader(const Args& args) : args_(args) {}

  bool at_end() const { return next_ >= args_.size(); }
  const Arg* peek() const { return at_end() ? nullptr : &args_[next_]; }
  const Arg* next() { return at_end() ? nullptr : &args_[next_++]; }
  void skip() { ++next_; }
  // nullptr, and nothing taken, if the next argument is of another kind.
  const std::string* atom();
  const std::string* astring();
  const Args* list();
  // Takes the next argument if it is the atom `name`.
  bool accept(std::string_view name);
  std::optional<uint64_t> number();

 private:
  const Args& args_;
  size_t next_ = 0;
};

}  // namespace dovetail::mda::imap
