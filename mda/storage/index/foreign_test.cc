// The incumbent's index files: recorded ones, ours, damaged ones.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/storage/index/foreign_index.h"
#include "mda/storage/storage_test.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

std::string recorded(const std::string& name) {
  auto bytes = base::read_file(std::string(DOVETAIL_TEST_DATA) + "/dovecot-index/" + name);
  return bytes ? *bytes : std::string();
}

mda::ForeignIndex read_recorded(const std::string& which) {
  mda::ForeignIndex index;
  std::string main = recorded(which + "/dovecot.index");
  if (!main.empty()) CHECK(index.read_main(main));
  CHECK(index.read_log(recorded(which + "/dovecot.index.log")));
  CHECK(index.read_cache(recorded(which + "/dovecot.index.cache")));
  return index;
}

std::string foreign_line(const mda::ForeignIndex& index, size_t at) {
  const mda::ForeignMessage& message = index.messages().at(at);
  std::vector<std::string> names;
  for (uint16_t keyword : message.keywords) names.push_back(index.keywords().at(keyword));
  return format("{} {} {} {} {}", message.uid, message.flags, message.modseq, message.save_date,
                base::join(names, " "));
}

}  // namespace

TEST_CASE("a mailbox that stands in the log alone") {
  mda::ForeignIndex index = read_recorded("fresh");
  CHECK(index.uid_validity() == 1795193068);
  CHECK(index.uid_next() == 6);
  CHECK(index.highest_modseq() == 39);
  REQUIRE(index.messages().size() == 5);
  CHECK(foreign_line(index, 0) == "1 0 37 1795193068 K00 K05 K10 K15 K20 K25 K30");
  CHECK(foreign_line(index, 1) == "2 8 39 1795193068 K01 K06 K11 K16 K21 K26 K31");
  CHECK(foreign_line(index, 4) == "5 0 36 1795193068 K04 K09 K14 K19 K24 K29");
}

TEST_CASE("a mailbox with a main file and a log that goes on") {
  mda::ForeignIndex index = read_recorded("grown");
  CHECK(index.uid_validity() == 1795193410);
  CHECK(index.uid_next() == 7);
  CHECK(index.highest_modseq() == 1236);
  REQUIRE(index.messages().size() == 5);
  CHECK(foreign_line(index, 0) == "1 0 1233 1795193411 K00 K05 K10 K15 K20 K25 K26 K30 K31");
  CHECK(foreign_line(index, 1) == "2 8 1236 1795193411 K01 K06 K11 K16 K21 K26 K27 K31");
  CHECK(foreign_line(index, 2) == "4 0 1231 1795193411 K03 K08 K13 K18 K23 K28 K29");
  CHECK(foreign_line(index, 4) == "6 0 7 1795193411 ");
}

TEST_CASE("the log we leave says what we know") {
  mda::StubContents contents;
  contents.initial_modseq = 5000;
  contents.created = 1795193068;
  std::string empty = mda::make_stub_log(contents);
  CHECK(empty.size() == 40);
  mda::ForeignIndex nothing;
  REQUIRE(nothing.read_log(empty));
  CHECK(nothing.highest_modseq() == 5000);
  CHECK(nothing.messages().empty());
  contents.uid_validity = 77;
  contents.keywords.resize(40);
  contents.keywords[0] = "Work";
  contents.keywords[30] = "Thirtieth";
  for (mda::Uid uid = 1; uid < 9; ++uid) contents.rows.push_back({uid, mda::kSeen, 1});
  contents.rows[3].keywords = mda::KeywordSet{1} << 30;
  mda::ForeignIndex index;
  REQUIRE(index.read_log(mda::make_stub_log(contents)));
  CHECK(index.uid_validity() == 77);
  CHECK(index.uid_next() == 9);
  CHECK(index.highest_modseq() >= 5000);
  REQUIRE(index.messages().size() == 8);
  CHECK(foreign_line(index, 2) == "3 8 5002 0 Work");
  CHECK(foreign_line(index, 3) == "4 8 5003 0 Thirtieth");
}

TEST_CASE("damaged files end where they make no sense, whatever they say") {
  for (const char* which : {"fresh", "grown"}) {
    std::string log = recorded(format("{}/dovecot.index.log", which));
    std::string cache = recorded(format("{}/dovecot.index.cache", which));
    std::string main = recorded("grown/dovecot.index");
    for (size_t at = 0; at < 900; ++at) {
      for (char value : {'\0', '\x7f', '\xff'}) {
        std::string bad_main = main, bad_log = log, bad_cache = cache;
        if (at < main.size()) bad_main[at] = value;
        if (at < log.size()) bad_log[at] = value;
        if (at < cache.size()) bad_cache[at] = value;
        mda::ForeignIndex index;
        index.read_main(bad_main);
        index.read_log(std::string_view(bad_log).substr(0, 2000));
        index.read_cache(bad_cache);
        mda::Uid last = 0;
        bool ascending = true;
        for (const mda::ForeignMessage& message : index.messages()) {
          ascending &= message.uid > std::exchange(last, message.uid);
          for (uint16_t keyword : message.keywords) ascending &= keyword < index.keywords().size();
        }
        REQUIRE(ascending);
      }
      mda::ForeignIndex cut;
      cut.read_main(std::string_view(main).substr(0, at));
      cut.read_log(std::string_view(log).substr(0, at));
      cut.read_cache(std::string_view(cache).substr(0, at));
    }
  }
}
