// The messages of one POP3 session as they were when it began: numbers, sizes, unique ids never change after that
// (RFC 1939 3). Flags and removals are kept here until QUIT.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/task.h"
#include "mda/pop3/pop3_settings.h"
#include "mda/storage/store.h"

namespace dovetail::mda::pop3 {

struct Message {
  Uid uid = 0;
  uint64_t size = 0;
  std::string uidl;
  bool deleted = false;
  bool seen = false;       // on disk when the session began
  bool retrieved = false;  // \Seen is due
};

class Maildrop {
 public:
  // Null: no INBOX, which cannot be.
  static Task<Result<std::unique_ptr<Maildrop>>> open(Store& store, const Pop3Settings& settings);

  std::vector<Message> messages;  // in their order; message number n is at n - 1
  uint64_t total_size = 0;        // when the session began
  size_t last = 0;                // of LAST: highest number accessed

  size_t count() const;  // without the deleted ones
  uint64_t size() const;
  size_t deleted() const { return messages.size() - count(); }
  void reset();
  // QUIT's work: flags, then removals.
  Task<Result<void>> commit();
  Mailbox& box() { return *box_; }

 private:
  Maildrop(std::shared_ptr<Mailbox> box, const Pop3Settings& settings)
      : box_(std::move(box)), settings_(settings) {}
  Task<Result<void>> load();
  Task<Result<void>> load_xuidl();
  std::string uidl_of(const MessageInfo& info, const Row& row) const;
  void rename_duplicates();

  std::shared_ptr<Mailbox> box_;
  const Pop3Settings& settings_;
  ViewPointer view_;
};

// A unique id by pop3_uidl_format.
struct UidlFacts {
  Uid uid = 0;
  uint32_t uid_validity = 0;
  std::string file, guid;
};
std::string format_uidl(const std::string& pop3_uidl_format, const UidlFacts& facts);

}  // namespace dovetail::mda::pop3
