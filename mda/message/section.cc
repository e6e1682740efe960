// Sections of a message; see section.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/section.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"
#include "common/mail/mime.h"
#include "mda/message/file_bytes.h"
#include "mda/message/headers.h"

namespace dovetail::mda {

namespace {

// The part a number path leads to, -1 if there is none. A part that is not multipart has exactly one "1" inside, which
// is itself; a number behind an embedded message goes into it.
int part_by_path(const Structure& structure, const Section& section) {
  int index = 0;
  for (size_t i = 0; i < section.part.size(); ++i) {
    const Part* part = &structure.parts[static_cast<size_t>(index)];
    if (part->message && !part->children.empty() && i > 0) {
      index = part->children.front();
      part = &structure.parts[static_cast<size_t>(index)];
    }
    uint32_t number = section.part[i];
    if (part->multipart) {
      if (number == 0 || number > part->children.size()) return -1;
      index = part->children[number - 1];
    } else if (number != 1) {
      return -1;
    }
  }
  return index;
}

bool wants_inner_message(Section::What what) {
  return what != Section::all && what != Section::mime;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

std::string picked_fields(std::string_view header, const Section& section) {
  std::string out;
  for (const HeaderField& field : parse_header_block(header)) {
    bool listed =
        std::any_of(section.fields.begin(), section.fields.end(),
                    [&](const std::string& name) { return base::iequals(name, field.name); });
    if (listed != (section.what == Section::header_fields)) continue;
    out += with_crlf(field.whole);
    if (!out.ends_with('\n')) out += "\r\n";
  }
  return out + "\r\n";
}

void set_range(SectionData& data, uint64_t offset, MimeSize size) {
  data.offset = offset;
  data.physical = size.physical;
  data.size = size.crlf;
}

}  // namespace

std::optional<Section> parse_section(std::string_view text) {
  Section section;
  while (!text.empty() && base::is_digit(text.front())) {
    auto [number, rest] = base::cut(text, '.');
    auto value = base::parse_number<uint32_t>(number);
    if (!value || (rest && rest->empty())) return std::nullopt;
    section.part.push_back(*value);
    text = rest.value_or("");
  }
  struct Name {
    std::string_view name;
    Section::What what;
  };
  constexpr Name names[] = {{"", Section::all},
                            {"HEADER", Section::header},
                            {"HEADER.FIELDS", Section::header_fields},
                            {"HEADER.FIELDS.NOT", Section::header_fields_not},
                            {"TEXT", Section::text},
                            {"MIME", Section::mime}};
  for (const Name& known : names) {
    if (!base::iequals(text, known.name)) continue;
    section.what = known.what;
    if (known.what == Section::mime && section.part.empty()) return std::nullopt;
    return section;
  }
  return std::nullopt;
}

Result<SectionData> find_section(int fd, const Structure& structure, const Section& section) {
  SectionData data;
  int index = part_by_path(structure, section);
  if (index < 0) return data;
  const Part* part = &structure.parts[static_cast<size_t>(index)];
  if (!section.part.empty() && wants_inner_message(section.what)) {
    // HEADER and TEXT of a numbered part are those of the message inside it.
    if (!part->message || part->children.empty()) return data;
    index = part->children.front();
    part = &structure.parts[static_cast<size_t>(index)];
  }
  data.found = true;
  data.part = index;
  switch (section.what) {
    case Section::all:
      if (section.part.empty())
        set_range(data, part->header_offset, structure.size);
      else
        set_range(data, part->body_offset, part->body);
      break;
    case Section::text:
      set_range(data, part->body_offset, part->body);
      break;
    case Section::header:
    case Section::mime:
      set_range(data, part->header_offset, part->header);
      break;
    case Section::header_fields:
    case Section::header_fields_not: {
      auto header = read_bytes_at(fd, part->header_offset, part->header.physical);
      if (!header) return header.error();
      data.is_text = true;
      data.text = picked_fields(*header, section);
      data.size = data.text.size();
      break;
    }
  }
  return data;
}

Result<std::string> SectionReader::read(uint64_t offset, size_t count) {
  if (offset >= data_.size) return std::string();
  count = static_cast<size_t>(std::min<uint64_t>(count, data_.size - offset));
  if (data_.is_text) return data_.text.substr(offset, count);
  if (data_.size == data_.physical)
    return read_bytes_at(fd_, data_.offset + offset, count);  // stored with CRLF
  if (offset < at_crlf_) {
    at_crlf_ = at_physical_ = 0;
    after_cr_ = owes_lf_ = false;
  }
  std::string out;
  out.reserve(count);
  auto give = [&](char c) {
    if (at_crlf_++ >= offset) out += c;
  };
  while (out.size() < count) {
    if (owes_lf_) {
      owes_lf_ = false;
      give('\n');
      continue;
    }
    uint64_t left = data_.physical - at_physical_;
    if (left == 0) break;
    auto bytes = read_bytes_at(fd_, data_.offset + at_physical_,
                               static_cast<size_t>(std::min<uint64_t>(left, 65536)));
    if (!bytes) return bytes.error();
    if (bytes->empty()) break;
    for (char c : *bytes) {
      if (out.size() >= count) break;
      ++at_physical_;
      if (c == '\n' && !after_cr_) {
        give('\r');
        if (out.size() >= count) {
          owes_lf_ = true;
          break;
        }
      }
      give(c);
      after_cr_ = c == '\r';
    }
    after_cr_ = after_cr_ && !owes_lf_;
  }
  return out;
}

Result<std::optional<std::string>> read_decoded(int fd, const Structure& structure,
                                                const std::vector<uint32_t>& path, size_t limit) {
  Section section;
  section.part = path;
  int index = part_by_path(structure, section);
  if (index < 0) return std::optional<std::string>(std::string());
  const Part& part = structure.parts[static_cast<size_t>(index)];
  auto data = find_section(fd, structure, section);
  if (!data) return data.error();
  mail::TransferEncoding encoding = mail::parse_transfer_encoding(part.encoding);
  if (part.multipart || part.message || path.empty()) encoding = mail::TransferEncoding::identity;
  if (encoding == mail::TransferEncoding::unknown) return std::optional<std::string>();
  SectionReader reader(fd, std::move(*data));
  mail::Base64Decoder base64;
  mail::QuotedPrintableDecoder quoted;
  std::string out;
  for (uint64_t at = 0; at < reader.data().size && out.size() < limit;) {
    auto bytes = reader.read(at, 65536);
    if (!bytes) return bytes.error();
    if (bytes->empty()) break;
    at += bytes->size();
    if (encoding == mail::TransferEncoding::base64)
      base64.feed(*bytes, out);
    else if (encoding == mail::TransferEncoding::quoted_printable)
      quoted.feed(*bytes, out);
    else
      out += *bytes;
  }
  if (encoding == mail::TransferEncoding::quoted_printable) quoted.finish(out);
  return std::optional<std::string>(std::move(out));
}

}  // namespace dovetail::mda
