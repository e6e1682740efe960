// Rows of named values in the forms of doveadm -f: flow, pager, tab, table, json. A command names its columns, then
// prints cells; what is written when is the form's business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace dovetail::mda::doveadm {

struct Column {
  std::string name;
  bool hide_title = false;  // flow and pager show the value alone
};

class Printer {
 public:
  // Empty: the command's own form. An error names an unknown one.
  static Result<std::unique_ptr<Printer>> create(std::string_view asked, std::string_view own);
  virtual ~Printer() = default;

  void columns(std::vector<Column> columns);
  // In front of each row, when several users are gone through.
  void set_user(const std::string& user) { user_ = user; }
  void without_title() { titled_ = true; }
  // One row, a value for each column. A block stands on lines of its own where the form allows.
  void row(const std::vector<std::string>& values);
  virtual void finish() {}

 protected:
  virtual void title(const std::vector<Column>&) {}
  virtual void put(const std::vector<Column>& columns, const std::vector<std::string>& values) = 0;

 private:
  std::vector<Column> columns_;
  std::string user_;
  bool titled_ = false;
};

// Columns as wide as their widest cell; one of them gets half of what a terminal has left.
void print_table(const std::vector<std::vector<std::string>>& rows, size_t wide);

// Values that are whole lines ("hdr", "body", "text") in a pager.
bool is_block(std::string_view column);

}  // namespace dovetail::mda::doveadm
