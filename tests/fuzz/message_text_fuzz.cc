// Any bytes as a message whose text is searched, previewed and taken apart into sections, as charset text, and as section
// names. Reading a section in pieces must give what reading it at once gives.
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/text.h"
#include "mda/imap/envelope_view.h"
#include "mda/imap/text_form.h"
#include "mda/message/envelope.h"
#include "mda/message/headers.h"
#include "mda/message/search.h"
#include "mda/message/section.h"
#include "mda/message/structure.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

std::string read_section(int fd, const mda::SectionData& found, size_t step) {
  mda::SectionReader reader(fd, found);
  std::string out;
  while (out.size() < found.size) {
    auto piece = reader.read(out.size(), step);
    tests::refuse(!piece || piece->empty());
    out += *piece;
  }
  tests::refuse(out.size() != found.size);
  return out;
}

void check_sections(int fd, const mda::Structure& structure, std::string_view name) {
  for (std::string_view wanted :
       {std::string_view(""), std::string_view("HEADER"), std::string_view("TEXT"),
        std::string_view("1"), std::string_view("1.MIME"), std::string_view("2.HEADER"), name}) {
    auto section = mda::parse_section(wanted);
    if (!section) continue;
    auto found = mda::find_section(fd, structure, *section);
    tests::refuse(!found);
    tests::refuse(found->found && !found->is_text &&
                  read_section(fd, *found, 3) != read_section(fd, *found, 1 << 20));
  }
  (void)mda::read_decoded(fd, structure, {1}, 10000);
  (void)mda::read_decoded(fd, structure, {}, 100);
}

void check_charsets(std::string_view text) {
  for (std::string_view charset :
       {"utf-8", "iso-8859-1", "iso-2022-jp", "utf-7", "utf-16", "gb18030", "us-ascii", "none"}) {
    tests::refuse(!base::is_utf8(mda::to_utf8(text, charset)));
  }
  const auto half = text.size() / 2;
  tests::refuse(!base::is_utf8(mda::to_utf8(text.substr(half), text.substr(0, half))));
  (void)mda::known_charset(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = tests::input_text(data, size);
  base::Fd file(memfd_create("message_fuzz", MFD_CLOEXEC));
  tests::refuse(!file || !base::write_all(file.get(), text));
  const auto structure = mda::parse_structure(text);
  check_sections(file.get(), structure, text.substr(0, 20));
  const std::vector<mda::SearchKey> keys{mda::SearchKey("lunch"), mda::SearchKey(text.substr(0, 4)),
                                         mda::SearchKey("")};
  tests::refuse(!mda::search_message(file.get(), structure, mda::SearchIn::text, keys));
  tests::refuse(!mda::search_message(file.get(), structure, mda::SearchIn::body, keys));
  auto preview = mda::preview_text(file.get(), structure);
  tests::refuse(!preview || !base::is_utf8(*preview));
  (void)mda::header_matches(text, "subject", keys[0]);
  (void)mda::parse_header_block(text);
  check_charsets(text.substr(0, 200));
  (void)mda::imap::parse_envelope_args(mda::envelope_text(structure.root().envelope));
  (void)mda::imap::parse_internal_date(text);
  (void)mda::imap::parse_date(text);
  return 0;
}
