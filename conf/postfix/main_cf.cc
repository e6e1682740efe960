// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/main_cf.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "conf/expand.h"
#include "conf/postfix/computed_defaults.h"
#include "conf/postfix/parameters.h"
#include "conf/units.h"

namespace dovetail::conf {

namespace {

constexpr int kMaxComputedNesting = 4;

}  // namespace

Result<Override> parse_override(std::string_view text) {
  std::string inner(text);
  if (text.starts_with('{')) {
    auto unbraced = unbrace(text);
    if (!unbraced) return unbraced.error();
    inner = std::move(*unbraced);
  }
  auto pair = split_name_value(inner);
  if (!pair) return pair.error();
  return Override{std::move(pair->name), std::move(pair->value)};
}

std::string config_directory(std::string_view dash_c) {
  if (!dash_c.empty()) return std::string(dash_c);
  const char* from_environment = ::getenv("MAIL_CONFIG");
  return from_environment ? from_environment : "/etc/postfix";
}

std::vector<LogicalLine> logical_lines(std::string_view name, std::string_view text,
                                       const std::function<void(const std::string&)>& warn) {
  std::vector<LogicalLine> lines;
  int number = 0;
  while (!text.empty()) {
    ++number;
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::string_view trimmed = base::trim_left(line);
    // Comments and empty lines vanish even between a line and its continuation.
    if (trimmed.empty() || trimmed[0] == '#') continue;
    bool continues = base::is_space(line[0]);
    if (!continues) {
      lines.push_back({std::string(line), number});
    } else if (!lines.empty()) {
      lines.back().text += line;
    } else if (warn) {
      warn(format("{}: logical line must not start with whitespace: \"{}\"", name, line));
    }
  }
  return lines;
}

Result<MainCf> MainCf::load(std::string directory, const std::vector<Override>& dash_o,
                            LoadOptions options) {
  std::string file = directory + "/main.cf";
  std::string text;
  if (auto fd = base::open_file(file, O_RDONLY)) {
    auto content = base::read_all(fd->get());
    if (!content) {
      std::string_view reason = content.error().text;  // "read: Is a directory"
      return config_error(
          format("read {}{}", file, reason.substr(std::min(reason.find(": "), reason.size()))));
    }
    text = std::move(*content);
  } else if (!(options.missing_is_empty && errno == ENOENT)) {
    return Error{Fault::config, fd.error().text};
  }
  return parse(std::move(directory), text, dash_o, std::move(options));
}

Result<MainCf> MainCf::parse(std::string directory, std::string_view text,
                             const std::vector<Override>& dash_o, LoadOptions options) {
  MainCf cf;
  cf.file_ = directory + "/main.cf";
  cf.config_directory_ = std::move(directory);
  cf.options_ = std::move(options);
  if (cf.options_.process_name.empty()) cf.options_.process_name = program_invocation_short_name;
  if (!cf.options_.missing_is_empty) cf.entries_["config_directory"] = cf.config_directory_;
  if (auto done = cf.read_text(text); !done) return done.error();
  for (const Override& o : dash_o) cf.entries_[o.name] = o.value;
  return cf;
}

Result<void> MainCf::read_text(std::string_view text) {
  auto pass_on = [this](const std::string& warning) { warn(warning); };
  for (const LogicalLine& line : logical_lines(file_, text, pass_on)) {
    auto pair = split_name_value(line.text);
    if (!pair) return pair.error().wrap(format("{}, line {}", file_, line.line));
    auto [at, added] = entries_.try_emplace(pair->name, pair->value);
    if (!added && at->second != pair->value) {
      warn(format("{}, line {}: overriding earlier entry: {}={}", file_, line.line, at->first,
                  at->second));
      at->second = std::move(pair->value);
    }
  }
  return {};
}

void MainCf::warn(std::string text) const {
  if (options_.warn) return options_.warn(text);
  warnings_.push_back(std::move(text));
}

bool MainCf::is_set(std::string_view name) const {
  return entries_.find(name) != entries_.end();
}

Result<std::optional<std::string>> MainCf::default_value(std::string_view name) const {
  using Text = std::optional<std::string>;
  // myhostname = host.$mydomain, where mydomain would be taken from myhostname: nothing, in the end.
  if (computing_ >= kMaxComputedNesting) return Text("");
  ++computing_;
  auto computed = computed_default(*this, name);
  --computing_;
  if (!computed || *computed) return computed;
  if (auto vendor = vendor_default(name)) return Text(*vendor);
  if (const Parameter* row = find_parameter(name)) {
    // Old names are only there if somebody sets them: the new name's default asks for them.
    bool absent = row->status == Status::legacy_alias || row->status == Status::removed;
    return absent ? Text() : Text(row->default_value);
  }
  if (auto family = find_transport_parameter(name))
    return Text(format("${}", family->family->default_name));
  return Text();
}

std::optional<std::string> MainCf::raw(std::string_view name) const {
  if (auto at = entries_.find(name); at != entries_.end()) return at->second;
  auto value = default_value(name);
  return value ? *value : std::string();
}

Result<std::string> MainCf::value(std::string_view name) const {
  std::string text;
  if (auto at = entries_.find(name); at != entries_.end()) {
    text = at->second;
  } else {
    auto value = default_value(name);
    if (!value) return value.error();
    if (*value) text = std::move(**value);
  }
  const Parameter* row = find_parameter(name);
  if (row && row->type == Type::raw) return text;
  return expand_or_warn(text);
}

Result<std::string> MainCf::expand(std::string_view text) const {
  return expand_or_warn(text);
}

Result<std::string> MainCf::expand_or_warn(std::string_view text) const {
  auto lookup = [this](std::string_view name, bool) { return raw(name); };
  auto expanded = conf::expand(text, lookup);
  if (expanded) return std::move(expanded->text);
  warn(expanded.error().text);
  return config_error("dictionary mail_dict: macro processing error");
}

std::string MainCf::get(std::string_view name) const {
  auto text = value(name);
  if (text) return std::move(*text);
  Logger log(options_.process_name);
  for (const std::string& warning : warnings_) log.warning("{}", warning);
  log.fatal("{}", text.error().text);
  ::exit(1);
}

MainCf MainCf::stressed() const {
  return with({{"stress", "yes"}});
}

MainCf MainCf::with(const std::vector<Override>& overrides) const {
  MainCf copy = *this;
  for (const Override& o : overrides) copy.entries_[o.name] = o.value;
  return copy;
}

}  // namespace dovetail::conf
