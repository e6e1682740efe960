// Which parameters exist, and who mentions them: without that no misspelt name could be reported as unused.
// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/expand.h"
#include "conf/postfix/parameters.h"
#include "conf/postfix/table_cf.h"
#include "conf/units.h"
#include "mta/tools/postconf/postconf.h"
#include "mta/tools/postconf/table_parameters.h"

namespace dovetail::mta::postconf {
namespace {

constexpr std::string_view kDeliveryAgents[] = {"local", "error", "virtual",
                                                "lmtp",  "smtp",  "pipe"};

bool is_delivery_agent(std::string_view program) {
  return std::find(std::begin(kDeliveryAgents), std::end(kDeliveryAgents), program) !=
         std::end(kDeliveryAgents);
}

}  // namespace

Known::Known(const conf::MainCf& cf, const std::vector<conf::MasterService>& services, bool scan)
    : cf_(cf), services_(services) {
  for (const conf::Parameter& p : conf::parameters()) {
    // A setting of a later release is unused unless we act on it.
    bool later = p.status == conf::Status::newer && p.unsupported != conf::Unsupported::supported;
    bool gone = p.status == conf::Status::removed || p.status == conf::Status::legacy_alias;
    if (!later && !gone) names_.emplace(p.name, Class::builtin);
  }
  add_services();
  if (!scan) return;
  warn_read_only();
  add_restriction_classes();
  add_mentioned();
  for (const auto& [name, value] : cf_.entries()) {
    add_tables_of(name, value);
  }
  for (const auto& service : services_) {
    for (const auto& o : service.overrides) add_tables_of(o.name, o.value);
  }
}

void Known::add_services() {
  for (const conf::MasterService& service : services_) {
    bool commands = service.program == "pipe" || service.program == "spawn";
    if (!commands && !is_delivery_agent(service.program)) continue;
    for (const conf::TransportFamily& family : conf::transport_families()) {
      if (family.command_only ? !commands : service.program == "spawn") continue;
      names_.insert_or_assign(service.name + std::string(family.suffix), Class::service);
    }
  }
}

void Known::add_restriction_classes() {
  auto value = cf_.value("smtpd_restriction_classes");
  if (!value) return;
  for (std::string_view name : base::words(*value, conf::kListSeparators)) mention_name(name, true);
}

// Every $name in main.cf, in defaults and in -o values makes a main.cf entry of that name a parameter.
void Known::add_mentioned() {
  auto known = names_;
  for (const auto& [name, type] : known) {
    const conf::Parameter* row = conf::find_parameter(name);
    if (row && row->type == conf::Type::raw) continue;  // its names are not main.cf's
    auto otherwise = cf_.default_value(name);
    if (!otherwise) fatal_value(otherwise.error());
    if (*otherwise) mention(**otherwise, false);
  }
  for (const auto& [name, value] : cf_.entries()) {
    const conf::Parameter* row = conf::find_parameter(name);
    if (!row || row->type != conf::Type::raw) mention(value, true);
  }
  for (const auto& service : services_) mention_in_service(service);
}

void Known::mention_name(std::string_view name, bool may_be_undefined) {
  if (names_.find(name) != names_.end()) return;
  if (cf_.is_set(name)) {
    names_.emplace(name, Class::user);
  } else if (may_be_undefined && warned_.emplace(name).second) {
    warning(format("{}: undefined parameter: {}", cf_.file(), name));
  }
}

void Known::mention(std::string_view text, bool may_be_undefined) {
  auto seen = [&](std::string_view name) { mention_name(name, may_be_undefined); };
  // Texts that are not macros of main.cf (smtpd_expansion_filter) may look odd.
  auto done = conf::scan_names(text, seen);
  if (!done && may_be_undefined) warning(done.error().text);
}

void Known::mention_in_service(const conf::MasterService& service) {
  auto has_override = [&](std::string_view name) {
    return std::any_of(service.overrides.begin(), service.overrides.end(),
                       [&](const auto& o) { return o.name == name; });
  };
  std::set<std::string, std::less<>> missing;
  auto seen = [&](std::string_view name) {
    if (has_override(name))
      used_in_master_.emplace(format("{}/{}/{}", service.name, service.type, name));
    if (names_.find(name) != names_.end()) return;
    if (cf_.is_set(name)) {
      names_.emplace(name, Class::user);
    } else if (!has_override(name) && missing.emplace(name).second) {
      warning(format("{}/master.cf: undefined parameter: {}", cf_.config_directory(), name));
    }
  };
  for (const auto& o : service.overrides) {
    if (auto done = conf::scan_names(o.value, seen); !done) warning(done.error().text);
  }
}

// What the administrator calls his own parameters is not known to hold tables, only where it is used.
void Known::add_tables_of(std::string_view name, const std::string& value) {
  auto known = names_.find(name);
  if (known == names_.end() || known->second == Class::user) return;
  const conf::Parameter* row = conf::find_parameter(name);
  if (row && row->type == conf::Type::raw) return;
  add_table_parameters(expand_value(cf_, value, false));
}

// Finds type:source with a type whose tables have a configuration of their own.
void Known::add_table_parameters(const std::string& text) {
  for (std::string word : conf::split_list(text)) {
    while (word.starts_with("proxy:")) word.erase(0, 6);
    auto [type, source] = base::cut(word, ':');
    bool braced = word.starts_with('{');
    if (braced ||
        (source && source->starts_with('{'))) {  // "{ table }", "unionmap:{ table, table }"
      std::string group(braced ? std::string_view(word) : *source);
      if (auto inside = conf::unbrace(group); !inside) warning("main.cf: " + inside.error().text);
      add_table_parameters(conf::braced_text(group));
      continue;
    }
    if (!source || source->empty() || !table_type_parameters(type)) continue;
    if (tables_.emplace(format("{}:{}", type, *source)).second)
      add_table(type, std::string(*source));
  }
}

void Known::add_table(std::string_view type, const std::string& source) {
  auto parameters = *table_type_parameters(type);
  if (source[0] != '/' && source[0] != '.') {
    for (std::string_view suffix : parameters) {
      std::string name = format("{}_{}", source, suffix);
      if (cf_.is_set(name)) names_.emplace(std::move(name), Class::user);
    }
    return;
  }
  auto table = conf::TableCf::open(cf_, type, source);
  if (!table) return warning(table.error().text);
  for (const auto& [name, value] : table->entries()) {
    if (std::find(parameters.begin(), parameters.end(), name) == parameters.end()) {
      warning(format("{}:{}: unused parameter: {}={}", type, source, name, value));
    }
  }
}

void Known::warn_read_only() const {
  auto warn = [](const std::string& file, const std::string& name, const std::string& value) {
    const conf::Parameter* row = conf::find_parameter(name);
    if (!row || row->type != conf::Type::read_only) return;
    warning(format("{}: read-only parameter assignment: {}={}", file, name, value));
  };
  for (const auto& service : services_) {
    for (const auto& o : service.overrides)
      warn(cf_.config_directory() + "/master.cf", o.name, o.value);
  }
  for (const auto& [name, value] : cf_.entries()) warn(cf_.file(), name, value);
}

void Known::warn_unused_in_main() const {
  ::fflush(stdout);
  for (const auto& [name, value] : cf_.entries()) {
    if (names_.find(name) == names_.end()) {
      warning(format("{}: unused parameter: {}={}", cf_.file(), name, value));
    }
  }
}

void Known::warn_unused_in_master() const {
  ::fflush(stdout);
  for (const auto& service : services_) {
    std::map<std::string, std::string> last;
    for (const auto& o : service.overrides) last[o.name] = o.value;
    for (const auto& [name, value] : last) {
      std::string id = format("{}/{}/{}", service.name, service.type, name);
      if (names_.find(name) != names_.end() || used_in_master_.count(id)) continue;
      warning(format("{}/master.cf: unused parameter: {}={}", cf_.config_directory(), name, value));
    }
  }
}

}  // namespace dovetail::mta::postconf
