// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/master_cf.h"

#include <algorithm>
#include <iterator>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::conf {
namespace {

using Flag = MasterService::Flag;
using Words = std::vector<std::string>;

constexpr std::string_view kServiceTypes[] = {"inet", "unix", "unix-dgram", "fifo", "pass"};
constexpr size_t kFieldCount = 8;

Error invalid_field(std::string_view field, const std::string& value, std::string_view line,
                    bool as_parent) {
  if (as_parent) return config_error(format("field \"{}\": bad value: \"{}\"", field, value));
  return config_error(format("invalid {} field \"{}\" in \"{}\"", field, value, line));
}

std::optional<Flag> parse_flag(const std::string& word) {
  if (word == "-") return Flag::unset;
  if (word == "y") return Flag::yes;
  if (word == "n") return Flag::no;
  return std::nullopt;
}

bool parse_wakeup(std::string_view word, MasterService& service) {
  if (word == "-") return true;
  if (word.ends_with('?')) {
    service.wakeup_if_used = true;
    word.remove_suffix(1);
  }
  auto seconds = base::parse_number<int>(word);
  if (!seconds || *seconds < 0) return false;
  service.wakeup = *seconds;
  return true;
}

bool parse_process_limit(std::string_view word, MasterService& service) {
  if (word == "-") return true;
  auto limit = base::parse_number<int>(word);
  if (!limit || *limit < 0) return false;
  service.process_limit = *limit;
  return true;
}

Result<void> parse_fields(std::string_view line, MasterService& service, bool as_parent) {
  const auto& f = service.fields;
  if (std::find(std::begin(kServiceTypes), std::end(kServiceTypes), f[1]) ==
      std::end(kServiceTypes)) {
    return invalid_field("type", f[1], line, as_parent);
  }
  struct {
    std::string_view name;
    Flag MasterService::*flag;
  } columns[] = {{"private", &MasterService::is_private},
                 {"unprivileged", &MasterService::unprivileged},
                 {"chroot", &MasterService::chroot}};
  for (size_t i = 0; i < std::size(columns); ++i) {
    auto flag = parse_flag(f[2 + i]);
    if (!flag) return invalid_field(columns[i].name, f[2 + i], line, as_parent);
    service.*columns[i].flag = *flag;
  }
  if (!parse_wakeup(f[5], service)) return invalid_field("wakeup", f[5], line, as_parent);
  if (!parse_process_limit(f[6], service))
    return invalid_field("process_limit", f[6], line, as_parent);
  if (as_parent && f[1] == "inet" && service.is_private == Flag::yes)
    return config_error("an inet service cannot be private");
  service.name = f[0];
  service.type = f[1];
  service.program = f[7].starts_with('{') ? braced_text(f[7]) : f[7];
  return {};
}

class Arguments {
 public:
  Arguments(MasterService& service, const MasterCfOptions& options)
      : service_(service), options_(options) {}

  // Options stand first; -o in any of them ("-vo name=value", "-oname=value") takes what follows.
  void read(const Words& words) {
    size_t i = 0;
    for (; i < words.size() && words[i].starts_with('-') && words[i] != "--"; ++i) {
      size_t o = words[i].find('o', 1);
      if (o == std::string::npos) {
        service_.arguments.push_back(words[i]);
        continue;
      }
      if (o > 1) service_.arguments.push_back(words[i].substr(0, o));
      std::string text = words[i].substr(o + 1);
      bool missing = text.empty() && i + 1 == words.size();
      if (text.empty() && !missing) text = words[++i];
      service_.arguments.push_back("-o");
      if (!missing) read_override(text);
    }
    for (; i < words.size(); ++i) {
      std::string word = words[i].starts_with('{') ? strip(words[i]) : words[i];
      service_.arguments.push_back(word);
      service_.own_arguments.push_back(std::move(word));
    }
  }

 private:
  void warn(const std::string& text) const {
    if (options_.warn) options_.warn("master.cf: " + text);
  }

  std::string strip(const std::string& word) const {
    auto text = unbrace(word);
    if (text) return std::move(*text);
    warn(text.error().text);
    return braced_text(word);
  }

  void read_override(const std::string& word) {
    bool braced = word.starts_with('{');
    std::string text = braced ? strip(word) : word;
    auto pair = split_name_value(text);
    if (pair) {
      if (braced) text = pair->name + "=" + pair->value;
      service_.overrides.push_back({std::move(pair->name), std::move(pair->value)});
    } else if (braced) {
      warn(pair.error().text);
    }
    service_.arguments.push_back(std::move(text));
  }

  MasterService& service_;
  const MasterCfOptions& options_;
};

}  // namespace

bool MasterService::run_chrooted(const MainCf& cf) const {
  if (chroot != Flag::unset) return chroot == Flag::yes;
  auto level = parse_compat_level(cf.get("compatibility_level"));
  return !level || *level < CompatLevel{1, 0, 0};
}

Result<MasterService> parse_master_line(std::string_view line, const MasterCfOptions& options) {
  Words words = split_list(line, base::kSpace);
  if (words.size() < kFieldCount) return config_error("bad field count");
  MasterService service;
  std::copy_n(words.begin(), kFieldCount, service.fields);
  if (auto done = parse_fields(base::trim(line), service, options.as_parent); !done)
    return done.error();
  words.erase(words.begin(), words.begin() + kFieldCount);
  Arguments(service, options).read(words);
  return service;
}

Result<std::vector<MasterService>> parse_master_cf(const std::string& name, std::string_view text,
                                                   const MasterCfOptions& options) {
  std::vector<MasterService> services;
  for (const LogicalLine& line : logical_lines(name, text, options.warn)) {
    auto service = parse_master_line(line.text, options);
    if (!service && service.error().text == "bad field count") {
      return service.error().wrap(format("file {}: line {}", name, line.line));
    }
    if (!service && options.as_parent)
      return service.error().wrap(format("{}: line {}", name, line.line));
    if (!service) return service.error();
    service->line = line.line;
    services.push_back(std::move(*service));
  }
  return services;
}

Result<std::vector<MasterService>> load_master_cf(const std::string& path,
                                                  const MasterCfOptions& options) {
  auto text = base::read_file(path);
  if (!text) return config_error(text.error().text);
  return parse_master_cf(path, *text, options);
}

}  // namespace dovetail::conf
