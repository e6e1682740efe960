// The message as it goes into a mailbox or a command: the lines before it, its line ends, the quoting of its lines.
// Formats: mbox(5); manuals: local(8), pipe(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "mta/queue/queue_file.h"

namespace dovetail::mta {

// "From sender  Fri Nov 20 11:58:39 2026"; "" is MAILER-DAEMON.
std::string from_line(std::string_view sender, int64_t seconds);

struct TextForm {
  std::string before;  // From_, Return-Path, X-Original-To, Delivered-To: with line ends
  std::string after;   // the blank line of an mbox
  std::string eol = "\n";
  bool quote_from = false;  // '>' before "From "
  bool dot_stuff = false;   // '.' before '.'
};
struct MailHeaders {
  bool from_line = false, return_path = false, original_to = false, delivered_to = false;
};
// The lines of TextForm::before. Addresses in internal form.
std::string lines_before(const MailHeaders& which, std::string_view sender,
                         std::string_view original_recipient, std::string_view delivered_to,
                         std::string_view eol);

// Appends one line (no line end) in the form asked for.
// A very long line comes in pieces: only its first begins it, only its last ends it.
void append_in_form(std::string& out, std::string_view line, const TextForm& form,
                    bool begins = true, bool ends = true);

// The addresses of all Delivered-To: fields of a message, in lower case: what has been here already. Blocking.
Result<std::set<std::string>> delivered_addresses(int queue_file, const SizeRecord& size);

// The whole message in pieces.
class FormedMessage {
 public:
  FormedMessage(int queue_file, const SizeRecord& size, TextForm form);
  // More of it, "" at its end. Blocking.
  Result<std::string> next();

 private:
  ContentReader reader_;
  TextForm form_;
  bool mid_line_ = false;
  enum Stage { before, content, ended } stage_ = before;
};

}  // namespace dovetail::mta
