// The lookup tables that main.cf and master.cf name: which there are, what they answer, and - where that can be found out - all
// they hold. Answers come from the same code as the daemons'. proxy: is taken away: the check asks by itself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/finding.h"
#include "check/site.h"
#include "lookup/table.h"

namespace dovetail::check {

struct TableRef {
  std::string type, name;  // "hash", "/etc/aliases"
  std::string parameter;   // first named by
  Place place;
  bool proxied = false;
  std::string text() const { return type + ":" + name; }
};

struct TableRow {
  std::string key, value;
  Place place;  // of the row, or of the table
};
struct Listing {
  bool complete = false;
  std::string why_not;
  std::vector<TableRow> rows;
};

class Tables {
 public:
  explicit Tables(Site& site);

  // Each table once per place that names it.
  const std::vector<TableRef>& all() const { return refs_; }
  // The tables of one expanded list value; words that are no table are left out.
  static std::vector<TableRef> named_in(std::string_view value);

  // Opens the table if it was not yet. null: why() says what is wrong.
  lookup::Table* open(const TableRef& table);
  const std::string& why(const TableRef& table);
  // Warnings written while the table was opened: "FILE, line N: ...".
  const std::vector<std::string>& warnings(const TableRef& table);

  Result<lookup::Found> ask(const TableRef& table, const std::string& key);
  // The first table of the list that has the key.
  Result<lookup::Found> ask_list(std::string_view value, const std::string& key);
  // All keys and values, from the source file or the database.
  const Listing& list(const TableRef& table);

 private:
  struct Opened {
    std::unique_ptr<lookup::Table> table;
    std::string why;
    std::vector<std::string> warnings;
  };
  Opened& opened(const TableRef& table);
  void find_in(const conf::MainCf& cf, std::string_view parameter, Place place);
  void find_refs();
  Listing make_listing(const TableRef& table);
  Listing list_file(const TableRef& table) const;
  Listing list_sql(const TableRef& table);

  Site& site_;
  std::vector<TableRef> refs_;
  std::map<std::string, Opened, std::less<>> opened_;
  std::map<std::string, Listing, std::less<>> listings_;
};

// Tables that a network server answers and that are not asked: it may not be there, and would be waited for.
bool is_unasked_type(std::string_view type);
// The tables inside unionmap:{...}, pipemap:{...}, randmap:{...}.
std::vector<TableRef> inner_tables(const TableRef& table);

// Types whose source is a text file of "key value" lines; the suffix of the file that is made from it.
struct FileType {
  std::string_view type, suffix;
};
const FileType* find_file_type(std::string_view type);
bool is_map_type(std::string_view type);

}  // namespace dovetail::check
