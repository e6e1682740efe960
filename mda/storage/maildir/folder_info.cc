// Sizes, dates and ready answers about messages: from names, the uidlist, our index, and the file if it must be;
// see folder.h.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "mda/message/bodystructure.h"
#include "mda/message/envelope.h"
#include "mda/message/sort_keys.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

// Sizes that need no look at the file. The index is asked first: it knows which names lie.
void MaildirFolder::facts_from_names(const Row& row, IndexRow& fact) const {
  auto fields = fields_.find(row.uid);
  auto number = [&](char letter) -> uint64_t {
    if (fields == fields_.end()) return 0;
    auto text = uidlist_field(fields->second, letter);
    return text ? base::parse_number<uint64_t>(*text).value_or(0) : 0;
  };
  if (fact.physical_size == 0)
    fact.physical_size = physical_size_in_name(row.file).value_or(number('S'));
  if (fact.virtual_size == 0)
    fact.virtual_size = virtual_size_in_name(row.file).value_or(number('W'));
}

// False: the message has gone. `fact` gets what should be remembered.
Result<bool> MaildirFolder::fill_info(const Row& row, unsigned wants, MessageInfo& info,
                                      IndexRow& fact, std::optional<IndexTexts>& texts,
                                      bool& parsed) {
  bool want_texts = wants & (kWantEnvelope | kWantStructure | kWantSortKeys);
  if (want_texts) texts = index_.texts(fact);
  bool parse = want_texts && !texts;
  bool size_missing = (wants & kWantSize) && (fact.virtual_size == 0 || fact.physical_size == 0);
  bool date_missing = (wants & kWantDate) && (fact.internal_date == 0 || fact.save_date == 0);
  if (parse || size_missing || date_missing) {
    auto fd = open_message(row.uid);
    if (!fd) return fd.error();
    if (!*fd) return false;
    struct stat st {};
    if (fstat(fd->get(), &st) != 0) return errno_error("fstat " + path_of(row), errno);
    fact.internal_date = st.st_mtime;
    if (fact.save_date == 0) fact.save_date = st.st_ctime;
    bool lies = fact.physical_size != static_cast<uint64_t>(st.st_size);
    if (parse || size_missing || lies) {
      auto structure = parse_structure(fd->get(), 0, mime_limits());
      if (!structure) return structure.error().wrap(path_of(row));
      fact.physical_size = structure->size.physical;
      fact.virtual_size = structure->size.crlf;
      if (want_texts) {
        parsed = true;
        texts =
            IndexTexts{envelope_text(structure->root().envelope),
                       bodystructure_text(*structure, false), bodystructure_text(*structure, true),
                       pack_sort_keys(make_sort_keys(structure->root().envelope))};
      }
    }
  }
  info.virtual_size = fact.virtual_size;
  info.physical_size = fact.physical_size;
  info.internal_date = fact.internal_date;
  info.save_date = fact.save_date;
  if (!texts) return true;
  if (wants & kWantEnvelope) info.envelope = texts->envelope;
  if (wants & kWantStructure) {
    info.body = texts->body;
    info.body_structure = texts->body_structure;
  }
  if (wants & kWantSortKeys) info.sort_keys = texts->sort_keys;
  return true;
}

// Ends early when many files had to be opened: the pool has other work as well.
Result<std::vector<MessageInfo>> MaildirFolder::info(const std::vector<Uid>& uids, unsigned wants,
                                                     size_t most_opened) {
  std::vector<MessageInfo> infos;
  std::vector<IndexRow> facts;
  std::vector<std::pair<Uid, IndexTexts>> fresh_texts;
  infos.reserve(uids.size());
  size_t opened = 0;
  for (Uid uid : uids) {
    if (opened >= most_opened) break;
    MessageInfo info;
    info.uid = uid;
    size_t seq = view_->seq_of(uid);
    if (seq == 0) {
      info.gone = true;
      infos.push_back(std::move(info));
      continue;
    }
    const Row& row = view_->row(seq);
    const IndexRow* known = index_.find(uid);
    IndexRow fact = known != nullptr ? *known : IndexRow{};
    fact.uid = uid;
    IndexRow before = fact;
    facts_from_names(row, fact);
    std::optional<IndexTexts> texts;
    bool parsed = false;
    auto there = fill_info(row, wants, info, fact, texts, parsed);
    if (!there) return there.error();
    info.gone = !*there;
    opened += parsed || (wants != 0 && known == nullptr);
    if (wants & kWantGuid) {
      auto fields = fields_.find(uid);
      std::string_view text =
          fields == fields_.end() ? std::string_view() : std::string_view(fields->second);
      info.guid = uidlist_field(text, 'G').value_or(std::string(row.base()));
      info.pop3_uidl = uidlist_field(text, 'P').value_or("");
      info.pop3_order = uidlist_field(text, 'O').value_or("");
    }
    bool news = fact.internal_date != before.internal_date || fact.save_date != before.save_date ||
                fact.virtual_size != before.virtual_size ||
                fact.physical_size != before.physical_size;
    if (news && *there && known != nullptr) facts.push_back(fact);
    if (parsed && *there && known != nullptr) fresh_texts.emplace_back(uid, std::move(*texts));
    infos.push_back(std::move(info));
  }
  index_.forget_window();
  // Remembering is worth no waiting: who comes next will find it out again.
  if ((!facts.empty() || !fresh_texts.empty()) && lock_index()) {
    index_.put_facts(facts);
    index_.put_texts(fresh_texts);
    index_.unlock();
  }
  return infos;
}

}  // namespace dovetail::mda
