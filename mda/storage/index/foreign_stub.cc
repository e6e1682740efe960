// Writes the log we leave for the incumbent; see foreign_index.h. The modseqs of single messages are not told: it dies of
// a "modseq" extension it has not begun itself. All messages have new ones for it, above ours.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/foreign_index.h"

namespace dovetail::mda {

namespace {

constexpr uint32_t kStubExternal = 0x10000000;
constexpr uint32_t kStubAppend = 0x2 | kStubExternal;
constexpr uint32_t kStubHeader = 0x20 | kStubExternal;
constexpr uint32_t kStubKeyword = 0x400 | kStubExternal;

void add_transaction(std::string& log, uint32_t type, std::string body) {
  body.resize((body.size() + 3) & ~size_t{3});
  size_t size = (8 + body.size()) >> 2;
  for (int shift = 21; shift >= 0; shift -= 7)
    log += static_cast<char>(0x80 | (size >> shift & 0x7f));
  put_number<uint32_t>(log, type);
  log += body;
}

void add_header_field(std::string& log, uint16_t offset, uint32_t value) {
  std::string body;
  put_number<uint16_t>(body, offset);
  put_number<uint16_t>(body, 4);
  put_number<uint32_t>(body, value);
  add_transaction(log, kStubHeader, std::move(body));
}

void add_keyword(std::string& log, const StubContents& contents, size_t number) {
  const std::string& name = contents.keywords[number];
  std::string body(2, '\0');
  put_number<uint16_t>(body, static_cast<uint16_t>(name.size()));
  body += name;
  body.resize((body.size() + 3) & ~size_t{3});
  size_t ranges = body.size();
  for (size_t i = 0; i < contents.rows.size(); ++i) {
    if (!(contents.rows[i].keywords >> number & 1)) continue;
    put_number<uint32_t>(body, contents.rows[i].uid);
    while (i + 1 < contents.rows.size() && (contents.rows[i + 1].keywords >> number & 1)) ++i;
    put_number<uint32_t>(body, contents.rows[i].uid);
  }
  if (body.size() > ranges) add_transaction(log, kStubKeyword, std::move(body));
}

}  // namespace

std::string make_stub_log(const StubContents& contents) {
  std::string log;
  put_number<uint8_t>(log, 1);
  put_number<uint8_t>(log, 3);
  put_number<uint16_t>(log, 40);
  put_number<uint32_t>(log, contents.created);  // index id
  put_number<uint32_t>(log, 1);                 // file sequence
  put_number<uint32_t>(log, 0);                 // of the file before
  put_number<uint32_t>(log, 0);
  put_number<uint32_t>(log, contents.created);
  put_number<uint64_t>(log, contents.initial_modseq);
  put_number<uint32_t>(log, 1);  // little endian
  put_number<uint32_t>(log, 0);
  if (contents.rows.empty()) return log;
  add_header_field(log, 24, contents.uid_validity);
  std::string rows;
  for (const StubRow& row : contents.rows) {
    put_number<uint32_t>(rows, row.uid);
    put_number<uint32_t>(rows, row.flags);
  }
  add_transaction(log, kStubAppend, std::move(rows));
  if (contents.first_recent != 0) add_header_field(log, 48, contents.first_recent);
  for (size_t i = 0; i < contents.keywords.size() && i < kMaxKeywords; ++i) {
    if (!contents.keywords[i].empty()) add_keyword(log, contents, i);
  }
  return log;
}

}  // namespace dovetail::mda
