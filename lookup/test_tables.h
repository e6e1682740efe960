// For this room's tests: a configuration from text, tables with counted or failing answers, and waiting for a result.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/net/loop.h"
#include "conf/postfix/main_cf.h"
#include "lookup/maps.h"
#include "lookup/registry.h"

namespace dovetail::lookup {

template <class T>
Task<> keep_result(Task<T> task, std::optional<T>& kept) {
  auto value = co_await std::move(task);
  kept.emplace(std::move(value));
}

template <class T>
T await(net::Loop& loop, Task<T> task) {
  std::optional<T> kept;
  net::run_until_done(loop, keep_result(std::move(task), kept));
  return std::move(*kept);
}

struct TestTables {
  net::Loop loop;
  conf::MainCf main_cf = *conf::MainCf::parse("main.cf", "myhostname = mx.example.test\n", {});
  Logger log{"test"};
  std::vector<std::string> logged;

  TestTables() {
    base::capture_log([this](base::Level, std::string_view, std::string_view text) {
      logged.emplace_back(text);
    });
  }
  ~TestTables() { base::capture_log({}); }

  OpenOptions options() { return OpenOptions{log}; }
  // "value", "-" for not found, "ERROR text", "FATAL text" when it cannot be opened.
  std::string ask(std::string_view type_name, std::string_view key) {
    auto table = open_table(loop, main_cf, type_name, options());
    if (!table) return "FATAL " + table.error().text;
    return text_of(await(loop, (*table)->lookup(key)));
  }
  static std::string text_of(const Result<Found>& found) {
    if (!found) return "ERROR " + found.error().text;
    return *found ? **found : "-";
  }
};

// Answers from a map and writes down what it was asked.
class FakeTable final : public InstantTable {
 public:
  FakeTable(std::string table, Keys keys, std::map<std::string, std::string> entries)
      : InstantTable(std::move(table), keys), entries_(std::move(entries)) {}
  std::vector<std::string> asked;
  bool down = false;

 protected:
  Result<Found> answer(std::string_view key) override {
    asked.emplace_back(key);
    if (down) return temporary("Application error");
    auto at = entries_.find(std::string(key));
    return at == entries_.end() ? Found() : Found(at->second);
  }

 private:
  std::map<std::string, std::string> entries_;
};

}  // namespace dovetail::lookup
