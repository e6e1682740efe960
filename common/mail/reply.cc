// SPDX-License-Identifier: Apache-2.0
#include "common/mail/reply.h"

#include <utility>

#include "common/base/text.h"
#include "common/mail/dsn.h"

namespace dovetail::mail {

std::string Reply::wire() const {
  std::string out;
  auto lines = base::split(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    out += base::format("{}{}", code, i + 1 < lines.size() ? '-' : ' ');
    if (!dsn.empty()) out += dsn + ' ';
    out += lines[i];
    out += "\r\n";
  }
  return out;
}

std::string Reply::line() const {
  std::string out = base::format("{}", code);
  if (!dsn.empty()) out += ' ' + dsn;
  if (!text.empty()) out += ' ' + base::replace_all(text, "\n", " ");
  return out;
}

ReplyReader::State ReplyReader::add(std::string_view line) {
  auto code = base::parse_number<int>(line.substr(0, 3));
  if (!code || *code < 100 || line.size() < 3) return State::bad;
  bool more = line.size() > 3 && line[3] == '-';
  if (line.size() > 3 && !more && line[3] != ' ') return State::bad;
  std::string_view rest = line.size() > 4 ? line.substr(4) : std::string_view();
  size_t length = dsn_length(rest);
  // RFC 2034 3: the status says the same class as the code, or it is only text.
  if (length && rest[0] == line[0]) {
    if (first_) reply_.dsn = rest.substr(0, length);
    rest = base::trim_left(rest.substr(length), " ");
  }
  if (!first_) reply_.text += '\n';
  reply_.text += rest;
  reply_.code = *code;  // the last line decides, RFC 5321 4.2.1
  first_ = false;
  return more ? State::more : State::done;
}

Reply ReplyReader::take() {
  first_ = true;
  return std::exchange(reply_, Reply{});
}

}  // namespace dovetail::mail
