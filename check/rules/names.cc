// Names in the configuration: files that cannot be read, $names and parameters that do not exist, what was renamed or removed,
// what this version does not act on.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "check/rules.h"
#include "check/tables.h"
#include "common/base/text.h"
#include "conf/dovecot/schema.h"
#include "conf/postfix/common_parameters.h"
#include "conf/postfix/parameters.h"

namespace dovetail::check {

namespace {

bool is_name_char(char c) {
  return base::is_alnum(c) || c == '_';
}

// $name, ${name}, $(name), without those that ask whether the name has a value (${name?..}, ${name:..}).
std::vector<std::string> referenced_names(std::string_view value, bool with_tests) {
  std::vector<std::string> names;
  for (size_t i = 0; i + 1 < value.size(); ++i) {
    if (value[i] != '$') continue;
    if (value[i + 1] == '$') {
      ++i;
      continue;
    }
    size_t begin = i + 1;
    bool braced = value[begin] == '{' || value[begin] == '(';
    if (braced) ++begin;
    while (braced && begin < value.size() && base::is_space(value[begin])) ++begin;
    size_t end = begin;
    while (end < value.size() && is_name_char(value[end])) ++end;
    if (end == begin) continue;
    char next = end < value.size() ? value[end] : ' ';
    bool tested = braced && next != '}' && next != ')';
    if (!tested || with_tests) names.emplace_back(value.substr(begin, end - begin));
  }
  return names;
}

// Values that are not expanded as main.cf values: $ means something else there.
bool is_plain_value(std::string_view name) {
  auto* row = conf::find_parameter(name);
  return !row || row->type != conf::Type::raw;
}

struct NameUse {
  Place place;
  std::string user;
  int count = 0;
};

bool is_defined(const Site& site, const std::string& name) {
  return site.main_cf().raw(name).has_value() || conf::find_parameter(name);
}

// What may have been meant: names known, and names set here.
std::string nearest_parameter(const Site& site, std::string_view name) {
  std::set<std::string> known;
  for (auto& row : conf::parameters()) {
    if (row.status != conf::Status::removed) known.emplace(row.name);
  }
  for (auto& [set, value] : site.main_cf().entries()) {
    if (set != name && !conf::find_parameter(set)) known.insert(set);
  }
  return nearest(name, known, 2);
}

std::map<std::string, NameUse> undefined_uses(const Site& site) {
  std::map<std::string, NameUse> found;
  auto look = [&](std::string_view value, const Place& place, std::string user,
                  const std::vector<conf::Override>* own) {
    for (auto& name : referenced_names(value, false)) {
      bool of_service =
          own && std::any_of(own->begin(), own->end(),
                             [&](const conf::Override& one) { return one.name == name; });
      if (of_service || is_defined(site, name)) continue;
      auto& use = found[name];
      if (use.count++ == 0) {
        use.place = place;
        use.user = user;
      }
    }
  };
  for (auto& [name, value] : site.main_cf().entries()) {
    if (is_plain_value(name)) look(value, site.at(name), name, nullptr);
  }
  for (auto& service : site.services()) {
    for (auto& one : service.overrides) {
      if (is_plain_value(one.name))
        look(one.value, site.at(service, one.name), format("{} of {}", one.name, service.name),
             &service.overrides);
    }
  }
  return found;
}

void tell_problem(Report& report, const std::optional<Site::Problem>& problem, std::string effect,
                  std::string remedy = "correct the file") {
  if (!problem) return;
  if (problem->denied) {
    report.add({problem->place, Severity::note, problem->text,
                "what depends on it was not examined", "ask again as root"});
    return;
  }
  report.add(
      {problem->place, Severity::error, problem->text, std::move(effect), std::move(remedy)});
}

// "FILE, line N: TEXT", or a text that names the value it is about.
Finding main_cf_warning(const Site& site, const std::string& warning) {
  Finding finding{site.at(""),
                  Severity::warning,
                  warning,
                  "the value may not be the one that was meant",
                  "correct the line",
                  {}};
  auto head = finding.place.file + ", line ";
  auto colon = warning.find(": ", head.size());
  if (warning.starts_with(head) && colon != warning.npos) {
    finding.place.line =
        base::parse_number<int>(std::string_view(warning).substr(head.size(), colon - head.size()))
            .value_or(0);
    finding.wrong = warning.substr(colon + 2);
    if (finding.wrong.starts_with("overriding")) finding.effect = "the later of the two holds";
    return finding;
  }
  for (auto& [name, value] : site.main_cf().entries()) {
    bool about = warning.find('"') != warning.npos &&
                 value.find(warning.substr(warning.find('"') + 1, 30)) != value.npos;
    if (about) finding.place = site.at(name);
  }
  return finding;
}

// What to do about a line of dovecot.conf that is not understood.
std::string dovecot_remedy(const std::string& text) {
  constexpr std::string_view unknown = "Unknown setting: ";
  if (!text.starts_with(unknown)) return "correct the file";
  auto name = text.substr(unknown.size());
  if (name == "dovecot_config_version" || name == "dovecot_storage_version")
    return "this is a file for Dovecot 2.4; write it in the form of 2.3";
  std::set<std::string> known;
  for (auto& row : conf::dovecot::settings_of("")) known.emplace(row.name);
  auto meant = nearest(name, known);
  return meant.empty() ? "take it out: this release has no such setting (any more)"
                       : format("write {} if that was meant", meant);
}

// What the certificates rule says better.
bool is_certificate_problem(const Site::Problem& problem) {
  return problem.text.starts_with("ssl_cert: Can't open") ||
         problem.text.starts_with("ssl_key: Can't open");
}

}  // namespace

void rule_files(Site& site, Report& report) {
  tell_problem(report, site.main_cf_problem, "no program of Postfix works");
  tell_problem(report, site.master_cf_problem, "master does not start: there is no mail at all");
  if (!site.dovecot_problem || !is_certificate_problem(*site.dovecot_problem))
    tell_problem(report, site.dovecot_problem,
                 "dovecot does not start: no logins, no deliveries to its mailboxes",
                 site.dovecot_problem ? dovecot_remedy(site.dovecot_problem->text) : std::string());
  if (!site.has_postfix()) return;
  for (auto& warning : site.main_cf().warnings()) report.add(main_cf_warning(site, warning));
  if (auto valid = conf::check_common_parameters(site.main_cf()); !valid) {
    report.add({site.at(""), Severity::error, valid.error().text, "no program of Postfix starts",
                "correct the value"});
  }
  if (auto valid = conf::check_owner(site.main_cf()); !valid) {
    auto name =
        valid.error().text.find("mail_owner") != std::string::npos ? "mail_owner" : "setgid_group";
    report.add({site.at(name), Severity::error, valid.error().text, "master does not start",
                "make the user and the group, or correct the value"});
  }
}

void rule_undefined_names(Site& site, Report& report) {
  for (auto& [name, use] : undefined_uses(site)) {
    auto meant = nearest_parameter(site, name);
    auto more = use.count > 1 ? format(" (and in {} more)", use.count - 1) : "";
    report.add({use.place, Severity::warning,
                format("${} in {}{} is defined nowhere", name, use.user, more),
                "it counts as empty, so whatever it was to restrict or choose does not happen",
                meant.empty()
                    ? format("define {} in main.cf, or take it out", name)
                    : format("define {} in main.cf, or write {} if that was meant", name, meant)});
  }
}

namespace {

// Names that something reads, beyond the table: those of other values, of classes, of tables without a file, of transports.
bool is_used(const Site& site, const std::string& name, const std::set<std::string>& referenced) {
  if (conf::find_parameter(name) || referenced.contains(name)) return true;
  auto classes = list_words(site.get("smtpd_restriction_classes"));
  if (std::find(classes.begin(), classes.end(), name) != classes.end()) return true;
  if (auto family = conf::find_transport_parameter(name)) {
    return std::any_of(site.services().begin(), site.services().end(),
                       [&](auto& service) { return service.name == family->transport; });
  }
  return std::any_of(
      site.tables().all().begin(), site.tables().all().end(), [&](const TableRef& table) {
        return table.name.find('/') == std::string::npos && name.starts_with(table.name + "_");
      });
}

}  // namespace

void rule_unused_names(Site& site, Report& report) {
  std::set<std::string> referenced;
  for (auto& [name, value] : site.main_cf().entries()) {
    for (auto& used : referenced_names(value, true)) referenced.insert(used);
  }
  for (auto& service : site.services()) {
    for (auto& word : service.arguments) {
      for (auto& used : referenced_names(word, true)) referenced.insert(used);
    }
  }
  for (auto& [name, value] : site.main_cf().entries()) {
    if (is_used(site, name, referenced)) continue;
    auto meant = nearest_parameter(site, name);
    report.add({site.at(name), Severity::warning,
                format("{} is a parameter that nothing reads", name), "the line has no effect",
                meant.empty() ? "take it out"
                              : format("write {} if that was meant, or take it out", meant)});
  }
}

namespace {

// Tuning and cosmetics: one line for all of them.
void tell_ignored(Report& report, const std::vector<std::string>& names, const Place& place) {
  if (names.empty()) return;
  report.add({place, Severity::note, format("not acted on by this version: {}", some_of(names, 12)),
              "what is tuned or beautified by it stays as it is", "nothing, or take it out"});
}

void unsupported_of_dovecot(Site& site, Report& report) {
  using Action = conf::dovecot::Unsupported::Action;
  std::vector<std::string> ignored;
  for (auto& one : site.tree().unsupported()) {
    auto name = conf::dovecot::unescape_name(one.path);
    if (one.action == Action::ignore) {
      ignored.push_back(name);
      continue;
    }
    report.add({{one.file, static_cast<int>(one.line)},
                Severity::error,
                format("{} is not supported by this version", name),
                one.action == Action::fatal
                    ? "dovecot does not start"
                    : "logins or deliveries that would need it fail for the time being",
                "take it out"});
  }
  tell_ignored(report, ignored, {site.options().dovecot_conf, 0});
}

// What is switched off has the effect it asks for.
bool is_off(const conf::Parameter* row, std::string_view value) {
  return row && row->type == conf::Type::boolean && value == "no";
}

void add_unsupported(Report& report, const conf::Parameter& row, const std::string& what,
                     const Place& place) {
  bool fatal = row.unsupported == conf::Unsupported::fatal;
  report.add({place, Severity::error, format("{} is not supported by this version", what),
              fatal ? "the programs that would act on it do not start"
                    : "the programs that would act on it answer 451 4.3.5 or defer mail",
              "take it out"});
}

}  // namespace

void rule_unsupported(Site& site, Report& report) {
  if (site.has_dovecot()) unsupported_of_dovecot(site, report);
  if (!site.has_postfix()) return;
  using conf::Unsupported;
  std::vector<std::string> ignored;
  for (auto& name : conf::unsupported_parameters(site.main_cf(), Unsupported::ignore)) {
    if (!is_off(conf::find_parameter(name), site.get(name))) ignored.push_back(name);
  }
  tell_ignored(report, ignored, site.at(""));
  for (auto action : {Unsupported::defer, Unsupported::fatal}) {
    for (auto& name : conf::unsupported_parameters(site.main_cf(), action))
      add_unsupported(report, *conf::find_parameter(name), name, site.at(name));
  }
  for (auto& service : site.services()) {
    for (auto& one : service.overrides) {
      auto* row = conf::find_parameter(one.name);
      bool acted_on = !row || row->unsupported == Unsupported::supported ||
                      row->unsupported == Unsupported::ignore;
      if (acted_on || one.value == row->default_value) continue;
      add_unsupported(report, *row, format("{} of {}", one.name, service.name),
                      site.at(service, one.name));
    }
  }
}

namespace {

struct OldName {
  std::string_view name, remedy;
};
// clang-format off
constexpr OldName old_names[] = {
    {"smtpd_use_tls",          "write smtpd_tls_security_level = may"},
    {"smtpd_enforce_tls",      "write smtpd_tls_security_level = encrypt"},
    {"smtp_use_tls",           "write smtp_tls_security_level = may"},
    {"smtp_enforce_tls",       "write smtp_tls_security_level = encrypt"},
    {"smtp_tls_enforce_peername", "write smtp_tls_security_level = verify"},
    {"smtp_tls_per_site",      "use smtp_tls_policy_maps"},
};
// clang-format on

// Whether the default of another parameter is taken from this one.
bool is_asked_for(std::string_view name) {
  for (auto& row : conf::parameters()) {
    auto names = referenced_names(row.default_value, true);
    if (row.name != name && std::find(names.begin(), names.end(), name) != names.end()) return true;
  }
  return false;
}

// "Obsolete setting in FILE:LINE: TEXT" as the reader of dovecot.conf says it.
void obsolete_of_dovecot(Site& site, Report& report) {
  for (auto& warning : site.tree().warnings()) {
    constexpr std::string_view head = "Obsolete setting in ";
    Place place{site.options().dovecot_conf, 0};
    std::string_view text = warning;
    if (text.starts_with(head)) {
      auto colon = text.find(": ", head.size());
      auto [file, line] = base::cut_last(text.substr(head.size(), colon - head.size()), ':');
      place = {std::string(file), base::parse_number<int>(line.value_or("0")).value_or(0)};
      text.remove_prefix(colon + 2);
    } else if (text.find("doveconf -n") != text.npos) {
      continue;  // says only that there are such names
    }
    report.add({place, Severity::warning, std::string(text),
                "this release still takes the old form, the next does not", "write the new form"});
  }
  for (auto& error : site.tree().soft_errors()) {
    report.add({{site.options().dovecot_conf, 0},
                Severity::error,
                error,
                "the setting has no effect",
                "write the new form"});
  }
}

}  // namespace

void rule_obsolete(Site& site, Report& report) {
  if (site.has_dovecot()) obsolete_of_dovecot(site, report);
  if (!site.has_postfix()) return;
  for (auto& [name, value] : site.main_cf().entries()) {
    auto* row = conf::find_parameter(name);
    if (!row) continue;
    auto old = std::find_if(std::begin(old_names), std::end(old_names),
                            [&name = name](auto& one) { return one.name == name; });
    if (row->status == conf::Status::removed && is_asked_for(name)) {
      report.add({site.at(name), Severity::note, format("{} is an old name", name),
                  "it is the default of its successor", "write the new name"});
    } else if (row->status == conf::Status::removed) {
      report.add({site.at(name), Severity::warning, format("{} was removed from Postfix", name),
                  "the line has no effect", "take it out"});
    } else if (old != std::end(old_names)) {
      report.add({site.at(name), Severity::note, format("{} is an old name", name),
                  "it still works and is overruled by the new parameter",
                  std::string(old->remedy)});
    }
  }
}

void rule_compatibility(Site& site, Report& report) {
  auto level = site.get("compatibility_level");
  auto [major, minor] = base::cut(level, '.');
  int number = base::parse_number<int>(major).value_or(0) * 100 +
               base::parse_number<int>(base::cut(minor.value_or("0"), '.').first).value_or(0);
  if (number >= 306) return;
  std::string old = "smtpd_relay_before_recipient_restrictions = no";
  if (number < 200)
    old = "append_dot_mydomain = yes, mynetworks_style = subnet, chroot = y, smtputf8_enable = no";
  report.add({site.at("compatibility_level"), Severity::note,
              site.main_cf().is_set("compatibility_level")
                  ? format("compatibility_level is {}", level)
                  : "compatibility_level is not set",
              format("defaults of old releases hold unless set otherwise ({}), and Postfix says so "
                     "in the log",
                     old),
              "set what you rely on, then compatibility_level = 3.6"});
}

}  // namespace dovetail::check
