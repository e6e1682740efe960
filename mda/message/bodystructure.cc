// BODY and BODYSTRUCTURE; see bodystructure.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/bodystructure.h"

#include "common/base/text.h"
#include "mda/message/envelope.h"

namespace dovetail::mda {

namespace {

class BodyStructureWriter {
 public:
  BodyStructureWriter(const Structure& structure, bool extended)
      : structure_(structure), extended_(extended) {}
  void part(const Part& part);
  std::string take() { return std::move(out_); }

 private:
  void multipart(const Part& part);
  void single(const Part& part);
  void extension(const Part& part);
  void parameters(const MimeParameters& list, bool text);
  void text_or_nil(const std::string& text);

  const Structure& structure_;
  bool extended_;
  std::string out_;
};

void BodyStructureWriter::text_or_nil(const std::string& text) {
  if (text.empty())
    out_ += "NIL";
  else
    append_string(out_, text);
}

void BodyStructureWriter::parameters(const MimeParameters& list, bool text) {
  bool charset = false;
  std::string inner;
  for (const auto& [name, value] : list) {
    charset |= base::iequals(name, "charset");
    if (!inner.empty()) inner += ' ';
    append_string(inner, name);
    inner += ' ';
    append_string(inner, value);
  }
  // A text without a charset is US-ASCII (RFC 2045 5.2), and clients are told so.
  if (text && !charset)
    inner += inner.empty() ? "\"charset\" \"us-ascii\"" : " \"charset\" \"us-ascii\"";
  out_ += inner.empty() ? "NIL" : "(" + inner + ")";
}

// body-fld-dsp, -lang, -loc
void BodyStructureWriter::extension(const Part& part) {
  out_ += ' ';
  if (!part.disposition) {
    out_ += "NIL";
  } else {
    out_ += '(';
    append_string(out_, *part.disposition);
    out_ += ' ';
    parameters(part.disposition_parameters, false);
    out_ += ')';
  }
  out_ += ' ';
  if (part.languages.empty()) {
    out_ += "NIL";
  } else {
    out_ += '(';
    for (size_t i = 0; i < part.languages.size(); ++i) {
      if (i > 0) out_ += ' ';
      append_string(out_, part.languages[i]);
    }
    out_ += ')';
  }
  out_ += ' ';
  text_or_nil(part.location);
}

void BodyStructureWriter::multipart(const Part& part) {
  if (part.children.empty()) {
    // RFC 3501 wants at least one part inside.
    out_ += "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0";
    if (extended_) out_ += " NIL NIL NIL NIL";
    out_ += ')';
  }
  for (int child : part.children) {
    out_ += '(';
    this->part(structure_.parts[static_cast<size_t>(child)]);
    out_ += ')';
  }
  out_ += ' ';
  append_string(out_, part.subtype);
  if (!extended_) return;
  out_ += ' ';
  parameters(part.parameters, false);
  extension(part);
}

void BodyStructureWriter::single(const Part& part) {
  append_string(out_, part.message ? "message" : part.typed ? part.type : "text");
  out_ += ' ';
  append_string(out_, part.message ? "rfc822" : part.typed ? part.subtype : "plain");
  out_ += ' ';
  parameters(part.parameters, part.text);
  out_ += ' ';
  append_nstring(out_, part.id);
  out_ += ' ';
  text_or_nil(part.description);
  out_ += ' ';
  append_string(out_, part.encoding.empty() ? "7bit" : part.encoding);
  fmt::format_to(std::back_inserter(out_), " {}", part.body.crlf);
  if (part.text) {
    fmt::format_to(std::back_inserter(out_), " {}", part.body_lines);
  } else if (part.message && !part.children.empty()) {
    const Part& inner = structure_.parts[static_cast<size_t>(part.children.front())];
    out_ += " (" + envelope_text(inner.envelope) + ") (";
    this->part(inner);
    fmt::format_to(std::back_inserter(out_), ") {}", part.body_lines);
  }
  if (!extended_) return;
  out_ += ' ';
  text_or_nil(part.md5);
  extension(part);
}

void BodyStructureWriter::part(const Part& part) {
  if (part.multipart)
    multipart(part);
  else
    single(part);
}

// The commonest message: plain text in US-ASCII and nothing else said. The incumbent keeps only its size and line
// count and answers in lower case whatever the header said.
bool plain_ascii(const Structure& structure) {
  const Part& root = structure.root();
  if (!root.text || root.id || !root.description.empty() || !root.md5.empty() ||
      !root.location.empty()) {
    return false;
  }
  if (root.disposition || !root.languages.empty()) return false;
  if (root.typed && !base::iequals(root.subtype, "plain")) return false;
  if (!root.encoding.empty() && !base::iequals(root.encoding, "7bit")) return false;
  for (const auto& [name, value] : root.parameters) {
    if (!base::iequals(name, "charset") || !base::iequals(value, "us-ascii")) return false;
  }
  return true;
}

}  // namespace

std::string bodystructure_text(const Structure& structure, bool extended) {
  if (plain_ascii(structure)) {
    const Part& root = structure.root();
    return format("\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" {} {}{}",
                  root.body.crlf, root.body_lines, extended ? " NIL NIL NIL NIL" : "");
  }
  BodyStructureWriter writer(structure, extended);
  writer.part(structure.root());
  return writer.take();
}

}  // namespace dovetail::mda
