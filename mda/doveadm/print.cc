// See print.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/doveadm/print.h"

#include <cstdio>

#include "common/base/text.h"

namespace dovetail::mda::doveadm {

namespace {

constexpr size_t kTerminalColumns = 80;

class FlowPrinter : public Printer {
 protected:
  void put(const std::vector<Column>& columns, const std::vector<std::string>& values) override {
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) fmt::print(" ");
      if (!columns[i].hide_title) fmt::print("{}=", columns[i].name);
      fmt::print("{}", values[i]);
    }
    fmt::print("\n");
  }
};

class PagerPrinter : public Printer {
 protected:
  void put(const std::vector<Column>& columns, const std::vector<std::string>& values) override {
    if (!std::exchange(first_, false)) fmt::print("\x0c\n");
    for (size_t i = 0; i < values.size(); ++i) {
      if (columns[i].hide_title)
        fmt::print("{}\n", values[i]);
      else if (is_block(columns[i].name))
        fmt::print("{}:\n{}", columns[i].name, values[i]);
      else
        fmt::print("{}: {}\n", columns[i].name, values[i]);
    }
  }

 private:
  bool first_ = true;
};

class TabPrinter : public Printer {
 protected:
  static std::string escaped(std::string_view text) {
    std::string out;
    for (char c : text) {
      if (c == '\t')
        out += "\001t";
      else if (c == '\n')
        out += "\001n";
      else if (c == '\r')
        out += "\001r";
      else if (c == '\001')
        out += "\0011";
      else
        out += c;
    }
    return out;
  }
  void title(const std::vector<Column>& columns) override {
    for (size_t i = 0; i < columns.size(); ++i)
      fmt::print("{}{}", i > 0 ? "\t" : "", columns[i].name);
    fmt::print("\n");
  }
  void put(const std::vector<Column>&, const std::vector<std::string>& values) override {
    for (size_t i = 0; i < values.size(); ++i)
      fmt::print("{}{}", i > 0 ? "\t" : "", escaped(values[i]));
    fmt::print("\n");
  }
};

class TablePrinter : public Printer {
 public:
  void finish() override {
    if (!rows_.empty()) print_table(rows_, rows_.front().size() - 1);
    rows_.clear();
  }

 protected:
  void title(const std::vector<Column>& columns) override {
    rows_.emplace_back();
    for (auto& column : columns) rows_.back().push_back(column.name);
  }
  void put(const std::vector<Column>&, const std::vector<std::string>& values) override {
    rows_.push_back(values);
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

class JsonPrinter : public Printer {
 public:
  void finish() override { fmt::print("{}]", first_ ? "[" : ""); }

 protected:
  static std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
      if (c == '"' || c == '\\')
        out += format("\\{}", c);
      else if (c == '\n')
        out += "\\n";
      else if (c == '\r')
        out += "\\r";
      else if (c == '\t')
        out += "\\t";
      else if (static_cast<unsigned char>(c) < 32)
        out += format("\\u{:04x}", static_cast<unsigned char>(c));
      else
        out += c;
    }
    return out + "\"";
  }
  void put(const std::vector<Column>& columns, const std::vector<std::string>& values) override {
    fmt::print("{}", std::exchange(first_, false) ? "[{" : ",{");
    for (size_t i = 0; i < values.size(); ++i)
      fmt::print("{}{}:{}", i > 0 ? "," : "", quoted(columns[i].name), quoted(values[i]));
    fmt::print("}}");
  }

 private:
  bool first_ = true;
};

}  // namespace

bool is_block(std::string_view column) {
  return column == "hdr" || column == "body" || column == "text" || column == "text.utf8";
}

void print_table(const std::vector<std::vector<std::string>>& rows, size_t wide) {
  std::vector<size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  size_t total = widths.size() - 1;
  for (size_t width : widths) total += width;
  if (total < kTerminalColumns) widths[wide] += (kTerminalColumns - total) / 2;
  for (auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      fmt::print("{}{:<{}}", i > 0 ? " " : "", row[i], widths[i]);
    fmt::print("\n");
  }
}

Result<std::unique_ptr<Printer>> Printer::create(std::string_view asked, std::string_view own) {
  std::string_view form = asked.empty() ? own : asked;
  std::unique_ptr<Printer> printer;
  if (form == "flow") printer = std::make_unique<FlowPrinter>();
  if (form == "pager") printer = std::make_unique<PagerPrinter>();
  if (form == "tab") printer = std::make_unique<TabPrinter>();
  if (form == "table") printer = std::make_unique<TablePrinter>();
  if (form == "json") printer = std::make_unique<JsonPrinter>();
  if (!printer) return config_error(format("Unknown print formatter: {}", base::printable(form)));
  return printer;
}

void Printer::columns(std::vector<Column> columns) {
  columns_ = std::move(columns);
  if (!user_.empty()) columns_.insert(columns_.begin(), {"username", true});
}

void Printer::row(const std::vector<std::string>& values) {
  if (!std::exchange(titled_, true)) title(columns_);
  if (user_.empty()) return put(columns_, values);
  std::vector<std::string> all{user_};
  all.insert(all.end(), values.begin(), values.end());
  put(columns_, all);
}

}  // namespace dovetail::mda::doveadm
