// What SORT and THREAD compare (RFC 5256, 5957), made once from a message's header and kept in the index ready to be
// compared: folded texts, base subject, the Date header as seconds, message ids.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mda/message/structure.h"

namespace dovetail::mda {

struct SortKeys {
  std::optional<int64_t> sent;  // none: Date is missing or makes no sense
  std::string base_subject;
  bool is_reply = false;  // by its subject
  std::string from, to, cc, display_from, display_to;
  std::string message_id;
  std::vector<std::string> references;  // of References, else the first of In-Reply-To
};

SortKeys make_sort_keys(const EnvelopeFields& fields);

// As one string for the index; nullopt: not one of ours.
std::string pack_sort_keys(const SortKeys& keys);
std::optional<SortKeys> unpack_sort_keys(std::string_view packed);

}  // namespace dovetail::mda
