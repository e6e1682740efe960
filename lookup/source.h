// The text form of tables: logical lines, "key value" pairs as postmap reads them, "name: value" pairs as postalias does.
// Used by texthash and the writers. Manuals: postmap(1), aliases(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/log.h"

namespace dovetail::lookup {

// One logical line after another: comment and empty lines are gone, continuation lines are joined as they stand.
// A continuation before any text is a warning, and skipped.
class LineReader {
 public:
  LineReader(std::string name, std::string_view text, const Logger& log)
      : name_(std::move(name)), text_(text), log_(log) {}

  // False at the end. The view stands until the next call.
  bool next(std::string_view& line);
  int line() const { return last_; }         // number of the last physical line of the current one
  int first_line() const { return first_; }  // and of the first

 private:
  bool physical(std::string_view& line);

  std::string name_;
  std::string_view text_;
  Logger log_;
  std::string joined_;
  int at_ = 0, first_ = 0, last_ = 0;
};

struct KeyValue {
  std::string_view key, value;
};
// Splits at the first blank outside double quotes; both parts trimmed, either may be empty.
KeyValue split_key_value(std::string_view line);

// Warns when a table's source was edited after the table was made. fd: the table.
void warn_if_older(const std::string& source, const std::string& database, int fd,
                   const Logger& log);

}  // namespace dovetail::lookup
