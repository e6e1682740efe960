// SEARCH in texts: is a string in a header value, in the whole header, or in the decoded text parts
// of a message? Keys are folded once (search_fold); reading blocks: run it in a pool.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "mda/message/structure.h"

namespace dovetail::mda {

// A substring to look for, prepared once per command.
class SearchKey {
 public:
  explicit SearchKey(std::string_view utf8);
  bool empty() const { return folded_.empty(); }
  bool in(std::string_view folded_text) const;
  const std::string& folded() const { return folded_; }

 private:
  std::string folded_;
};

// SEARCH HEADER NAME key, SUBJECT, FROM ...: any field of that name contains it; an empty key asks
// for the field alone.
bool header_matches(std::string_view header_block, std::string_view name, const SearchKey& key);

enum class SearchIn { body, text };  // SEARCH BODY; SEARCH TEXT looks at headers too

// Which of the keys occur; text parts are decoded to UTF-8 (charset unknown: as it stands),
// attachments of other types are not looked at, as in the incumbent. Embedded messages' headers and
// bodies are.
Result<std::vector<bool>> search_message(int fd, const Structure& structure, SearchIn where,
                                         const std::vector<SearchKey>& keys);

// PREVIEW (RFC 8970): up to 200 characters of the first text part, blanks squeezed, HTML tags
// removed.
Result<std::string> preview_text(int fd, const Structure& structure);

// Is this charset name known for SEARCH CHARSET?
bool known_charset(std::string_view name);
// To UTF-8; bytes that do not fit, and all 8-bit bytes of an unknown charset, become U+FFFD.
std::string to_utf8(std::string_view text, std::string_view charset);

}  // namespace dovetail::mda
