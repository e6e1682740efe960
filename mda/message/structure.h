// The MIME tree of one message, found in one pass: where each part's header and body lie in the
// file, how big they are in both line ends, and the Content- fields (RFC 2045, 2046). Bytes come in
// any pieces; nothing is decoded. Limits: parts and nesting beyond them are treated as one opaque
// body; a header larger than the limit is cut.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace dovetail::mda {

struct MimeLimits {
  size_t parts = 10000;
  size_t nesting = 100;
  size_t header_size = size_t{2} << 20;
};

// A length as stored and with CRLF line ends.
struct MimeSize {
  uint64_t physical = 0;
  uint64_t crlf = 0;
};

// The raw fields of a message that make its ENVELOPE; unfolded, first one of each name (addresses:
// all joined).
struct EnvelopeFields {
  // subject keeps its folding: the incumbent tells folded subjects apart.
  std::string date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id;
  std::string references;  // not told in ENVELOPE, but wanted together with it
  unsigned present = 0;    // bit by position: a field that is there but empty is not NIL
};

using MimeParameters = std::vector<std::pair<std::string, std::string>>;

struct Part {
  int parent = -1;  // index in Structure::parts
  std::vector<int> children;
  uint64_t header_offset = 0;  // physical, of the MIME (or message) header
  uint64_t body_offset = 0;    // physical
  MimeSize header;             // the empty line included
  MimeSize body;
  uint32_t body_lines = 0;
  bool multipart = false;
  bool message = false;  // message/rfc822: its one child is the inner message
  bool text = false;

  bool typed = false;         // has a Content-Type; else text/plain, or message/rfc822 in a digest
  std::string type, subtype;  // as written; empty with typed: it could not be read
  MimeParameters parameters;  // names as written; RFC 2231 continuations joined
  std::string description, encoding, md5, location;
  std::optional<std::string> id, disposition;
  MimeParameters disposition_parameters;
  std::vector<std::string> languages;
  EnvelopeFields envelope;  // of the root and of a message part's child
};

struct Structure {
  std::vector<Part> parts;  // [0] is the message itself; a parent stands before its children
  MimeSize size;            // of the whole message
  bool has_nuls = false;

  const Part& root() const { return parts.front(); }
};

class StructureParser {
 public:
  explicit StructureParser(MimeLimits limits = {});
  ~StructureParser();
  StructureParser(const StructureParser&) = delete;
  void feed(std::string_view bytes);
  Structure finish();  // once, at the end of the message

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Structure parse_structure(std::string_view message, MimeLimits limits = {});
// Reads the file from `offset` to its end; blocking.
Result<Structure> parse_structure(int fd, uint64_t offset = 0, MimeLimits limits = {});

}  // namespace dovetail::mda
