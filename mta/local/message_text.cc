// SPDX-License-Identifier: Apache-2.0
#include "mta/local/message_text.h"

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/header.h"

namespace dovetail::mta {

namespace {

constexpr size_t kHeadLimit = size_t{1} << 20;

}  // namespace

std::string from_line(std::string_view sender, int64_t seconds) {
  auto who = sender.empty() ? std::string("MAILER-DAEMON") : mail::quote_address(sender);
  return format("From {}  {}", who, base::format_time("%a %b %e %H:%M:%S %Y", seconds));
}

std::string lines_before(const MailHeaders& which, std::string_view sender,
                         std::string_view original_recipient, std::string_view delivered_to,
                         std::string_view eol) {
  std::string out;
  if (which.from_line) out += from_line(sender, base::wall_now().seconds) + std::string(eol);
  if (which.return_path) out += format("Return-Path: <{}>{}", mail::quote_address(sender), eol);
  if (which.original_to)
    out += format("X-Original-To: {}{}", mail::quote_address(original_recipient), eol);
  if (which.delivered_to)
    out += format("Delivered-To: {}{}", mail::quote_address(delivered_to), eol);
  return out;
}

void append_in_form(std::string& out, std::string_view line, const TextForm& form, bool begins,
                    bool ends) {
  if (begins && form.quote_from && line.starts_with("From ")) out += '>';
  if (begins && form.dot_stuff && line.starts_with('.')) out += '.';
  out += line;
  if (ends) out += form.eol;
}

Result<std::set<std::string>> delivered_addresses(int fd, const SizeRecord& size) {
  ContentReader reader(fd, size, ContentReader::LineEnd::lf);
  std::string text;
  while (text.size() < kHeadLimit && text.find("\n\n") == text.npos) {
    auto more = reader.read(text, text.size() + 16384);
    if (!more) return more.error();
    if (!*more) break;
  }
  std::set<std::string> found;
  for (auto line : base::split(text, '\n')) {
    if (line.empty()) break;
    auto header = mail::split_header(line);
    if (!header || !base::iequals(header->name, "delivered-to")) continue;
    found.insert(base::lower(mail::unquote_address(base::trim(header->value))));
  }
  return found;
}

FormedMessage::FormedMessage(int queue_file, const SizeRecord& size, TextForm form)
    : reader_(queue_file, size, ContentReader::LineEnd::lf), form_(std::move(form)) {}

Result<std::string> FormedMessage::next() {
  if (stage_ == before) {
    stage_ = content;
    if (!form_.before.empty()) return form_.before;
  }
  while (stage_ == content) {
    std::string plain, out;
    auto more = reader_.read(plain, 65536);
    if (!more) return more.error();
    if (!*more) {
      stage_ = ended;
      return form_.after;
    }
    for (std::string_view rest = plain; !rest.empty();) {
      size_t end = rest.find('\n');
      auto line = rest.substr(0, end);
      append_in_form(out, line, form_, !mid_line_,
                     end != rest.npos);  // the reader cuts very long lines
      mid_line_ = end == rest.npos;
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    if (!out.empty()) return out;
  }
  return std::string();
}

}  // namespace dovetail::mta
