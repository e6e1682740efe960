// The master.cf modes: entries (-M), single fields (-F), -o parameters (-P).
// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "common/base/text.h"
#include "mta/tools/postconf/master_fields.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

using conf::MasterService;

class MasterView {
 public:
  MasterView(const Options& options, const conf::MainCf& cf,
             const std::vector<MasterService>& services)
      : options_(options), cf_(cf), services_(services) {}

  // In the order of master.cf; a service that two requests ask for is shown twice.
  void show(const std::vector<std::string>& requests) {
    std::vector<ServicePattern> patterns;
    for (const std::string& request : requests) patterns.push_back(checked_pattern(request));
    if (requests.empty()) patterns.emplace_back();
    std::vector<bool> found(patterns.size());
    for (const MasterService& service : services_) {
      for (size_t i = 0; i < patterns.size(); ++i) {
        if (patterns[i].matches(service) && show_service(service, patterns[i])) found[i] = true;
      }
    }
    for (size_t i = 0; i < requests.size(); ++i) {
      if (!found[i]) warning(format("unmatched request: \"{}\"", requests[i]));
    }
  }

 private:
  ServicePattern checked_pattern(const std::string& request) const {
    ServicePattern pattern = parse_service_pattern(request);
    size_t most = options_.has('M') ? 2 : 3;
    if (pattern.parts.empty() || pattern.parts.size() > most) {
      if (options_.has('M')) fatal("-M option requires service_name[/type]");
      fatal(options_.has('F') ? "-F option requires service_name[/type[/field]]"
                              : "-P option requires service_name[/type[/parameter]]");
    }
    if (options_.has('F') && pattern.parts.size() == 3) check_field_name(pattern.parts[2]);
    return pattern;
  }

  bool show_service(const MasterService& service, const ServicePattern& pattern) {
    if (options_.has('M')) {
      put_line(
          print_master_entry(options_.has('x') ? expanded(service) : service, options_.has('f')));
      return true;
    }
    return options_.has('F') ? show_fields(service, pattern) : show_parameters(service, pattern);
  }

  bool show_fields(const MasterService& service, const ServicePattern& pattern) {
    bool found = false;
    for (size_t i = 0; i < std::size(kFieldNames); ++i) {
      if (!pattern.matches_part(2, kFieldNames[i])) continue;
      found = true;
      std::string full = format("{}/{}/{}", service.name, service.type, kFieldNames[i]);
      if (options_.has('H')) {
        put_line(full);
        continue;
      }
      std::string head = options_.has('h') ? "" : full + " = ";
      MasterService shown = options_.has('x') ? expanded(service) : service;
      bool is_command = i == 7;
      put_line(head + (is_command ? print_command(shown, options_.has('f'), head.size())
                                  : shown.fields[i]));
    }
    return found;
  }

  bool show_parameters(const MasterService& service, const ServicePattern& pattern) {
    std::map<std::string, std::string> last;
    for (const auto& o : service.overrides) last[o.name] = o.value;
    bool found = false;
    for (const auto& [name, value] : last) {
      if (!pattern.matches_part(2, name)) continue;
      found = true;
      put(service, name, options_.has('x') ? expand(service, value) : value);
    }
    return found;
  }

  void put(const MasterService& service, std::string_view name, const std::string& value) const {
    std::string full = format("{}/{}/{}", service.name, service.type, name);
    if (options_.has('H')) return put_line(full);
    put_line(
        print_line(options_.has('h') ? value : format("{} = {}", full, value), options_.has('f')));
  }

  std::string expand(const MasterService& service, std::string_view text) const {
    auto local = service.overrides;
    local.push_back({"service_name", service.name});
    local.push_back({"process_name", service.program});
    return expand_value(cf_, text, false, local);
  }

  // Only the values of -o are macros of main.cf; what a program does with its own words is its business.
  MasterService expanded(MasterService service) const {
    size_t options_end = service.arguments.size() - service.own_arguments.size();
    for (size_t i = 0; i + 1 < options_end; ++i) {
      if (service.arguments[i] == "-o") {
        service.arguments[i + 1] = expand(service, service.arguments[i + 1]);
        ++i;
      }
    }
    return service;
  }

  const Options& options_;
  const conf::MainCf& cf_;
  const std::vector<MasterService>& services_;
};

}  // namespace

int show_master(const Options& options) {
  auto warn = [](const std::string& text) { warning(text); };
  auto cf = conf::MainCf::load(options.config_directory, options.overrides,
                               {.process_name = "postconf", .warn = warn});
  if (!cf) fatal(cf.error().text);
  auto services = conf::load_master_cf(options.config_directory + "/master.cf", {warn});
  if (!services) fatal(services.error().text);
  Known known(*cf, *services, true);
  MasterView view(options, *cf, *services);
  view.show(options.arguments);
  known.warn_unused_in_master();
  return 0;
}

}  // namespace dovetail::mta::postconf
