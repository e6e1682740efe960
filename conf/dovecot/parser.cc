// dovecot.conf's lines given their meaning.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/parser.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/filters.h"
#include "conf/dovecot/obsolete.h"
#include "conf/dovecot/values.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr std::size_t kMaxIncludeDepth = 32;

bool is_filter_key(std::string_view key) {
  return key == "protocol" || key == "local" || key == "local_name" || key == "remote";
}

// A directory reads as empty, as the incumbent's stream of it does.
Result<std::string> read_config_file(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return std::string();
  auto fd = base::open_file(path, O_RDONLY);
  if (!fd) return config_error(format("open({}) failed: {}", path, std::strerror(errno)));
  return base::read_all(fd->get(), 16 << 20);
}

bool accepts_value(const Place& place) {
  if (place.map_element) return true;
  return place.row->type != Type::named_list && place.row->type != Type::unnamed_list &&
         place.row->type != Type::map;
}

// The words of a value that are looked up: those that begin with $ after a blank or at the start.
bool has_variable_word(std::string_view value) {
  return !value.empty() && (value[0] == '$' || value.find(" $") != std::string_view::npos);
}

}  // namespace

const std::string& Parser::prefix() const {
  static const std::string none;
  return stack_.empty() ? none : stack_.back().prefix;
}

Error Parser::at_line(const Error& error) const {
  return config_error(format("Error in configuration file {} line {}: {}", tree_.files()[file_],
                             line_, error.text));
}

Error Parser::unknown_setting(std::string_view key) const {
  std::string text = "Unknown setting: ";
  for (auto& section : stack_) {
    if (!section.is_filter && !section.auth) text += section.key + " { ";
  }
  return config_error(text + std::string(key));
}

Result<void> Parser::parse_file(const std::string& path) {
  auto text = read_config_file(path);
  if (!text) return text.error();
  return parse_text(*text, path);
}

Result<void> Parser::parse_text(std::string_view text, const std::string& path) {
  auto outer_file = file_, outer_line = line_;
  open_files_.push_back(path);
  file_ = tree_.add_file(path);
  line_ = 0;
  LineReader reader;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    ++line_;
    auto line = reader.read(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ambiguous_comment) {
      tree_.warn(format(
          "Configuration file {} line {}: Ambiguous '#' character in line, treating it as comment. "
          "Add a space before it to remove this warning.",
          path, line_));
    }
    if (auto taken = take(line); !taken) return taken;
  }
  open_files_.pop_back();
  file_ = outer_file;
  line_ = outer_line;
  return {};
}

Result<void> Parser::take(const Line& line) {
  Result<void> done;
  switch (line.kind) {
    case Line::Kind::skip:
      return {};
    case Line::Kind::error:
      return at_line(config_error(line.value));
    case Line::Kind::include:
    case Line::Kind::include_try:
      return include(line, line.kind == Line::Kind::include);
    case Line::Kind::setting:
      done = set(line);
      break;
    case Line::Kind::block:
      done = open_block(line.key, line.value);
      break;
    case Line::Kind::block_end:
      done = close_block();
      break;
  }
  if (!done) return at_line(done.error());
  return {};
}

Result<void> Parser::include(const Line& line, bool must_exist) {
  std::string pattern = line.value;
  if (pattern.empty() || pattern[0] != '/')
    pattern = format("{}/{}", base::dirname(open_files_.back()), line.value);
  // A plain name beside a file given without directory keeps that form in messages.
  bool bare = open_files_.back().find('/') == std::string::npos;
  if (bare && !line.value.empty() && line.value[0] != '/') pattern = line.value;
  glob_t found{};
  int failed = glob(pattern.c_str(), GLOB_BRACE, nullptr, &found);
  std::vector<std::string> paths;
  if (failed == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (failed == GLOB_NOMATCH) {
    if (must_exist) return at_line(config_error("No matches"));
    return {};
  }
  if (failed != 0) return at_line(config_error("glob() failed"));
  std::sort(paths.begin(), paths.end());
  for (auto& path : paths) {
    bool open = std::find(open_files_.begin(), open_files_.end(), path) != open_files_.end();
    if (open || open_files_.size() >= kMaxIncludeDepth) {
      return at_line(config_error(format("Recursive include file: {}", path)));
    }
    auto text = read_config_file(path);
    if (!text && !must_exist) continue;
    if (!text) {
      auto reason = std::string_view(text.error().text);
      return at_line(config_error(format(
          "Couldn't open include file {}: {}", path,
          base::trim_left(reason.substr(std::min(reason.find("failed:") + 7, reason.size()))))));
    }
    if (auto parsed = parse_text(*text, path); !parsed) return parsed;
  }
  return {};
}

bool Parser::element_exists(const std::string& list, const std::string& escaped) const {
  auto builtin = builtin_elements(list);
  if (std::find(builtin.begin(), builtin.end(), escaped) != builtin.end()) return true;
  for (auto& filter : tree_.filters()) {
    auto found = filter.lists.find(list);
    if (found == filter.lists.end()) continue;
    if (std::find(found->second.begin(), found->second.end(), escaped) != found->second.end())
      return true;
  }
  return false;
}

// Adds the element if it is new and returns its escaped name.
Result<std::string> Parser::add_element(const std::string& list, const Place& place,
                                        const std::string& name) {
  auto& here = tree_.filters()[filter()].lists[list];
  std::string escaped = name.empty() ? std::string() : escape_name(name);
  if (name.empty()) {
    std::size_t number = 0;
    for (auto& other : tree_.filters()) {
      auto found = other.lists.find(list);
      if (found != other.lists.end()) number += found->second.size();
    }
    escaped = std::to_string(number);
  } else if (place.row->type == Type::unnamed_list && element_exists(list, escaped)) {
    return config_error(format("{}/{} already exists", place.row->name, name));
  }
  if (std::find(here.begin(), here.end(), escaped) == here.end()) here.push_back(escaped);
  return escaped;
}

Result<void> Parser::open_block(const std::string& key, const std::string& name) {
  ObsoleteNames obsolete(*this);
  if (auto handled = obsolete.open_block(key, name); !handled || *handled) {
    if (!handled) return handled.error();
    return {};
  }
  if (is_filter_key(key)) return open_filter(key, obsolete.protocol_name(key, name));
  std::string list = prefix() + key;
  auto place = place_of(list);
  bool in_map = place && place->map_element;
  if (!in_map && !stack_.empty()) {
    auto outer = place_of(prefix().substr(0, prefix().size() ? prefix().size() - 1 : 0));
    in_map = outer && outer->row && outer->row->type == Type::map;
  }
  if (in_map) return config_error("Section not allowed here");
  if (!place) return unknown_setting(format("{} {{ {}", key, key));
  Section section{key, list + "/", filter(), false, false, file_, line_};
  if (place->row->type == Type::map) {
    tree_.filters()[filter()].lists.try_emplace(list);
  } else {
    if (accepts_value(*place)) return config_error("Section not allowed here");
    if (auto allowed = check_auth_in_filter(list, *place); !allowed) return allowed;
    auto element = add_element(list, *place, obsolete.service_name(key, name));
    if (!element) return element.error();
    section.prefix += *element + "/";
  }
  stack_.push_back(std::move(section));
  return {};
}

Result<void> Parser::open_filter(const std::string& key, const std::string& name) {
  auto& outer = tree_.filters()[filter()];
  Filter made;
  made.protocol = outer.protocol;
  made.local_name = outer.local_name;
  made.local = outer.local;
  made.remote = outer.remote;
  made.local_text = outer.local_text;
  made.remote_text = outer.remote_text;
  made.parent = static_cast<int>(filter());
  made.file = file_;
  made.line = line_;
  // Filters nest in one order only: local, local_name, remote, protocol.
  constexpr std::string_view kOrder[] = {"local", "local_name", "remote", "protocol"};
  const bool inside[] = {!outer.local.bytes.empty(), !outer.local_name.empty(),
                         !outer.remote.bytes.empty(), !outer.protocol.empty()};
  auto rank = static_cast<std::size_t>(std::find(std::begin(kOrder), std::end(kOrder), key) -
                                       std::begin(kOrder));
  if (rank == 3 && inside[3])
    return config_error("Nested protocol { protocol { .. } } block not allowed");
  for (std::size_t at = 3; at > rank; --at) {
    if (!inside[at]) continue;
    return config_error(
        format("{} {{ {} {{ .. }} }} not allowed (use {} {{ {} {{ .. }} }} instead)", kOrder[at],
               key, key, kOrder[at]));
  }
  if (key == "protocol") {
    made.protocol = name;
  } else if (key == "local_name") {
    made.local_name = name;
  } else {
    auto& net = key == "local" ? made.local : made.remote;
    auto& text = key == "local" ? made.local_text : made.remote_text;
    auto parsed = parse_filter_net(name, net, text);
    if (!parsed) return parsed;
    auto& outer_net = key == "local" ? outer.local : outer.remote;
    if (!net_contains(outer_net, net)) {
      return config_error(
          format("{0} net1 {{ {0} net2 {{ .. }} }} requires net2 to be inside net1", key));
    }
  }
  auto& filters = tree_.filters();
  auto same = std::find_if(filters.begin(), filters.end(),
                           [&](const Filter& f) { return same_filter(f, made); });
  auto index = static_cast<std::size_t>(same - filters.begin());
  Section section{key, prefix(), index, true, false, file_, line_};
  if (same == filters.end()) filters.push_back(std::move(made));
  stack_.push_back(std::move(section));
  return {};
}

Result<void> Parser::close_block() {
  if (stack_.empty()) return config_error("Unexpected '}'");
  stack_.pop_back();
  return {};
}

std::string Parser::unclosed() const {
  if (stack_.empty()) return {};
  auto& section = stack_.back();
  return format("Missing '}}' (section started at {}:{})", tree_.files()[section.file],
                section.line);
}

Result<void> Parser::set(const Line& line) {
  ObsoleteNames obsolete(*this);
  Line converted = line;
  auto handled = obsolete.set(converted);
  if (!handled) return handled.error();
  if (*handled) return {};
  if (converted.key.empty() && prefix().empty()) {
    return config_error("Missing key name ('=' at the beginning of line)");
  }
  return assign(prefix() + converted.key, converted);
}

Result<void> Parser::check_auth_in_filter(const std::string& path, const Place& place) const {
  auto& here = tree_.filters()[filter()];
  bool narrow = !here.local.bytes.empty() || !here.remote.bytes.empty() || !here.local_name.empty();
  if (!narrow || !place.top || (place.top->readers & kAuth) == 0) return {};
  return config_error(format("Auth settings not supported inside local/remote blocks: {}", path));
}

std::string Parser::current_value(const std::string& path) const {
  for (int at = static_cast<int>(filter()); at >= 0;
       at = tree_.filters()[static_cast<std::size_t>(at)].parent) {
    auto found = Tree::find(tree_.filters()[static_cast<std::size_t>(at)], path);
    if (found) return found->value;
    if (at == 0) break;
  }
  auto row = find_setting("", path);
  return row ? std::string(default_of("", *row)) : std::string();
}

// `key = $key more`: the value seen so far, put in while reading.
Result<std::string> Parser::expand_self(const std::string& path, const std::string& key,
                                        const std::string& value) const {
  std::string out;
  auto name = "$" + key;
  for (auto word : base::split(value, ' ')) {
    if (!out.empty() || word.data() != value.data()) out += ' ';
    if (word != name) {
      out += word;
    } else if (path.find('/') != std::string::npos) {
      return config_error(format("Unknown variable: {}", name));
    } else {
      out += current_value(path);
    }
  }
  return out;
}

void Parser::warn_about_earlier_filters(const std::string& path) {
  if (path.find('/') != std::string::npos) return;
  auto& filters = tree_.filters();
  for (std::size_t at = 1; at < filters.size(); ++at) {
    auto found = filters[at].command_line ? nullptr : Tree::find(filters[at], path);
    if (!found) continue;
    auto there = tree_.where(found->file, found->line);
    tree_.warn(
        format("{} line {}: Global setting {} won't change the setting inside an earlier filter at "
               "{} (if this "
               "is intentional, avoid this warning by moving the global setting before {})",
               tree_.files()[file_], line_, path, there, there));
    return;
  }
}

Result<void> Parser::assign(const std::string& written, const Line& line) {
  auto slash = written.rfind('/');
  std::string path = written;
  auto place = place_of(path);
  if (!place || !accepts_value(*place)) return unknown_setting(line.key);
  auto block = place->map_element ? std::string_view() : place->block;
  if (!place->map_element) {
    auto last = std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
    auto real = std::string(resolve_alias(block, last));
    if (real != last) {
      path = path.substr(0, slash == std::string::npos ? 0 : slash + 1) + real;
      place = place_of(path);
    }
    // service/foo/user = x: the element has to be there already.
    auto parts = path_parts(path);
    std::string list(parts[0]);
    for (std::size_t at = 1; at + 1 < parts.size(); at += 2) {
      if (!element_exists(list, std::string(parts[at]))) return unknown_setting(line.key);
      list += format("/{}/{}", parts[at], parts[at + 1]);
    }
  }
  if (auto allowed = check_auth_in_filter(written, *place); !allowed) return allowed;
  Assignment made{path, line.value, line.expand, line.from_file, file_, line_};
  if (made.expand) {
    auto expanded = expand_self(path, line.key, made.value);
    if (!expanded) return expanded.error();
    made.value = *expanded;
    made.expand = has_variable_word(made.value);
  }
  if (!made.expand && !made.from_file && place->row) {
    auto checked = canonical_value(place->row->type, place->row->choices, made.value);
    if (!checked) return checked.error();
    made.value = *checked;
  }
  auto& here = tree_.filters()[filter()];
  if (filter() == 0) warn_about_earlier_filters(path);
  auto same = std::find_if(here.settings.begin(), here.settings.end(),
                           [&](const Assignment& other) { return other.path == path; });
  if (same != here.settings.end()) {
    *same = std::move(made);
  } else {
    here.settings.push_back(std::move(made));
  }
  return {};
}

Result<void> Parser::apply_override(const Override& override) {
  auto& filters = tree_.filters();
  auto found =
      std::find_if(filters.begin(), filters.end(), [](const Filter& f) { return f.command_line; });
  auto index = static_cast<std::size_t>(found - filters.begin());
  if (found == filters.end()) {
    filters.emplace_back();
    filters.back().command_line = true;
    filters.back().parent = 0;
  }
  file_ = tree_.add_file("-o");
  line_ = 0;
  stack_.push_back(Section{"-o", "", index, true, false, file_, 0});
  Line line;
  line.kind = Line::Kind::setting;
  line.key = override.key;
  line.value = override.value;
  auto done = set(line);
  stack_.pop_back();
  if (!done)
    return config_error(
        format("Invalid -o parameter {}={}: {}", override.key, override.value, done.error().text));
  return {};
}

}  // namespace dovetail::conf::dovecot
