// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/envelope_view.h"

#include "common/base/text.h"
#include "mda/imap/arg_parser.h"
#include "mda/message/headers.h"

namespace dovetail::mda::imap {

namespace {

std::string envelope_string(const Args& args, size_t at) {
  return at < args.size() && args[at].is_string() ? args[at].text : std::string();
}

std::string addresses_text(const Args& list) {
  std::string out;
  for (const auto& address : list) {
    if (!address.is_list()) continue;
    auto name = envelope_string(address.list, 0), mailbox = envelope_string(address.list, 2),
         host = envelope_string(address.list, 3);
    if (!out.empty()) out += ", ";
    if (!name.empty()) out += decode_header(name) + " ";
    out += host.empty() ? mailbox : format("<{}@{}>", mailbox, host);
  }
  return out;
}

}  // namespace

std::optional<EnvelopeField> envelope_field(std::string_view header_name) {
  static constexpr std::string_view kNames[] = {"Date",        "Subject",   "From", "Sender",
                                                "Reply-To",    "To",        "Cc",   "Bcc",
                                                "In-Reply-To", "Message-ID"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (base::iequals(kNames[i], header_name)) return static_cast<EnvelopeField>(i);
  }
  return std::nullopt;
}

std::optional<std::string> envelope_field_text(const Args& envelope, EnvelopeField field) {
  auto at = static_cast<size_t>(field);
  if (at >= envelope.size() || envelope[at].type == Arg::Type::nil) return std::nullopt;
  if (envelope[at].is_list()) return addresses_text(envelope[at].list);
  return decode_header(envelope[at].text);
}

Args parse_envelope_args(std::string_view text) {
  ArgParser parser({text.size() + 64, 8, false});
  for (;;) {
    auto end = text.find("\r\n");
    auto state = parser.line(text.substr(0, end));
    if (state != ArgParser::State::literal || end == std::string_view::npos) break;
    text.remove_prefix(end + 2);
    auto size = static_cast<size_t>(parser.pending().size);
    if (size > text.size()) break;
    parser.literal(std::string(text.substr(0, size)));
    text.remove_prefix(size);
  }
  return std::move(parser.args());
}

}  // namespace dovetail::mda::imap
