// The MIME parser, ENVELOPE and BODYSTRUCTURE against what the incumbent answered for the files of tests/data/message.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/file.h"
#include "common/base/text.h"
#include "mda/message/bodystructure.h"
#include "mda/message/envelope.h"
#include "mda/message/structure.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

const std::string test_data = std::string(DOVETAIL_TEST_DATA) + "/message/";

std::string answer_for(const mda::Structure& structure, std::string_view key) {
  if (key == "imap.body") return mda::bodystructure_text(structure, false);
  if (key == "imap.bodystructure") return mda::bodystructure_text(structure, true);
  if (key == "imap.envelope") return mda::envelope_text(structure.root().envelope);
  return std::to_string(structure.size.crlf);
}

mda::Structure parse_in_pieces(std::string_view text, size_t piece) {
  mda::StructureParser parser;
  for (size_t at = 0; at < text.size(); at += piece) parser.feed(text.substr(at, piece));
  return parser.finish();
}

}  // namespace

TEST_CASE("structures and envelopes are told as the incumbent tells them") {
  auto expected = base::read_file(test_data + "expected.txt");
  REQUIRE(expected);
  size_t rows = 0;
  for (std::string_view line : base::split(*expected, '\n')) {
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string_view> columns = base::split(line, '\t');
    REQUIRE(columns.size() == 3);
    auto text = base::read_file(test_data + std::string(columns[0]));
    REQUIRE(text);
    INFO(std::string(columns[0]));
    std::string want = base::replace_all(columns[2], "\\n", "\r\n");
    for (size_t piece : {text->size() + 1, size_t{1}, size_t{7}}) {
      CHECK(answer_for(parse_in_pieces(*text, piece), columns[1]) == want);
    }
    ++rows;
  }
  CHECK(rows > 300);
}

TEST_CASE("limits of the MIME parser leave a message whole") {
  std::string text = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 100; ++i) text += "--b\n\nx\n";
  mda::MimeLimits limits;
  limits.parts = 10;
  mda::Structure structure = mda::parse_structure(text, limits);
  CHECK(structure.parts.size() == 10);
  CHECK(structure.size.physical == text.size());
  CHECK(structure.root().body.physical + structure.root().header.physical == text.size());

  std::string nested;
  for (int i = 0; i < 500; ++i) nested += "Content-Type: message/rfc822\n\n";
  CHECK(mda::parse_structure(nested).parts.size() <= 101);
}
