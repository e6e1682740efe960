// Tables made of tables: pipemap:{a,b} (the result of one is the key of the next), unionmap:{a,b} (all results),
// randmap:{x,y} (one of its words).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/random.h"
#include "common/base/text.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

using Parts = std::vector<std::unique_ptr<Table>>;

class CombinedTable final : public Table {
 public:
  enum class How { pipe, join };
  CombinedTable(std::string table, Keys keys, Parts parts, How how)
      : Table(std::move(table), keys), parts_(std::move(parts)), how_(how) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    std::string at(key);
    std::string joined;
    bool any = false;
    for (auto& part : parts_) {
      auto found = co_await part->lookup(at);
      if (!found) co_return found.error();
      if (how_ == How::pipe) {
        if (!*found) co_return Found();
        at = std::move(**found);
      } else if (*found) {
        if (any) joined += ',';
        joined += **found;
        any = true;
      }
    }
    if (how_ == How::pipe) co_return Found(std::move(at));
    co_return any ? Found(std::move(joined)) : Found();
  }

  bool changed() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](auto& part) { return part->changed(); });
  }

 private:
  Parts parts_;
  How how_;
};

Opened open_combined(const OpenContext& context, std::string_view type, const std::string& name,
                     CombinedTable::How how) {
  auto elements = braced_elements(type, name, "type:name...");
  if (!elements) return elements.error();
  Parts parts;
  auto keys = Keys::fixed;
  for (auto& element : *elements) {
    if (element.find(':') == std::string::npos) {
      return config_error(
          format("bad syntax: \"{}:{}\"; need \"{}:{{type:name...}}\"", type, name, type));
    }
    auto part = open_table(context.loop, context.main_cf, element, context.options);
    if (!part) return part.error();
    if ((*part)->keys() == Keys::pattern) keys = Keys::pattern;
    parts.push_back(std::move(*part));
  }
  return std::unique_ptr<Table>(
      std::make_unique<CombinedTable>(format("{}:{}", type, name), keys, std::move(parts), how));
}

class RandomTable final : public InstantTable {
 public:
  RandomTable(std::string table, std::vector<std::string> values)
      : InstantTable(std::move(table), Keys::pattern), values_(std::move(values)) {}

 protected:
  Result<Found> answer(std::string_view) override {
    return Found(values_[base::random_below(static_cast<uint32_t>(values_.size()))]);
  }

 private:
  std::vector<std::string> values_;
};

}  // namespace

Opened open_pipemap(const OpenContext& context, std::string_view type, const std::string& name) {
  return open_combined(context, type, name, CombinedTable::How::pipe);
}

Opened open_unionmap(const OpenContext& context, std::string_view type, const std::string& name) {
  return open_combined(context, type, name, CombinedTable::How::join);
}

Opened open_randmap(const OpenContext&, std::string_view type, const std::string& name) {
  auto values = braced_elements(type, name, "value...");
  if (!values) return values.error();
  return std::unique_ptr<Table>(
      std::make_unique<RandomTable>(format("{}:{}", type, name), std::move(*values)));
}

}  // namespace dovetail::lookup
