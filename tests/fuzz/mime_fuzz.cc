// Fuzz target: any bytes as a message. Structure, ENVELOPE, BODYSTRUCTURE and searching must not crash, and the sizes of
// the parts must lie inside the message.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "mda/message/bodystructure.h"
#include "mda/message/envelope.h"
#include "mda/message/headers.h"
#include "mda/message/structure.h"

using namespace dovetail;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  mda::Structure whole = mda::parse_structure(text);
  mda::StructureParser parser;
  for (size_t at = 0; at < size; at += 3) parser.feed(text.substr(at, 3));
  mda::Structure pieces = parser.finish();
  if (whole.size.physical != size || pieces.parts.size() != whole.parts.size()) abort();
  for (const mda::Part& part : whole.parts) {
    if (part.body_offset + part.body.physical > size ||
        part.header_offset + part.header.physical > size)
      abort();
  }
  std::string answer = mda::bodystructure_text(whole, true);
  if (answer != mda::bodystructure_text(pieces, true)) abort();
  answer = mda::envelope_text(whole.root().envelope);
  mda::base_subject(text);
  mda::parse_message_date(text);
  mda::message_ids(text);
  return 0;
}
