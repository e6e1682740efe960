// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/data_reader.h"

#include <vector>

#include "tests/catch.h"

namespace dovetail::mta::smtpd {
namespace {

// What reading gives: lines joined with '|', pieces of a line with '+', "END" and what was left over.
std::string read_message(std::string_view bytes, bool strict, size_t step, size_t limit = 2048) {
  DataReader reader(limit, strict);
  std::string out, buffer;
  size_t at = 0;
  for (;;) {
    size_t used = 0;
    auto piece = reader.next(buffer, used);
    if (!piece) {
      if (at == bytes.size()) return out + "MORE";
      buffer += bytes.substr(at, step);
      at = std::min(bytes.size(), at + step);
      continue;
    }
    if (piece->end) {
      buffer.erase(0, used);
      return out + "END" + buffer + std::string(bytes.substr(at));
    }
    out += std::string(piece->text) + (piece->complete ? "|" : "+");
    buffer.erase(0, used);
  }
}

struct DataRow {
  std::string_view bytes;
  bool strict;
  std::string_view expected;
};

}  // namespace

TEST_CASE("lines, dots and the end of data") {
  const DataRow rows[] = {
      {"a\r\nb\r\n.\r\n", false, "a|b|END"},
      {".\r\n", false, "END"},
      {"..\r\n...\r\n.x\r\n.\r\nQUIT\r\n", false, ".|..|x|ENDQUIT\r\n"},
      {"a\n.\nMAIL", false, "a|ENDMAIL"},
      // Smuggling: none of these may end the message when CRLF . CRLF is required.
      {"a\n.\nMAIL\r\n.\r\n", true, "a||MAIL|END"},
      {"a\r\n.\nMAIL\r\n.\r\n", true, "a||MAIL|END"},
      {"a\n.\r\nMAIL\r\n.\r\n", true, "a||MAIL|END"},
      {"a\r.\r\nb\r\n.\r\n", true, "a\r.|b|END"},
      {"a\r\n.\r\n", true, "a|END"},
      {"\r\n\n\r\n.\r\n", true, "|||END"},
      {"no end\r\n", false, "no end|MORE"},
  };
  for (auto& row : rows) {
    for (size_t step : {size_t{1}, size_t{2}, size_t{3}, row.bytes.size()}) {
      INFO(row.bytes);
      CHECK(read_message(row.bytes, row.strict, step) == row.expected);
    }
  }
}

TEST_CASE("a line over the limit comes in pieces and keeps its CR LF together") {
  CHECK(read_message("12345678901234\r\n.\r\n", false, 1, 5) == "12345+67890+1234|END");
  CHECK(read_message("1234\r5\r\n.\r\n", false, 100, 5) == "1234+\r5|END");
  CHECK(read_message("1234\r56789\r\n.\r\n", false, 100, 5) == "1234+\r5678+9|END");
  // A dot behind a cut is no stuffed dot.
  CHECK(read_message("12345.6789\r\n.\r\n", false, 100, 5) == "12345+.6789|END");
}

TEST_CASE("bare LF is noticed") {
  DataReader reader(100, true);
  size_t used = 0;
  CHECK(reader.next("a\r\n", used));
  CHECK(!reader.seen_bare_lf());
  CHECK(reader.next("a\n", used));
  CHECK(reader.seen_bare_lf());
}

}  // namespace dovetail::mta::smtpd
