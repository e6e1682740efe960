// SPDX-License-Identifier: Apache-2.0
#include "lookup/source.h"

#include <sys/stat.h>

#include <ctime>

#include "common/base/text.h"

namespace dovetail::lookup {

bool LineReader::physical(std::string_view& line) {
  if (text_.empty()) return false;
  auto end = text_.find('\n');
  line = text_.substr(0, end);
  text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
  ++at_;
  return true;
}

bool LineReader::next(std::string_view& line) {
  joined_.clear();
  bool have = false;
  std::string_view found, rest;
  while (true) {
    // The line after the current one decides whether that is over; it is read again by the next call.
    auto before = text_;
    int at = at_;
    if (!physical(rest)) break;
    auto trimmed = base::trim_left(rest);
    if (trimmed.empty() || trimmed.front() == '#') continue;
    bool continuation = base::is_space(rest.front());
    if (have && !continuation) {
      text_ = before;
      at_ = at;
      break;
    }
    if (!have && continuation) {
      log_.warning("{}: logical line must not start with whitespace: \"{}{}\"", name_,
                   base::printable(rest.substr(0, 30), true), rest.size() > 30 ? "..." : "");
      continue;
    }
    last_ = at_;
    if (!have) {
      first_ = at_;
      found = rest;
      have = true;
    } else {
      if (joined_.empty()) joined_ = found;
      joined_ += rest;
    }
  }
  if (have) line = joined_.empty() ? found : std::string_view(joined_);
  if (have) line = line.substr(0, line.find('\0'));  // no table has more of it
  return have;
}

KeyValue split_key_value(std::string_view line) {
  bool quoted = false;
  size_t at = 0;
  for (; at < line.size(); ++at) {
    char c = line[at];
    if (!quoted && base::is_space(c)) break;
    if (c == '\\' && at + 1 < line.size())
      ++at;
    else if (c == '"')
      quoted = !quoted;
  }
  if (at > line.size()) at = line.size();
  return {line.substr(0, at), base::trim(line.substr(at))};
}

// Forgetting postmap after an edit is the commonest mistake with these tables; an edit just being made is not one yet.
void warn_if_older(const std::string& source, const std::string& database, int fd,
                   const Logger& log) {
  struct stat made {
  }, edited{};
  if (fstat(fd, &made) != 0 || stat(source.c_str(), &edited) != 0) return;
  if (edited.st_mtime > made.st_mtime && edited.st_mtime < time(nullptr) - 100) {
    log.warning("database {} is older than source file {}", database, source);
  }
}

}  // namespace dovetail::lookup
