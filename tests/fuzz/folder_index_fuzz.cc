// Any bytes as our index of a mailbox: as they stand, and as bodies of blocks whose check sums are right, so that the reader of
// the columns is reached. Damage may cost the index, never more.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/base/log.h"
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/folder_index.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

// The input as blocks: a type byte, a length byte, the body ...; behind the head of a file that we made ourselves.
std::string blocks_of(std::string_view text) {
  std::string out;
  while (text.size() > 2) {
    const auto type = static_cast<uint32_t>(static_cast<unsigned char>(text[0]) % 12);
    const auto length = static_cast<size_t>(static_cast<unsigned char>(text[1]));
    out += mda::make_block(type, text.substr(2, length));
    text.remove_prefix(std::min(text.size(), 2 + length));
  }
  return out;
}

std::string empty_index(const tests::Scratch& scratch) {
  mda::FolderIndex index(scratch.path(), {}, Logger("fuzz"));
  index.refresh();
  tests::refuse(!index.try_lock());
  index.reset(1, "");
  index.put_mark(5);
  index.commit();
  index.unlock();
  auto bytes = base::read_file(scratch.path() + "/dovetail.index");
  tests::refuse(!bytes);
  return *bytes;
}

void read_index(const tests::Scratch& scratch, std::string_view bytes) {
  scratch.write("dovetail.index", bytes);
  mda::FolderIndex index(scratch.path(), {}, Logger("fuzz"));
  index.refresh();
  mda::Uid last = 0;
  for (const auto& row : index.rows()) {
    tests::refuse(row.uid <= last);
    last = row.uid;
    tests::refuse(index.find(row.uid) == nullptr);
    (void)index.texts(row);
  }
  tests::refuse(!index.try_lock());
  mda::IndexRow row;
  row.uid = last < 0xfffffff0 ? last + 1 : last;
  row.modseq = index.highest_modseq() + 1;
  index.put_rows({row});
  index.commit();
  index.unlock();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const tests::Scratch scratch, head_scratch;
  tests::silence_log();
  static const std::string head = empty_index(head_scratch);
  const auto text = tests::input_text(data, size);
  scratch.write("dovetail.index.cache", text);
  read_index(scratch, text);
  read_index(scratch, head + blocks_of(text));
  return 0;
}
