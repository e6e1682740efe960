// Sections of the recorded messages, whole and in pieces, and the decoders behind BINARY.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/section.h"

#include "common/base/file.h"
#include "common/mail/mime.h"
#include "mda/message/search.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

struct SectionRow {
  const char* file;
  const char* section;
  std::vector<std::string> fields;
  std::string want;
};

std::string read_in_pieces(int fd, const mda::SectionData& data, size_t piece) {
  mda::SectionReader reader(fd, data);
  std::string out;
  while (out.size() < data.size) {
    auto bytes = reader.read(out.size(), piece);
    if (!bytes || bytes->empty()) break;
    out += *bytes;
  }
  return out;
}

}  // namespace

TEST_CASE("sections come with CRLF line ends, whole and in pieces") {
  const SectionRow rows[] = {
      {"m1",
       "HEADER.FIELDS",
       {"Subject", "From", "x-none"},
       "From: Alice Example <alice@example.com>\r\nSubject: Hello one\r\n\r\n"},
      {"m1",
       "HEADER.FIELDS.NOT",
       {"Subject", "From", "To"},
       "Date: Mon, 01 Jan 2024 10:00:00 +0000\r\nMessage-ID: <m1@example.com>\r\nMIME-Version: "
       "1.0\r\n"
       "Content-Type: text/plain; charset=utf-8\r\n\r\n"},
      {"m1", "TEXT", {}, "First body line.\r\nSecond line with word needle.\r\n"},
      {"m1", "1", {}, "First body line.\r\nSecond line with word needle.\r\n"},
      {"m2", "1", {}, "Gr=C3=BC=C3=9Fe"},
      {"m2", "2.1", {}, "SGVsbG8gUERG"},
      {"m2", "9", {}, ""},
      {"m2", "0", {}, ""},
      {"m2", "3.1", {}, "inner text"},
      {"m2", "3.2", {}, "<p>inner html</p>"},
      {"m2",
       "3.TEXT",
       {},
       "--cc\r\nContent-Type: text/plain\r\n\r\ninner text\r\n--cc\r\nContent-Type: "
       "text/html\r\n\r\n"
       "<p>inner html</p>\r\n--cc--\r\n"},
      {"m2", "3.1.MIME", {}, "Content-Type: text/plain\r\n\r\n"},
      {"m2", "3.HEADER.FIELDS", {"SUBJECT"}, "Subject: Inner\r\n\r\n"},
      {"m6", "1", {}, ""},
      {"m7", "TEXT", {}, ""},
  };
  for (const SectionRow& row : rows) {
    INFO(row.file << " " << row.section);
    auto fd = base::open_file(std::string(DOVETAIL_TEST_DATA) + "/message/" + row.file + ".eml",
                              O_RDONLY);
    REQUIRE(fd);
    auto structure = mda::parse_structure(fd->get());
    REQUIRE(structure);
    auto section = mda::parse_section(row.section);
    REQUIRE(section);
    section->fields = row.fields;
    auto data = mda::find_section(fd->get(), *structure, *section);
    REQUIRE(data);
    CHECK(data->size == row.want.size());
    for (size_t piece : {size_t{1}, size_t{3}, size_t{4096}})
      CHECK(read_in_pieces(fd->get(), *data, piece) == row.want);
    mda::SectionReader reader(fd->get(), *data);
    if (row.want.size() > 8) {
      CHECK(*reader.read(6, 2) == row.want.substr(6, 2));
      CHECK(*reader.read(1, 5) == row.want.substr(1, 5));
    }
    CHECK(reader.read(row.want.size() + 5, 10)->empty());
  }
}

TEST_CASE("what is not a section is refused") {
  for (const char* text : {"MIME", "1.", "HEADERS", "1.2.FOO", "-1", "1..2", "99999999999"}) {
    INFO(text);
    CHECK_FALSE(mda::parse_section(text));
  }
  CHECK(mda::parse_section("1.2.header.fields.not")->what == mda::Section::header_fields_not);
}

TEST_CASE("transfer encodings are undone, BODY search and preview see the text") {
  auto fd = base::open_file(std::string(DOVETAIL_TEST_DATA) + "/message/m2.eml", O_RDONLY);
  REQUIRE(fd);
  auto structure = mda::parse_structure(fd->get());
  REQUIRE(structure);
  CHECK(**mda::read_decoded(fd->get(), *structure, {2}, 1000) == "Hello PDF");
  CHECK(**mda::read_decoded(fd->get(), *structure, {1}, 1000) ==
        "Gr\xC3\xBC\xC3\x9F"
        "e");
  std::vector<mda::SearchKey> keys;
  for (const char* key : {"GR\xC3\x9C\xC3\x9F", "inner HTML", "preamble", "carol", "two", "Inner"})
    keys.emplace_back(key);
  CHECK(*mda::search_message(fd->get(), *structure, mda::SearchIn::body, keys) ==
        std::vector<bool>{true, true, false, false, false, true});
  CHECK(*mda::search_message(fd->get(), *structure, mda::SearchIn::text, keys) ==
        std::vector<bool>{true, true, false, true, true, true});
  CHECK(*mda::preview_text(fd->get(), *structure) ==
        "Gr\xC3\xBC\xC3\x9F"
        "e");
}

TEST_CASE("decoders take bytes in any pieces") {
  const std::string quoted = "a=3D b =\r\nc  \r\n=E4=\nd=zz=";
  std::string whole, pieces;
  mail::QuotedPrintableDecoder one, two;
  one.feed(quoted, whole);
  one.finish(whole);
  for (char c : quoted) two.feed(std::string_view(&c, 1), pieces);
  two.finish(pieces);
  CHECK(whole ==
        "a= b c\r\n\xE4"
        "d=zz");
  CHECK(pieces == whole);
  std::string out;
  mail::Base64Decoder base64;
  for (char c : std::string_view("SGVs\nbG8g\r\nUE RG!")) base64.feed(std::string_view(&c, 1), out);
  CHECK(out == "Hello PDF");
}
