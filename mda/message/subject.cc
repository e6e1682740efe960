// Base subjects (RFC 5256 2.1); see headers.h.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/message/headers.h"

namespace dovetail::mda {

namespace {

// subj-blob = "[" *BLOBCHAR "]" *WSP; gives the length, 0 if there is none.
size_t blob_length(std::string_view text) {
  if (!text.starts_with('[')) return 0;
  size_t end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return 0;
  for (++end; end < text.size() && text[end] == ' ';) ++end;
  return end;
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
size_t refwd_length(std::string_view text) {
  size_t at = 0;
  if (text.starts_with("RE"))
    at = 2;
  else if (text.starts_with("FWD"))
    at = 3;
  else if (text.starts_with("FW"))
    at = 2;
  else
    return 0;
  while (at < text.size() && text[at] == ' ') ++at;
  at += blob_length(text.substr(at));
  return at < text.size() && text[at] == ':' ? at + 1 : 0;
}

// subj-leader = (*subj-blob subj-refwd) / WSP
bool remove_leader(std::string_view& text, bool& is_reply) {
  if (text.starts_with(' ')) {
    text.remove_prefix(1);
    return true;
  }
  std::string_view rest = text;
  while (size_t blob = blob_length(rest)) rest.remove_prefix(blob);
  size_t refwd = refwd_length(rest);
  if (refwd == 0) return false;
  rest.remove_prefix(refwd);
  text = rest;
  is_reply = true;
  return true;
}

bool remove_trailer(std::string_view& text, bool& is_reply) {
  bool removed = false;
  for (;;) {
    if (text.ends_with(' ')) {
      text.remove_suffix(1);
    } else if (text.ends_with("(FWD)")) {
      text.remove_suffix(5);
      is_reply = true;
    } else {
      return removed;
    }
    removed = true;
  }
}

}  // namespace

std::string base_subject(std::string_view raw_value, bool* is_reply) {
  // (1) decoded, tabs and runs of blanks to one space, folded: the words to look for are upper case then.
  std::string decoded = search_fold(decode_header(raw_value));
  std::string squeezed;
  for (char c : decoded) {
    if (c == '\t') c = ' ';
    if (c != ' ' || (!squeezed.empty() && squeezed.back() != ' ')) squeezed += c;
  }
  bool reply = false;
  std::string_view text = squeezed;
  for (;;) {
    remove_trailer(text, reply);  // (2)
    for (bool again = true; again;) {
      while (remove_leader(text, reply)) {
      }                                 // (3)
      size_t blob = blob_length(text);  // (4) unless nothing would be left
      again = blob > 0 && blob < text.size();
      if (again) text.remove_prefix(blob);
    }
    if (!text.starts_with("[FWD:") || !text.ends_with(']')) break;  // (6)
    text.remove_prefix(5);
    text.remove_suffix(1);
    reply = true;
  }
  if (is_reply != nullptr) *is_reply = reply;
  return std::string(text);
}

}  // namespace dovetail::mda
