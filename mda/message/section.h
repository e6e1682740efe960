// Body sections of IMAP: parsing "1.2.MIME", finding its bytes in the file, reading them with CRLF
// line ends (RFC 3501 6.4.5, BINARY of RFC 3516). All reading here blocks: run it in a pool.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "mda/message/structure.h"

namespace dovetail::mda {

struct Section {
  enum What { all, header, header_fields, header_fields_not, text, mime };
  std::vector<uint32_t> part;  // empty: the whole message
  What what = all;
  std::vector<std::string> fields;  // of HEADER.FIELDS, any case
};

// The text between the brackets without the field list: "", "1.2", "HEADER.FIELDS", "2.TEXT" (any
// case). nullopt: not a section.
std::optional<Section> parse_section(std::string_view text);

// Where a section is. Either a stretch of the file or ready text; an absent part is empty.
struct SectionData {
  bool found = false;     // false: no such part; IMAP answers with an empty string
  uint64_t offset = 0;    // physical
  uint64_t physical = 0;  // length as stored
  uint64_t size = 0;      // length with CRLF: what IMAP announces
  bool is_text = false;
  std::string text;  // CRLF line ends
  int part = -1;     // index in Structure::parts
};

Result<SectionData> find_section(int fd, const Structure& structure, const Section& section);

// Reads a section sequentially with CRLF line ends; seeking backwards starts over.
class SectionReader {
 public:
  SectionReader(int fd, SectionData data) : fd_(fd), data_(std::move(data)) {}
  Result<std::string> read(uint64_t offset, size_t count);
  const SectionData& data() const { return data_; }

 private:
  int fd_;
  SectionData data_;
  uint64_t at_crlf_ = 0;      // position reached, counted with CRLF
  uint64_t at_physical_ = 0;  // and as stored
  bool after_cr_ = false;
  bool owes_lf_ = false;  // a CR was given for a bare LF whose LF comes next
};

// The decoded body of a part (BINARY): base64, quoted-printable, 7bit/8bit/binary. nullopt: unknown
// encoding.
Result<std::optional<std::string>> read_decoded(int fd, const Structure& structure,
                                                const std::vector<uint32_t>& part, size_t limit);

}  // namespace dovetail::mda
