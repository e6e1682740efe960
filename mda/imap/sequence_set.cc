// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/sequence_set.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mda::imap {

namespace {

std::optional<uint32_t> parse_sequence_number(std::string_view text) {
  if (text == "*") return SequenceSet::kStar;
  auto number = base::parse_number<uint32_t>(text);
  if (!number || *number == 0) return std::nullopt;
  return std::min(*number,
                  SequenceSet::kStar - 1);  // the largest number there is must not read as "*"
}

}  // namespace

std::optional<SequenceSet> SequenceSet::parse(std::string_view text) {
  SequenceSet set;
  for (auto part : base::split(text, ',')) {
    auto [low, high] = base::cut(part, ':');
    auto first = parse_sequence_number(low);
    auto last = high ? parse_sequence_number(*high) : first;
    if (!first || !last) return std::nullopt;
    set.ranges_.push_back({*first, *last});
  }
  return set;
}

SequenceSet SequenceSet::of(const std::vector<uint32_t>& numbers) {
  SequenceSet set;
  for (auto number : numbers) set.add(number);
  return set;
}

void SequenceSet::resolve(uint32_t largest) {
  std::vector<Range> sorted;
  for (auto range : ranges_) {
    if (range.first == kStar) range.first = largest;
    if (range.last == kStar) range.last = largest;
    if (range.first > range.last) std::swap(range.first, range.last);
    if (range.first == 0) range.first = 1;  // "*" of an empty mailbox
    if (range.last != 0) sorted.push_back(range);
  }
  std::sort(sorted.begin(), sorted.end(), [](Range a, Range b) { return a.first < b.first; });
  ranges_.clear();
  for (auto range : sorted) {
    if (!ranges_.empty() && range.first <= uint64_t{ranges_.back().last} + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

bool SequenceSet::contains(uint32_t number) const {
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                                [](uint32_t n, const Range& range) { return n < range.first; });
  return after != ranges_.begin() && number <= (after - 1)->last;
}

void SequenceSet::add(uint32_t number) {
  if (!ranges_.empty() && ranges_.back().last + 1 == number) {
    ranges_.back().last = number;
  } else {
    ranges_.push_back({number, number});
  }
}

std::string SequenceSet::text() const {
  std::string out;
  for (auto range : ranges_) {
    if (!out.empty()) out += ',';
    if (range.first == range.last) {
      base::format_to(std::back_inserter(out), "{}", range.first);
    } else {
      base::format_to(std::back_inserter(out), "{}:{}", range.first, range.last);
    }
  }
  return out;
}

}  // namespace dovetail::mda::imap
