// See sort_keys.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/sort_keys.h"

#include "common/base/text.h"
#include "mda/message/envelope.h"
#include "mda/message/headers.h"

namespace dovetail::mda {

namespace {

// Of the first address; RFC 5957: the display name, else mailbox@host.
void take_address(std::string_view header, std::string& mailbox, std::string* display) {
  std::vector<Address> list = parse_addresses(header);
  if (list.empty()) return;
  const Address& first = list.front();
  std::string name = first.name.value_or(""), local = first.mailbox.value_or("");
  mailbox = search_fold(local);
  if (display == nullptr) return;
  if (!name.empty())
    *display = search_fold(decode_header(name));
  else
    *display =
        first.domain && !first.domain->empty() ? search_fold(local + "@" + *first.domain) : mailbox;
}

// The packed form is cut at NULs.
void put_packed(std::string& out, std::string_view text) {
  for (char c : text) out += c == '\0' ? ' ' : c;
  out += '\0';
}

}  // namespace

SortKeys make_sort_keys(const EnvelopeFields& fields) {
  SortKeys keys;
  if (auto date = parse_message_date(fields.date)) keys.sent = date->seconds;
  keys.base_subject = base_subject(fields.subject, &keys.is_reply);
  take_address(fields.from, keys.from, &keys.display_from);
  take_address(fields.to, keys.to, &keys.display_to);
  take_address(fields.cc, keys.cc, nullptr);
  auto ids = message_ids(fields.message_id);
  if (!ids.empty()) keys.message_id = ids.front();
  keys.references = message_ids(fields.references);
  if (!keys.references.empty()) return keys;
  // RFC 5256 3, step 1: In-Reply-To serves only without References.
  keys.references = message_ids(fields.in_reply_to);
  if (keys.references.size() > 1) keys.references.resize(1);
  return keys;
}

std::string pack_sort_keys(const SortKeys& keys) {
  std::string out;
  put_packed(out, keys.sent ? std::to_string(*keys.sent) : "");
  put_packed(out, keys.is_reply ? "r" : "");
  for (const std::string* text : {&keys.base_subject, &keys.from, &keys.to, &keys.cc,
                                  &keys.display_from, &keys.display_to, &keys.message_id})
    put_packed(out, *text);
  for (const std::string& id : keys.references) put_packed(out, id);
  return out;
}

std::optional<SortKeys> unpack_sort_keys(std::string_view packed) {
  SortKeys keys;
  bool complete = true;
  auto next = [&]() -> std::string_view {
    size_t end = packed.find('\0');
    if (end == std::string_view::npos) {
      complete = false;
      return {};
    }
    std::string_view text = packed.substr(0, end);
    packed.remove_prefix(end + 1);
    return text;
  };
  keys.sent = base::parse_number<int64_t>(next());
  keys.is_reply = next() == "r";
  for (std::string* text : {&keys.base_subject, &keys.from, &keys.to, &keys.cc, &keys.display_from,
                            &keys.display_to, &keys.message_id})
    *text = std::string(next());
  while (complete && !packed.empty()) keys.references.emplace_back(next());
  if (!complete) return std::nullopt;
  return keys;
}

}  // namespace dovetail::mda
