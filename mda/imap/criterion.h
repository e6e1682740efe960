// What SEARCH, SORT and THREAD look for, as a tree (RFC 3501 6.4.4; WITHIN RFC 5032, MODSEQ RFC 7162 3.1.5,
// SAVEDATE RFC 8514). Here it is parsed; mda/imap/match.h finds the messages.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "mda/imap/args.h"
#include "mda/imap/sequence_set.h"

namespace dovetail::mda::imap {

struct Criterion {
  enum class Kind : uint8_t {
    all,
    sequence,
    uid,
    saved_result,
    flag,
    recent,
    keyword,
    modseq,  // known from the row
    larger,
    smaller,
    before,
    on,
    since,
    older,
    younger,  // from size and date
    saved_before,
    saved_on,
    saved_since,
    guid,
    header,
    sent_before,
    sent_on,
    sent_since,  // from the header
    body,
    text,  // from the whole message
    both,
    either,  // of the children: all of them, any of them
  };

  Kind kind = Kind::all;
  bool negated = false;
  uint8_t flag = 0;     // MailFlag
  uint64_t number = 0;  // octets, seconds, modseq, or days since 1970
  std::string name{};   // header or keyword
  std::string value{};  // text to find, in the command's charset
  SequenceSet set{};
  std::vector<Criterion> children{};

  // Whether a MODSEQ criterion is somewhere in it.
  bool asks_modseq() const;
};

// The criteria up to the end of the arguments, all of which must hold; errors are BAD texts.
// `$` needs a saved result (RFC 5182).
Result<Criterion> parse_criteria(ArgReader& args);

}  // namespace dovetail::mda::imap
