// The incumbent's index of one mailbox (dovecot.index, dovecot.index.log, dovecot.index.log.2, dovecot.index.cache), read
// for what stands nowhere else: modseqs, keywords that have no letter in file names, save dates, UIDVALIDITY and the next
// UID. And what we leave for it when it takes over: a log whose first modseq is above ours.
//
// The layout was found by looking at files of version 2.3 and at what `doveadm dump` says of them. All numbers are little
// endian. Foreign bytes: every offset and count is checked, and what makes no sense ends the reading of that file with
// what was understood so far.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mda/storage/types.h"

namespace dovetail::mda {

struct ForeignMessage {
  Uid uid = 0;
  uint8_t flags = 0;
  std::vector<uint16_t> keywords;  // numbers, ascending
  Modseq modseq = 0;               // 0: never noted
  int64_t save_date = 0;           // 0: not known
  uint32_t cache_offset = 0;
};

class ForeignIndex {
 public:
  // dovecot.index, then the logs from the older to the newer, then the cache. Each may be missing; false: not a file of
  // that kind, or one of another byte order or major version.
  bool read_main(std::string_view bytes);
  bool read_log(std::string_view bytes);
  bool read_cache(std::string_view bytes);

  uint32_t uid_validity() const { return uid_validity_; }
  Uid uid_next() const { return uid_next_; }
  Modseq highest_modseq() const { return highest_modseq_; }
  const std::vector<ForeignMessage>& messages() const { return messages_; }  // by uid
  const std::vector<std::string>& keywords() const { return keywords_; }

 private:
  struct Extension {
    std::string name;
    uint32_t reset_id = 0;
    uint16_t record_offset = 0, record_size = 0;
  };
  bool read_extensions(std::string_view header, size_t at);
  void read_keyword_names(std::string_view header);
  void read_records(std::string_view records, uint32_t record_size, uint32_t count);

  void apply(uint32_t type, std::string_view body);
  void apply_append(std::string_view body);
  void apply_expunge(std::string_view body, size_t step, bool range);
  void apply_flags(std::string_view body);
  void apply_keyword(std::string_view body, bool reset);
  void apply_modseqs(std::string_view body);
  void apply_header(std::string_view body);
  void apply_extension_intro(std::string_view body);
  void apply_extension_reset(std::string_view body);
  void apply_extension_records(std::string_view body);
  template <class Change>
  void for_range(Uid first, Uid last, Change change);
  ForeignMessage* find(Uid uid);
  uint16_t keyword_number(std::string_view name);

  std::vector<ForeignMessage> messages_;
  std::vector<std::string> keywords_;
  std::vector<Extension> extensions_;
  size_t current_extension_ = SIZE_MAX;  // of the log's records that follow an introduction
  uint32_t uid_validity_ = 0;
  Uid uid_next_ = 1;
  Modseq highest_modseq_ = 0;
  uint32_t log_seq_ = 0, log_offset_ = 0;  // up to where the main file knows the log
};

// What is left behind: the bytes of a dovecot.index.log. Rows are given only if they hold what file names cannot say;
// then all of them, for the incumbent gives a new UID to a message below the next one it does not know.
struct StubRow {
  Uid uid = 0;
  uint8_t flags = 0;
  KeywordSet keywords = 0;
};
struct StubContents {
  Modseq initial_modseq = 1;
  uint32_t created = 0;  // seconds
  uint32_t uid_validity = 0;
  Uid first_recent = 0;
  std::vector<StubRow> rows;
  std::vector<std::string> keywords;
};
std::string make_stub_log(const StubContents& contents);

}  // namespace dovetail::mda
