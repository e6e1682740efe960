// SPDX-License-Identifier: Apache-2.0
#include "lookup/match_list.h"

#include <optional>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/network.h"
#include "lookup/types.h"

namespace dovetail::lookup {

struct MatchList::Element {
  bool negated = false;
  std::string text;                     // a literal, in lower case
  std::optional<net::Network> network;  // the literal as a network
  std::string bad_network;              // why it is none, for a literal that was meant as one
  std::shared_ptr<Table> table;
  std::string unusable;  // a file that could not be read: reaching it is "cannot tell"
};

struct MatchList::Builder {
  net::Loop& loop;
  const conf::MainCf& main_cf;
  const OpenOptions& options;
  MatchList& list;

  // depth: files may name files, but not themselves for ever.
  Result<void> add(std::string_view value, bool negated, int depth) {
    for (auto& word : conf::split_list(value)) {
      auto done = add_word(word, negated, depth);
      if (!done) return done;
    }
    return {};
  }

  Result<void> add_word(std::string_view word, bool negated, int depth) {
    while (!word.empty() && word.front() == '!') {
      negated = !negated;
      word.remove_prefix(1);
    }
    if (word.empty()) return config_error(format("{}: no pattern after '!'", list.title_));
    if (word.front() == '/') return add_file(std::string(word), negated, depth);
    Element element;
    element.negated = negated;
    // "[::1]" and "2001:db8::/32" have colons too: only a word before the colon names a table type.
    if (is_table(word)) {
      auto table = open_table(loop, main_cf, word, options);
      if (!table) return table.error();
      element.table = std::move(*table);
    } else {
      element.text = fold_key(word, options.utf8);
      auto network = parse_network(word);
      if (network)
        element.network = std::move(*network);
      else if (word.find('/') != std::string_view::npos)
        element.bad_network = network.error().text;
    }
    list.elements_.push_back(std::make_shared<Element>(std::move(element)));
    return {};
  }

  Result<void> add_file(std::string path, bool negated, int depth) {
    auto stamp = FileStamp::of(path, FileStamp::Watched::content);
    if (stamp) list.files_.push_back(std::make_shared<FileStamp>(std::move(*stamp)));
    auto text = base::read_file(path);
    if (text && depth < 20) {
      std::string patterns;
      for (auto line : base::split(*text, '\n')) {
        auto trimmed = base::trim(line);
        if (trimmed.empty() || trimmed.front() == '#') continue;
        patterns += base::cut(trimmed, '#').first;
        patterns += ' ';
      }
      return add(patterns, negated, depth + 1);
    }
    Element element;
    element.negated = negated;
    element.unusable = text ? format("{}: files are nested too deeply", path) : text.error().text;
    options.log.warning("{}: {}", list.title_, element.unusable);
    list.elements_.push_back(std::make_shared<Element>(std::move(element)));
    return {};
  }

  static bool is_table(std::string_view word) {
    auto [type, name] = base::cut(word, ':');
    if (!name || type.empty() || word.front() == '[' || SockAddr::ip(base::cut(word, '/').first, 0))
      return false;
    for (char c : type) {
      if (!base::is_alnum(c) && c != '_') return false;
    }
    return !parse_network(word);
  }
};

namespace {

// "b.example.org" for pattern "example.org" where parents match, or ".example.org" where they do not.
bool domain_matches(std::string_view domain, std::string_view pattern, bool parents) {
  if (domain == pattern) return true;
  if (domain.size() <= pattern.size() || !domain.ends_with(pattern) || pattern.empty())
    return false;
  if (pattern.front() == '.') return !parents;
  return parents && domain[domain.size() - pattern.size() - 1] == '.';
}

}  // namespace

Result<MatchList> MatchList::open(net::Loop& loop, const conf::MainCf& main_cf,
                                  std::string_view title, std::string_view value, bool parents,
                                  const OpenOptions& options) {
  MatchList list;
  list.title_ = title;
  list.parents_ = parents;
  list.log_ = options.log;
  Builder builder{loop, main_cf, options, list};
  auto done = builder.add(value, false, 0);
  if (!done) return done.error();
  return list;
}

bool MatchList::changed() const {
  for (auto& element : elements_) {
    if (element->table && element->table->changed()) return true;
  }
  for (auto& file : files_) {
    if (file->changed()) return true;
  }
  return false;
}

Task<Result<bool>> MatchList::match_string(std::string_view text) const {
  std::string folded = fold_key(text, true);
  auto matched = co_await match(&folded, nullptr, nullptr);
  co_return matched;
}

Task<Result<bool>> MatchList::match_domain(std::string_view domain) const {
  std::string folded = fold_key(domain, true);
  auto matched = co_await match(nullptr, &folded, nullptr);
  co_return matched;
}

Task<Result<bool>> MatchList::match_address(std::string_view address) const {
  std::string folded = base::lower(address);
  auto matched = co_await match(nullptr, nullptr, &folded);
  co_return matched;
}

Task<Result<bool>> MatchList::match_client(std::string_view name, std::string_view address) const {
  std::string folded_name = fold_key(name, true);
  std::string folded_address = base::lower(address);
  auto matched = co_await match(nullptr, &folded_name, &folded_address);
  co_return matched;
}

Task<Result<bool>> MatchList::match(const std::string* string, const std::string* domain,
                                    const std::string* address) const {
  std::optional<SockAddr> parsed;
  if (address) parsed = SockAddr::ip(*address, 0);
  for (auto& element : elements_) {
    if (!element->unusable.empty()) {
      log_.warning("{}: {}", title_, element->unusable);
      co_return temporary(element->unusable);
    }
    bool hit = false;
    if (element->table) {
      auto* key = string ? string : address;
      auto found = co_await match_table(*element, domain, key);
      if (!found) co_return found;
      hit = *found;
    } else {
      if (address && !element->bad_network.empty()) {
        log_.warning("{}: {}", title_, element->bad_network);
        co_return temporary(element->bad_network);
      }
      hit = (string && *string == element->text) ||
            (domain && domain_matches(*domain, element->text, parents_)) ||
            (address && (*address == element->text ||
                         (parsed && element->network && element->network->contains(*parsed))));
    }
    if (hit) co_return !element->negated;
  }
  co_return false;
}

Task<Result<bool>> MatchList::match_table(const Element& element, const std::string* domain,
                                          const std::string* key) const {
  std::vector<std::string_view> keys;
  if (domain) {
    std::string_view at = *domain;
    keys.push_back(at);
    while (element.table->keys() == Keys::fixed) {
      auto dot = at.find('.', 1);
      if (dot == std::string_view::npos || dot + 1 >= at.size()) break;
      at = at.substr(parents_ ? dot + 1 : dot);
      keys.push_back(at);
    }
  }
  if (key) keys.push_back(*key);
  for (auto one : keys) {
    if (one.empty()) continue;
    auto now = element.table->try_now(one);
    if (!now) {
      auto found = co_await element.table->lookup(one);
      now.emplace(std::move(found));
    }
    if (!*now) {
      log_.warning("{}: {}: table lookup problem", title_, element.table->name());
      co_return temporary((*now).error().text);
    }
    if (**now) co_return true;
  }
  co_return false;
}

}  // namespace dovetail::lookup
