// The one-pass MIME parser; see structure.h. Lines are looked at where they lie; only headers and the beginnings of
// lines that cross two pieces are copied.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/structure.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/mail/mime.h"
#include "mda/message/part_header.h"

namespace dovetail::mda {

namespace {

constexpr size_t kReadSize = size_t{64} << 10;
constexpr size_t kLongestBoundaryLine =
    2 + 1024;  // more of a line than this never decides anything

// Octets and line ends seen so far.
struct Counters {
  uint64_t octets = 0;
  uint64_t lines = 0;
  uint64_t bare = 0;  // line ends without CR

  MimeSize since(const Counters& begin) const {
    if (octets <= begin.octets) return {};
    uint64_t physical = octets - begin.octets;
    return {physical, physical + (bare > begin.bare ? bare - begin.bare : 0)};
  }
};

// A part whose end has not been seen.
struct OpenPart {
  int index = 0;
  bool in_header = true;
  Counters begin, body;
  std::string header;
  std::string boundary;  // set while children are looked for
};

}  // namespace

struct StructureParser::State {
  MimeLimits limits;
  Structure result;
  std::vector<OpenPart> open;
  Counters now;         // up to the end of the last complete line
  Counters before_end;  // up to but without the end of the last complete line
  std::string partial;  // beginning of a line whose end has not come
  uint64_t partial_octets = 0;
  char partial_last = 0;

  void begin_part(int parent, bool digest);
  void close_down_to(size_t depth, const Counters& end);
  void end_header();
  bool boundary_line(std::string_view line);
  void line(std::string_view text, uint64_t octets, bool lf, bool crlf);
  void header_line(std::string_view text, bool lf);
};

void StructureParser::State::begin_part(int parent, bool digest) {
  Part part;
  part.parent = parent;
  part.header_offset = now.octets;
  part.body_offset = now.octets;
  part.message = digest;  // until its Content-Type says otherwise
  int index = static_cast<int>(result.parts.size());
  result.parts.push_back(std::move(part));
  if (parent >= 0) result.parts[static_cast<size_t>(parent)].children.push_back(index);
  OpenPart opened;
  opened.index = index;
  opened.begin = now;
  opened.body = now;
  open.push_back(std::move(opened));
}

// Ends all parts above `depth`; their bodies reach to `end`.
void StructureParser::State::close_down_to(size_t depth, const Counters& end) {
  while (open.size() > depth) {
    if (open.back().in_header) {
      end_header();  // may open the message inside, which then ends first
      continue;
    }
    OpenPart& ended = open.back();
    Part& part = result.parts[static_cast<size_t>(ended.index)];
    part.body = end.since(ended.body);
    part.body_lines =
        end.lines > ended.body.lines ? static_cast<uint32_t>(end.lines - ended.body.lines) : 0;
    open.pop_back();
  }
}

// The header is complete: what the part is decides where lines go from here.
void StructureParser::State::end_header() {
  OpenPart& last = open.back();
  last.in_header = false;
  last.body = now;
  size_t index = static_cast<size_t>(last.index);
  Part& part = result.parts[index];
  part.header = now.since(last.begin);
  part.body_offset = now.octets;
  bool envelope = part.parent < 0 || result.parts[static_cast<size_t>(part.parent)].message;
  bool digest_default = part.message;
  std::string boundary;
  read_part_header(last.header, part, envelope, digest_default, boundary);
  std::string().swap(last.header);

  bool room = result.parts.size() < limits.parts && open.size() < limits.nesting;
  if (part.multipart && !boundary.empty() && room) {
    last.boundary = std::move(boundary);
  } else if (part.message && room) {
    begin_part(static_cast<int>(index), false);
  }
}

// Is this line a boundary of one of the open multiparts? The longest that fits wins, so that "--ab" is not taken
// for an outer "--a" while the inner one is open.
bool StructureParser::State::boundary_line(std::string_view text) {
  if (!text.starts_with("--")) return false;
  std::string_view rest = text.substr(2);
  size_t found = open.size();
  size_t length = 0;
  for (size_t i = open.size(); i-- > 0;) {
    const std::string& boundary = open[i].boundary;
    if (!boundary.empty() && boundary.size() > length && rest.starts_with(boundary)) {
      found = i;
      length = boundary.size();
    }
  }
  if (found == open.size()) return false;
  // The line end before a boundary belongs to it, except where that is the end of a header.
  bool header_end = open.back().in_header || before_end.octets < open.back().body.octets;
  Counters end = header_end ? now : before_end;
  close_down_to(found + 1, end);
  if (rest.substr(length).starts_with("--"))
    open[found].boundary.clear();  // what follows is epilogue
  return true;
}

void StructureParser::State::header_line(std::string_view text, bool lf) {
  OpenPart& last = open.back();
  if (text.empty() && lf) {
    end_header();
    return;
  }
  if (last.header.size() + text.size() + 1 <= limits.header_size) {
    last.header += text;
    last.header += '\n';
  }
}

// One line (or the unfinished last one), without its end; `octets` counts the end too.
void StructureParser::State::line(std::string_view text, uint64_t octets, bool lf, bool crlf) {
  bool boundary = boundary_line(text);
  size_t child_of = open.size() - 1;
  before_end = now;
  before_end.octets += octets - (crlf ? 2 : lf ? 1 : 0);
  now.octets += octets;
  now.lines += lf;
  now.bare += lf && !crlf;
  if (boundary) {
    const OpenPart& parent = open[child_of];
    if (!parent.boundary.empty() && result.parts.size() < limits.parts) {
      const Part& part = result.parts[static_cast<size_t>(parent.index)];
      begin_part(parent.index, base::iequals(part.subtype, "digest"));
    }
    return;
  }
  if (open.back().in_header) header_line(text, lf);
}

StructureParser::StructureParser(MimeLimits limits) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  state_->begin_part(-1, false);
}

StructureParser::~StructureParser() = default;

void StructureParser::feed(std::string_view bytes) {
  State& s = *state_;
  if (!s.result.has_nuls && bytes.find('\0') != std::string_view::npos) s.result.has_nuls = true;
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    bool lf = end != std::string_view::npos;
    std::string_view piece = bytes.substr(0, lf ? end : bytes.size());
    bytes.remove_prefix(piece.size() + (lf ? 1 : 0));
    if (lf && s.partial_octets == 0) {
      bool crlf = piece.ends_with('\r');
      s.line(piece.substr(0, piece.size() - crlf), piece.size() + 1, true, crlf);
      continue;
    }
    size_t keep = s.open.back().in_header ? s.limits.header_size + 2 : kLongestBoundaryLine;
    if (s.partial.size() < keep) s.partial += piece.substr(0, keep - s.partial.size());
    s.partial_octets += piece.size();
    if (!piece.empty()) s.partial_last = piece.back();
    if (!lf) return;
    bool crlf = s.partial_last == '\r' && s.partial_octets > 0;
    if (crlf && s.partial.size() == s.partial_octets) s.partial.pop_back();
    std::string text;
    text.swap(s.partial);
    uint64_t octets = s.partial_octets + 1;
    s.partial_octets = 0;
    s.line(text, octets, true, crlf);
  }
}

Structure StructureParser::finish() {
  State& s = *state_;
  if (s.partial_octets > 0) {
    std::string text;
    text.swap(s.partial);
    s.line(text, s.partial_octets, false, false);
  }
  s.close_down_to(0, s.now);
  s.result.size = s.now.since(Counters{});
  return std::move(s.result);
}

Structure parse_structure(std::string_view message, MimeLimits limits) {
  StructureParser parser(limits);
  parser.feed(message);
  return parser.finish();
}

Result<Structure> parse_structure(int fd, uint64_t offset, MimeLimits limits) {
  StructureParser parser(limits);
  std::string buffer(kReadSize, '\0');
  for (;;) {
    ssize_t got = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read message", errno);
    if (got == 0) break;
    parser.feed(std::string_view(buffer).substr(0, static_cast<size_t>(got)));
    offset += static_cast<uint64_t>(got);
  }
  return parser.finish();
}

}  // namespace dovetail::mda
