// Reads main.cf, master.cf and the dovecot tree; what fails is kept as a problem, and the rest goes on.
// SPDX-License-Identifier: Apache-2.0
#include "check/site.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "check/sql/databases.h"
#include "check/tables.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/checks.h"
#include "conf/dovecot/parser.h"

namespace dovetail::check {

namespace {

bool lacks_rights(const std::string& path) {
  return access(path.c_str(), R_OK) != 0 && errno == EACCES;
}

// "Error in configuration file FILE line N: TEXT" -> place and TEXT.
Site::Problem dovecot_problem_of(const std::string& text, const std::string& main_file) {
  constexpr std::string_view head = "Error in configuration file ";
  Site::Problem problem{{main_file, 0}, text, false};
  if (!text.starts_with(head)) return problem;
  auto rest = std::string_view(text).substr(head.size());
  auto colon = rest.find(": ");
  if (colon == rest.npos) return problem;
  auto where = rest.substr(0, colon);
  problem.text = rest.substr(colon + 2);
  auto at = where.rfind(" line ");
  problem.place.file = where.substr(0, at);
  if (at != where.npos)
    problem.place.line = base::parse_number<int>(where.substr(at + 6)).value_or(0);
  return problem;
}

}  // namespace

Site::Site(net::Loop& loop, SiteOptions options, Surroundings surroundings)
    : loop_(loop), options_(std::move(options)), surroundings_(std::move(surroundings)) {
  if (!surroundings_.statvfs) surroundings_.statvfs = ::statvfs;
  if (!surroundings_.now) surroundings_.now = base::wall_now().seconds;
  read_main_cf();
  read_master_cf();
  read_dovecot();
  databases_ = std::make_unique<Databases>(*this);
  tables_ = std::make_unique<Tables>(*this);
}

Site::~Site() = default;

void Site::read_main_cf() {
  auto path = options_.postfix_directory + "/main.cf";
  auto text = base::read_file(path, 16 << 20);
  if (!text) {
    main_cf_problem = Problem{{path, 0}, text.error().text, lacks_rights(path)};
    return;
  }
  auto loaded =
      conf::MainCf::parse(options_.postfix_directory, *text, {}, {.process_name = "postfix"});
  if (!loaded) {
    main_cf_problem = Problem{{path, 0}, loaded.error().text, false};
    return;
  }
  main_cf_ = std::move(*loaded);
  for (auto& line : conf::logical_lines(path, *text, [](const std::string&) {})) {
    auto name = base::trim(base::cut(line.text, '=').first);
    main_cf_lines_[std::string(name)] = line.line;
  }
}

void Site::read_master_cf() {
  if (!main_cf_) return;
  auto path = options_.postfix_directory + "/master.cf";
  auto text = base::read_file(path, 16 << 20);
  if (!text) {
    master_cf_problem = Problem{{path, 0}, text.error().text, lacks_rights(path)};
    return;
  }
  master_cf_text_ = std::move(*text);
  auto parsed = conf::parse_master_cf(path, master_cf_text_, {});
  if (parsed)
    services_ = std::move(*parsed);
  else
    master_cf_problem = Problem{{path, 0}, parsed.error().text, false};
}

// Not load(): a missing user (one fatal line there) must not hide everything else.
void Site::read_dovecot() {
  auto& path = options_.dovecot_conf;
  if (!options_.dovecot_expected && !base::file_exists(path) && errno == ENOENT) return;
  conf::dovecot::Tree tree;
  conf::dovecot::Parser parser(tree);
  auto parsed = parser.parse_file(path);
  if (!parsed) {
    dovecot_problem = dovecot_problem_of(parsed.error().text, path);
    dovecot_problem->denied = parsed.error().text.find("Permission denied") != std::string::npos;
    return;
  }
  tree_ = std::move(tree);
  auto fatal = parser.unclosed();
  if (fatal.empty()) fatal = conf::dovecot::check_tree(*tree_).fatal;
  auto view = tree_->view({});
  if (!view && fatal.empty()) fatal = view.error().text;
  if (!fatal.empty()) {
    dovecot_problem = dovecot_problem_of(fatal, path);
    dovecot_problem->denied = fatal.find("Permission denied") != std::string::npos;
  }
  if (!view) view = tree_->raw_view({});
  if (view) view_ = *view;
}

std::string Site::get(const conf::MainCf& cf, std::string_view name) {
  auto value = cf.value(name);
  return value ? *value : std::string();
}

std::string Site::get(std::string_view name) const {
  return get(*main_cf_, name);
}

Place Site::at(std::string_view name) const {
  auto found = main_cf_lines_.find(name);
  return {options_.postfix_directory + "/main.cf",
          found == main_cf_lines_.end() ? 0 : found->second};
}

Place Site::at(const conf::MasterService& service) const {
  return {options_.postfix_directory + "/master.cf", service.line};
}

Place Site::at(const conf::MasterService& service, std::string_view name) const {
  auto is_it = [&](const conf::Override& one) { return one.name == name; };
  if (std::none_of(service.overrides.begin(), service.overrides.end(), is_it)) return at(name);
  auto lines = base::split(master_cf_text_, '\n');
  auto place = at(service);
  for (auto i = static_cast<size_t>(service.line); i <= lines.size(); ++i) {
    auto line = lines[i - 1];
    bool continued = line.empty() || base::is_space(line[0]) || line[0] == '#';
    if (i > static_cast<size_t>(service.line) && !continued) break;
    auto found = line.find(name);
    if (found == line.npos || base::trim(line).starts_with('#')) continue;
    auto behind = base::trim_left(line.substr(found + name.size()));
    bool whole = found == 0 || (!base::is_alnum(line[found - 1]) && line[found - 1] != '_');
    if (whole && behind.starts_with('=')) place.line = static_cast<int>(i);
  }
  return place;
}

std::vector<ServiceView> Site::services_running(std::string_view program) const {
  std::vector<ServiceView> found;
  for (auto& service : services_) {
    if (service.program == program) found.push_back({&service, main_cf_->with(service.overrides)});
  }
  return found;
}

std::string Site::queue_path(std::string_view path) const {
  if (path.starts_with('/')) return std::string(path);
  return get("queue_directory") + "/" + std::string(path);
}

Place Site::dovecot_at(std::string_view path) const {
  Place place{options_.dovecot_conf, 0};
  for (auto& filter : tree_->filters()) {
    auto* found = conf::dovecot::Tree::find(filter, path);
    if (found && found->file < tree_->files().size())
      place = {tree_->files()[found->file], static_cast<int>(found->line)};
  }
  return place;
}

Place Site::dovecot_block(std::string_view prefix) const {
  for (auto& filter : tree_->filters()) {
    for (auto& setting : filter.settings) {
      if (setting.path.starts_with(prefix) && setting.file < tree_->files().size())
        return {tree_->files()[setting.file], static_cast<int>(setting.line)};
    }
  }
  return {options_.dovecot_conf, 0};
}

std::string Site::dovecot_get(std::string_view key) const {
  return view_->get(key);
}

bool Site::protocol_wanted(std::string_view name) const {
  auto text = view_->get("protocols");
  auto all = base::words(text, " ,");
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::vector<std::string> list_words(std::string_view value) {
  std::vector<std::string> words;
  std::string word;
  int depth = 0;
  for (char c : value) {
    if (c == '{') ++depth;
    if (c == '}') --depth;
    if (depth <= 0 && (c == ',' || base::is_space(c))) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string nearest(std::string_view name, const std::set<std::string>& known, size_t most) {
  std::string best;
  size_t best_distance = (most ? most : std::max<size_t>(2, name.size() / 5)) + 1;
  for (auto& candidate : known) {
    std::vector<size_t> row(candidate.size() + 1);
    for (size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= name.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j < row.size(); ++j) {
        size_t replaced = diagonal + (name[i - 1] != candidate[j - 1]);
        diagonal = row[j];
        row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() > 0 && row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace dovetail::check
