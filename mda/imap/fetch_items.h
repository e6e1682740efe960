// What FETCH asks for: macros, items, body sections with partial ranges (RFC 3501 6.4.5, MODSEQ RFC 7162, SAVEDATE
// RFC 8514). Getting and writing the data is cmd_fetch's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "mda/imap/args.h"
#include "mda/message/section.h"

namespace dovetail::mda::imap {

struct FetchItem {
  // In this order they are answered: first what the row and the index know, then what is read from the message.
  enum class Kind : uint8_t {
    flags,
    uid,
    modseq,
    internal_date,
    size,
    save_date,
    guid,
    mailbox,
    real_uid,
    envelope,
    body,
    body_structure,
    preview,
    section,
  };

  Kind kind = Kind::flags;
  bool peek = true;     // false: sets \Seen
  std::string label{};  // of a section, as answered: "BODY[HEADER]", "RFC822.TEXT", "BODY[]<0>"
  Section section{};
  bool partial = false;
  uint64_t offset = 0;  // of a partial fetch
  uint64_t count = 0;

  bool from_row() const { return kind < Kind::envelope; }
};

struct FetchItems {
  std::vector<FetchItem> items;
  bool has(FetchItem::Kind kind) const;
  // Adds an item unless it is there already; row items stay before the others.
  void add(FetchItem item);
  void add_first(FetchItem::Kind kind);
  bool sets_seen() const;
};

// One item, a macro, or a list of items. Errors are BAD texts.
Result<FetchItems> parse_fetch_items(ArgReader& args);

}  // namespace dovetail::mda::imap
