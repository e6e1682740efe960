// Words of the mail store: uid, flags, keywords, one row of a mailbox, and the immutable view a
// session looks at. Nothing here touches a disk. Sequence numbers are positions in a View; each
// session keeps the View its client knows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::mda {

using Uid = uint32_t;         // 0 is none
using Modseq = uint64_t;      // RFC 7162
using KeywordSet = uint64_t;  // bit n = keyword n of the mailbox's list
inline constexpr size_t kMaxKeywords = 64;

// System flags; the bits are those of the incumbent's index.
enum MailFlag : uint8_t {
  kAnswered = 1,
  kFlagged = 2,
  kDeleted = 4,
  kSeen = 8,
  kDraft = 16,
  kAllFlags = 31,
};

// One message as the mailbox knows it without opening its file.
struct Row {
  Uid uid = 0;
  uint8_t flags = 0;       // MailFlag bits
  bool unclaimed = false;  // still in new/: \Recent for whoever claims it
  KeywordSet keywords = 0;
  Modseq modseq = 0;
  std::string file;  // name inside cur/ or new/, with its suffix

  // Identity of the message: the name without the suffix. It is the GUID too, unless
  // dovecot-uidlist overrides it.
  std::string_view base() const { return std::string_view(file).substr(0, file.find(':')); }
};

// A message gone, kept for VANISHED (RFC 7162).
struct Expunged {
  Uid uid = 0;
  Modseq modseq = 0;
};

// What a mailbox looked like at one moment. Immutable and shared by all sessions; rows are in uid
// order and live in chunks, so that the next view shares what did not change.
class View {
 public:
  struct Chunk {
    std::vector<Row> rows;
  };
  using ChunkPointer = std::shared_ptr<const Chunk>;

  View() = default;
  explicit View(std::vector<ChunkPointer> chunks);

  uint32_t uid_validity = 0;
  Uid uid_next = 1;
  Modseq highest_modseq = 1;
  std::vector<std::string>
      keywords;      // names, index = bit of KeywordSet; an empty name is an unused number
  std::string guid;  // of the mailbox, 32 hex digits

  size_t count() const { return starts_.empty() ? 0 : starts_.back(); }
  // seq counts from 1 and must be <= count().
  const Row& row(size_t seq) const;
  // Sequence number of a uid; 0 if there is none.
  size_t seq_of(Uid uid) const;
  // Sequence number of the first message with at least this uid; count() + 1 if there is none.
  size_t seq_from(Uid uid) const;
  const std::vector<ChunkPointer>& chunks() const { return chunks_; }

  size_t unclaimed() const;             // \Recent that nobody has claimed yet
  size_t without(uint8_t flags) const;  // messages that have none of these flags (UNSEEN: kSeen)
  size_t first_unseen() const;          // seq, 0 if none
  std::vector<std::string> keyword_names(KeywordSet set) const;
  std::optional<unsigned> keyword_number(std::string_view name) const;  // case-insensitive

 private:
  size_t chunk_of_seq(size_t seq) const;
  std::vector<ChunkPointer> chunks_;
  std::vector<size_t> starts_;  // messages in chunks up to and including this one
};

using ViewPointer = std::shared_ptr<const View>;

// What happened between two views of one mailbox, in the terms IMAP tells it: sequence numbers of
// expunges refer to `before`, all others to `after`.
struct ViewChange {
  std::vector<size_t> expunged;  // seq in before, ascending
  std::vector<Uid> expunged_uids;
  std::vector<size_t> changed;        // seq in after: flags, keywords or modseq differ
  size_t first_new = 0;               // seq in after of the first new message; count() + 1 if none
  bool keywords_changed = false;      // the keyword list grew
  bool uid_validity_changed = false;  // the mailbox was replaced: the session has to end
};
ViewChange compare(const View& before, const View& after);

}  // namespace dovetail::mda
