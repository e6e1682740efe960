// static:VALUE answers every key; fail:REASON none, always "temporary"; internal: is never filled by us;
// environ: would be the process environment. Manual: DATABASE_README.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

class StaticTable final : public InstantTable {
 public:
  StaticTable(std::string table, std::string value)
      : InstantTable(std::move(table), Keys::fixed), value_(std::move(value)) {}

 protected:
  Result<Found> answer(std::string_view) override { return Found(value_); }

 private:
  std::string value_;
};

class FailTable final : public InstantTable {
 public:
  explicit FailTable(std::string table) : InstantTable(std::move(table), Keys::pattern) {}

  Result<std::optional<Entry>> next(bool) override {
    return config_error(format("table {}: sequence error: Application error", name()));
  }

 protected:
  Result<Found> answer(std::string_view) override { return temporary("Application error"); }
};

class EmptyTable final : public InstantTable {
 public:
  explicit EmptyTable(std::string table) : InstantTable(std::move(table), Keys::fixed) {}

  Result<std::optional<Entry>> next(bool) override { return std::optional<Entry>(); }

 protected:
  Result<Found> answer(std::string_view) override { return Found(); }
};

class EnvironTable final : public InstantTable {
 public:
  explicit EnvironTable(std::string table) : InstantTable(std::move(table), Keys::fixed) {}

 protected:
  Result<Found> answer(std::string_view key) override {
    const char* value = std::getenv(std::string(key).c_str());
    return value ? Found(value) : Found();
  }
};

}  // namespace

Opened open_static(const OpenContext& context, std::string_view type, const std::string& name) {
  std::string text = name;
  if (name.front() == '{') {
    auto inner = conf::unbrace(name);
    if (!inner) return config_error("bad static:name syntax: " + inner.error().text);
    text = *inner;
  }
  auto value = file_value(text, context.options);
  if (!value) return value.error();
  return std::unique_ptr<Table>(
      std::make_unique<StaticTable>(format("{}:{}", type, name), std::move(*value)));
}

Opened open_fail(const OpenContext&, std::string_view type, const std::string& name) {
  return std::unique_ptr<Table>(std::make_unique<FailTable>(format("{}:{}", type, name)));
}

Opened open_internal(const OpenContext&, std::string_view type, const std::string& name) {
  return std::unique_ptr<Table>(std::make_unique<EmptyTable>(format("{}:{}", type, name)));
}

Opened open_environ(const OpenContext&, std::string_view type, const std::string& name) {
  return std::unique_ptr<Table>(std::make_unique<EnvironTable>(format("{}:{}", type, name)));
}

}  // namespace dovetail::lookup
