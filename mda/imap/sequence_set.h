// Sets of message numbers or UIDs: parsing, normal form, and the short text form (RFC 3501 9 sequence-set).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::mda::imap {

struct Range {
  uint32_t first = 0;
  uint32_t last = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

class SequenceSet {
 public:
  static constexpr uint32_t kStar = UINT32_MAX;  // "*" until resolve() says which number that is

  // nullopt: not a sequence set. Zero is not a number here.
  static std::optional<SequenceSet> parse(std::string_view text);
  static SequenceSet all() { return SequenceSet({{1, kStar}}); }
  // Of ascending numbers.
  static SequenceSet of(const std::vector<uint32_t>& numbers);

  SequenceSet() = default;
  explicit SequenceSet(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}

  // Puts `largest` for "*", turns 9:3 around, sorts and merges. An empty mailbox has largest 0: then "*" is nothing.
  void resolve(uint32_t largest);
  bool contains(uint32_t number) const;  // after resolve()
  bool empty() const { return ranges_.empty(); }
  uint32_t largest() const { return ranges_.empty() ? 0 : ranges_.back().last; }
  const std::vector<Range>& ranges() const { return ranges_; }
  void add(uint32_t number);  // numbers come in ascending order
  // "1:3,5"; empty for an empty set.
  std::string text() const;

 private:
  std::vector<Range> ranges_;
};

}  // namespace dovetail::mda::imap
