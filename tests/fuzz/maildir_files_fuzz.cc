// Any bytes as the files of a Maildir that other programs write too: dovecot-uidlist, dovecot-keywords, subscriptions, file
// names; and mailbox names on the wire. What we write of it we must read the same.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "common/base/text.h"
#include "mda/storage/list/location.h"
#include "mda/storage/list/pattern.h"
#include "mda/storage/list/subscriptions.h"
#include "mda/storage/maildir/control_files.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/uidlist.h"
#include "mda/storage/mutf7.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

void check_uidlist_lines(std::string_view text) {
  for (auto line : base::split(text, '\n')) {
    if (auto header = mda::parse_uidlist_header(line)) {
      auto again =
          mda::parse_uidlist_header(base::trim_right(mda::format_uidlist_header(*header), "\n"));
      tests::refuse(!again || again->uid_validity != header->uid_validity ||
                    again->next_uid != header->next_uid);
    }
    for (unsigned version : {1U, 3U}) {
      auto entry = mda::parse_uidlist_line(line, version);
      if (!entry) continue;
      for (char letter : {'W', 'S', 'P', 'O', 'G'}) (void)mda::uidlist_field(entry->fields, letter);
      auto written = mda::format_uidlist_line(*entry);
      auto again = mda::parse_uidlist_line(base::trim_right(written, "\n"), 3);
      tests::refuse(!again || again->uid != entry->uid || again->name != entry->name);
    }
  }
}

void check_uidlist_file(const tests::Scratch& scratch, std::string_view text) {
  scratch.write("uidlist", text.substr(0, text.size() / 2));
  mda::Uidlist list(scratch.path() + "/uidlist", "host", {});
  tests::refuse(!list.refresh());
  // Added to by somebody else, in the same file.
  auto file = base::open_file(scratch.path() + "/uidlist", O_WRONLY | O_APPEND);
  tests::refuse(!file || !base::write_all(file->get(), text.substr(text.size() / 2)));
  auto read = list.refresh();
  tests::refuse(!read);
  mda::Uid last = 0;
  for (const auto& entry : read->entries) {
    tests::refuse(entry.uid == 0 || (read->replaced && entry.uid <= last));
    last = entry.uid;
  }
  tests::refuse(!read->broken && !read->missing && list.next_uid() <= last);
}

void check_names(std::string_view text) {
  const auto flags = mda::parse_name_flags(text);
  const auto again = mda::parse_name_flags(mda::maildir_name(mda::maildir_base(text), flags));
  tests::refuse(again.flags != flags.flags || again.keywords != flags.keywords);
  (void)mda::physical_size_in_name(text);
  (void)mda::virtual_size_in_name(text);
  const auto half = text.size() / 2;
  const auto a = text.substr(0, half), b = text.substr(half);
  tests::refuse(mda::maildir_name_before(a, b) && mda::maildir_name_before(b, a));
  if (auto utf8 = mda::mutf7_to_utf8(text)) {
    tests::refuse(!base::is_utf8(*utf8));
    auto back = mda::utf8_to_mutf7(*utf8);
    tests::refuse(!back || mda::mutf7_to_utf8(*back) != utf8);
  }
  // Control characters go through as they are, and are refused on the way back.
  const bool plain =
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; });
  auto wire = mda::utf8_to_mutf7(text);
  tests::refuse(plain && wire && mda::mutf7_to_utf8(*wire) != text);
  if (size_t(std::count(a.begin(), a.end(), '*')) < 4 && b.size() < 200) {
    (void)mda::list_match(a, b, '/');
    (void)mda::list_match_inbox(a, b, '.');
  }
  tests::refuse(!mda::list_match("*", text, '/'));
  (void)mda::parse_location(text, "/home/frank");
}

void check_small_files(const tests::Scratch& scratch, std::string_view text) {
  for (char separator : {'.', '/'}) {
    auto file = mda::parse_subscriptions(text, separator);
    auto again = mda::parse_subscriptions(mda::format_subscriptions(file, separator), separator);
    tests::refuse(again.names != file.names);
  }
  scratch.write("keywords", text);
  auto keywords = mda::read_maildir_keywords(scratch.path() + "/keywords");
  tests::refuse(!keywords || keywords->size() > mda::kKeywordLetters);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const tests::Scratch scratch;
  tests::silence_log();
  const auto text = tests::input_text(data, size);
  check_uidlist_lines(text);
  check_uidlist_file(scratch, text);
  check_names(text);
  check_small_files(scratch, text);
  return 0;
}
