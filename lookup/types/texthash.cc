// texthash:FILE (a postmap source read at start) and inline:{key=value, {key = value with blanks}}: tables in memory.
// Neither notices a change of its source. Manual: DATABASE_README.
// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <unordered_map>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/source.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

class MemoryTable final : public InstantTable {
 public:
  using Entries = std::unordered_map<std::string, std::string>;
  MemoryTable(std::string table, Entries entries)
      : InstantTable(std::move(table), Keys::fixed),
        entries_(std::move(entries)),
        at_(entries_.end()) {}

  Result<std::optional<Entry>> next(bool first) override {
    if (first) at_ = entries_.begin();
    if (at_ == entries_.end()) return std::optional<Entry>();
    std::optional<Entry> entry(std::in_place, at_->first, at_->second);
    ++at_;
    return entry;
  }

 protected:
  Result<Found> answer(std::string_view key) override {
    auto at = entries_.find(std::string(key));
    return at == entries_.end() ? Found() : Found(at->second);
  }

 private:
  Entries entries_;
  Entries::const_iterator at_;
};

Opened memory_table(std::string_view type, const std::string& name, MemoryTable::Entries entries) {
  return std::unique_ptr<Table>(
      std::make_unique<MemoryTable>(format("{}:{}", type, name), std::move(entries)));
}

std::string stored_key(std::string_view key, const OpenOptions& options) {
  return options.fold ? fold_key(key, options.utf8) : std::string(key);
}

}  // namespace

Opened open_texthash(const OpenContext& context, std::string_view type, const std::string& name) {
  const Logger& log = context.options.log;
  auto text = base::read_file(name);
  if (!text)
    return config_error("open database " +
                        text.error().text.substr(text.error().text.find(' ') + 1));
  MemoryTable::Entries entries;
  LineReader lines(name, *text, log);
  for (std::string_view line; lines.next(line);) {
    if (context.options.utf8 && !base::is_ascii(line) && !base::is_utf8(line)) {
      log.warning("{}, line {}: non-UTF-8 input \"{}\" -- ignoring this line", name, lines.line(),
                  base::printable(line));
      continue;
    }
    auto [key, source] = split_key_value(line);
    if (key.empty() || source.empty()) {
      log.warning("{}, line {}: expected format: key whitespace value -- ignoring this line", name,
                  lines.line());
      continue;
    }
    if (key.back() == ':') {
      log.warning("{}, line {}: record is in \"key: value\" format; is this an alias file?", name,
                  lines.line());
    }
    auto value = file_value(source, context.options);
    if (!value) return value.error();
    if (!entries.emplace(stored_key(key, context.options), std::move(*value)).second) {
      log.warning("{}, line {}: duplicate entry: \"{}\"", name, lines.line(),
                  base::printable(key, true));
    }
  }
  return memory_table(type, name, std::move(entries));
}

Opened open_inline(const OpenContext& context, std::string_view type, const std::string& name) {
  auto elements = braced_elements(type, name, "name=value...");
  if (!elements) return elements.error();
  MemoryTable::Entries entries;
  for (auto& element : *elements) {
    auto bad = [&](const Error& error) {
      auto what = base::cut(error.text, ':').first;
      return config_error(
          format("{}: \"{}:{}\"; need \"{}:{{name=value...}}\"", what, type, name, type));
    };
    std::string pair = element;
    if (pair.front() == '{') {
      auto inner = conf::unbrace(pair);
      if (!inner) return bad(inner.error());
      pair = *inner;
    }
    if (base::trim_left(pair).starts_with('=')) continue;  // an empty name is never asked for
    auto split = conf::split_name_value(pair);
    if (!split) return bad(split.error());
    auto value = file_value(split->value, context.options);
    if (!value)
      return config_error(format("{}: \"{}:{}\"; need \"{}:{{name=filename...}}\"",
                                 value.error().text, type, name, type));
    entries[stored_key(split->name, context.options)] = std::move(*value);
  }
  return memory_table(type, name, std::move(entries));
}

}  // namespace dovetail::lookup
