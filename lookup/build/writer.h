// Makes and changes the tables that postmap and postalias write: hash and btree (Berkeley DB), lmdb.
// The text they are made from is read by source.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "lookup/table.h"

namespace dovetail::lookup {

// How keys end on disk: Sendmail's tables have a NUL behind keys and values, others have not. unknown: whatever the table has.
enum class KeyEnd { unknown, with_nul, without_nul };

struct WriteOptions {
  bool truncate = false;  // make it anew; otherwise it is changed and must exist
  bool create = false;    // or else is made, empty
  mode_t mode = 0644;
  KeyEnd key_end = KeyEnd::unknown;
  size_t expected_entries = 0;
  size_t expected_bytes = 0;  // size of the source, for the cache
};

class Writer {
 public:
  virtual ~Writer() = default;
  // False: the key is there already and keeps its value.
  virtual Result<bool> insert(std::string_view key, std::string_view value) = 0;
  virtual Result<void> replace(std::string_view key, std::string_view value) = 0;
  // False: there is no such key.
  virtual Result<bool> remove(std::string_view key) = 0;
  // For daemons that keep a table open and are its only user (store.h): reading, walking, and having on disk what was
  // written. Types that are only made and changed refuse.
  virtual Result<Found> find(std::string_view key);
  virtual Result<std::optional<Entry>> next(bool first);
  virtual Result<void> sync();
  // Everything on disk, lock released.
  virtual Result<void> finish() = 0;
  virtual const std::string& path() const = 0;  // "/etc/postfix/transport.db"
  // What messages about its entries call it.
  virtual std::string shown_name() const { return path(); }
};

// Takes the table's exclusive lock for as long as the Writer lives, waiting for it. The error has the incumbent's words.
Result<std::unique_ptr<Writer>> open_writer(std::string_view type, const std::string& name,
                                            const WriteOptions& options);

}  // namespace dovetail::lookup
