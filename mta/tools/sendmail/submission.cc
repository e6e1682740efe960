// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/sendmail/submission.h"

#include "common/base/text.h"
#include "common/mail/address.h"

namespace dovetail::mta {

namespace {

// clang-format off
constexpr std::string_view kRecipientHeaders[] = {"to", "cc", "bcc", "apparently-to"};
constexpr std::string_view kResentHeaders[] = {"resent-to", "resent-cc", "resent-bcc"};
// clang-format on

template <size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  for (std::string_view one : names) {
    if (base::iequals(name, one)) return true;
  }
  return false;
}

// RFC 5322 2.2: printable characters but no colon and no blank, then, after blanks the world allows, a colon.
size_t header_name_length(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && text[end] > ' ' && text[end] < 127 && text[end] != ':') ++end;
  size_t colon = end;
  while (colon < text.size() && base::kBlank.find(text[colon]) != std::string_view::npos) ++colon;
  return end > 0 && colon < text.size() && text[colon] == ':' ? end : 0;
}

void add_attribute(std::string& out, std::string_view name, std::string_view value) {
  append_record(out, kRecAttr, format("{}={}", name, value));
}

}  // namespace

std::vector<std::string> addresses_in(std::string_view text) {
  auto list = mail::AddressList::parse(text);
  std::vector<std::string> out;
  for (size_t i = 0; i < list.size(); ++i) {
    if (!list.address(i).empty()) out.push_back(list.address(i));
  }
  return out;
}

std::string sender_address(std::string_view text) {
  auto found = addresses_in(text);
  return found.empty() ? std::string() : found.front();
}

bool HeaderRecipients::line(std::string_view text) {
  bool continued =
      !header_.empty() && !text.empty() && base::kBlank.find(text[0]) != std::string_view::npos;
  if (continued) {
    (header_ += '\n') += text;
    return true;
  }
  finish_header();
  if (header_name_length(text) == 0) return false;
  header_ = text;
  return true;
}

void HeaderRecipients::end() {
  finish_header();
}

void HeaderRecipients::finish_header() {
  if (header_.empty()) return;
  std::string header = std::exchange(header_, {});
  size_t length = header_name_length(header);
  std::string_view name = std::string_view(header).substr(0, length);
  resent_seen_ |= base::istarts_with(name, "resent-");
  bool plain = is_one_of(name, kRecipientHeaders), resent = is_one_of(name, kResentHeaders);
  if (!plain && !resent) return;
  auto found = addresses_in(std::string_view(header).substr(header.find(':') + 1));
  auto& to = resent ? resent_ : recipients_;
  to.insert(to.end(), found.begin(), found.end());
}

std::vector<std::string> HeaderRecipients::take() {
  return resent_seen_ ? std::move(resent_) : std::move(recipients_);
}

// strict: CR is a part of the line end only if the first line ended so.
bool ContentRecords::strip_cr(std::string_view& text) {
  bool cr = text.ends_with('\r');
  if (first_line_crlf_ < 0) first_line_crlf_ = cr;
  if (rules_.fix_line_endings == "never") return false;
  if (rules_.fix_line_endings == "strict" && !first_line_crlf_) return false;
  if (cr) text.remove_suffix(1);
  return cr;
}

bool ContentRecords::line(std::string_view text, bool whole, std::string& out) {
  bool begins = !in_line_;
  if (whole) strip_cr(text);
  if (begins && whole && rules_.lone_dot_ends && text == ".") return false;
  if (begins && at_start_ && (text.starts_with("From ") || text.starts_with(">From "))) {
    in_line_ = false;
    return true;
  }
  at_start_ = false;
  if (rules_.extract_recipients && in_headers_ && begins && !headers_.line(text))
    in_headers_ = false;
  append_record(out, whole ? kRecNormal : kRecContinued, text);
  in_line_ = !whole;
  return true;
}

bool ContentRecords::add(std::string_view bytes, std::string& out) {
  // A header may be longer than a record: it is looked at whole, within reason.
  constexpr size_t kLongestHeaderLine = size_t{1} << 17;
  while (!bytes.empty() && !ended_) {
    size_t end = bytes.find('\n');
    partial_ += bytes.substr(0, end);
    bool whole = end != std::string_view::npos;
    bytes.remove_prefix(whole ? end + 1 : bytes.size());
    bool wait_for_more =
        rules_.extract_recipients && in_headers_ && partial_.size() < kLongestHeaderLine;
    if (!whole && wait_for_more) return true;
    size_t limit = wait_for_more ? kLongestHeaderLine : rules_.line_length_limit;
    std::string_view rest = partial_;
    while (rest.size() > limit) {
      if (!line(rest.substr(0, limit), false, out)) ended_ = true;
      rest.remove_prefix(limit);
    }
    if (whole && !line(rest, true, out)) ended_ = true;
    partial_ = whole ? std::string() : std::string(rest);
  }
  return !ended_;
}

void ContentRecords::end(std::string& out) {
  if (!ended_ && (!partial_.empty() || in_line_)) line(std::exchange(partial_, {}), true, out);
  headers_.end();
}

void append_recipient(std::string& out, const std::string& address, int dsn_notify) {
  if (dsn_notify) add_attribute(out, "notify_flags", std::to_string(dsn_notify));
  append_record(out, kRecRcpt, address);
}

std::string envelope_records(const SendmailOptions& options, const SubmissionEnvelope& envelope) {
  std::string out;
  if (options.dsn_ret) add_attribute(out, "ret_flags", std::to_string(options.dsn_ret));
  if (!options.envelope_id.empty()) add_attribute(out, "envelope_id", options.envelope_id);
  add_attribute(out, "rewrite_context", "local");
  if (!envelope.full_name.empty()) append_record(out, kRecFullName, envelope.full_name);
  append_record(out, kRecFrom, envelope.sender);
  if (!options.encoding.empty()) add_attribute(out, "encoding", options.encoding);
  if (options.trace_flags) add_attribute(out, "trace_flags", std::to_string(options.trace_flags));
  if (options.verp) append_record(out, kRecVerp, *options.verp);
  for (const std::string& address : envelope.recipients)
    append_recipient(out, address, options.dsn_notify);
  return out;
}

}  // namespace dovetail::mta
