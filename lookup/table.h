// A lookup table: a key goes in; its value, "not there" or "cannot tell" comes out. One class per type of table.
// A type only answers keys. Folding case and UTF-8 checks are added by the registry around it; partial keys, address
// extensions and lists of tables are done above it (maps.h, mail_addr_find.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/net/task.h"

namespace dovetail::lookup {

// nullopt: the table works and has no such key.
using Found = std::optional<std::string>;
using Entry = std::pair<std::string, std::string>;

// What a key means to a table. A pattern table (regexp, pcre, cidr, static ...) is asked once with the whole key, never
// with parts of it: the administrator's pattern decides what it matches.
enum class Keys { fixed, pattern };

// A file as it was when a table was made from it.
class FileStamp {
 public:
  // content: an edit counts; name: only that the name is another file now.
  enum class Watched { content, name };
  static std::optional<FileStamp> of(const std::string& path, Watched watched);
  bool changed() const;

 private:
  base::Fd file_;
  Watched watched_ = Watched::content;
  int64_t seconds_ = 0, nanoseconds_ = 0, size_ = 0;
};

class Table {
 public:
  Table(std::string name, Keys keys) : name_(std::move(name)), keys_(keys) {}
  virtual ~Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  // An Error of fault temporary carries the system's words ("Resource temporarily unavailable"): the table itself has
  // already logged what went wrong. Fault config: the incumbent's fatal text; daemons treat it as temporary too.
  virtual Task<Result<Found>> lookup(std::string_view key) = 0;
  // The answer without a coroutine where the table can give it at once; nullopt: use lookup().
  virtual std::optional<Result<Found>> try_now(std::string_view key);
  // Between the two the table may keep its lock, for a program that asks many keys at once by try_now() and does nothing
  // else in between. hold() never waits; a table that cannot be held answers one by one.
  virtual void hold() {}
  virtual void release() {}
  // The next entry of a walk over the whole table, first: from its start. Types that cannot be walked refuse.
  virtual Result<std::optional<Entry>> next(bool first);

  // Whether a file the table was made from has been edited or replaced since it was opened: the process should have
  // itself succeeded by a new generation. Content that is read anew at each lookup (hash:, btree:) is no change.
  virtual bool changed() const;

  const std::string& name() const { return name_; }  // "hash:/etc/aliases.db", as logs show it
  Keys keys() const { return keys_; }

  void watch(FileStamp stamp) { files_.push_back(std::move(stamp)); }

 private:
  std::string name_;
  Keys keys_;
  std::vector<FileStamp> files_;
};

// A table that answers from memory: its class gives answer() alone.
class InstantTable : public Table {
 public:
  using Table::Table;
  Task<Result<Found>> lookup(std::string_view key) override;
  std::optional<Result<Found>> try_now(std::string_view key) override;

 protected:
  virtual Result<Found> answer(std::string_view key) = 0;
};

}  // namespace dovetail::lookup
