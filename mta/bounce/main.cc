// bounce (defer, trace): see bounce.h. `bounce -S -V -n dump_templates|expand_templates` prints the templates for postconf -t, -b.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>

#include "common/service/run_postfix.h"
#include "mta/bounce/bounce.h"

namespace dovetail::mta {
namespace {

// nullopt: an ordinary start.
std::optional<bool> asked_for_templates(int argc, char** argv,
                                        std::vector<conf::Override>& overrides) {
  std::optional<bool> expand;
  opterr = 0;
  for (int c; (c = getopt(argc, argv, "+cdDi:lm:n:o:s:St:uvVz")) != -1;) {
    if (c == 'n' && std::string_view(optarg) == "dump_templates") expand = false;
    if (c == 'n' && std::string_view(optarg) == "expand_templates") expand = true;
    if (c != 'o') continue;
    auto override = conf::parse_override(optarg);
    if (override) overrides.push_back(*override);
  }
  optind = 1;
  return expand;
}

int print_templates(bool expand, const std::vector<conf::Override>& overrides) {
  Logger log("bounce");
  conf::LoadOptions how;
  how.process_name = "bounce";
  auto cf = conf::MainCf::load(conf::config_directory(), overrides, how);
  auto parameters = cf ? read_bounce_parameters(*cf) : Result<BounceParameters>(cf.error());
  if (!parameters) {
    log.fatal("{}", parameters.error().text);
    return 1;
  }
  auto text = load_templates(*parameters, log).dump([&](std::string_view raw) {
    return expand ? expand_template(raw, *cf) : std::string(raw);
  });
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  std::vector<dovetail::conf::Override> overrides;
  auto expand = dovetail::mta::asked_for_templates(argc, argv, overrides);
  if (expand) return dovetail::mta::print_templates(*expand, overrides);
  dovetail::mta::BounceRole role;
  return dovetail::service::run_postfix_service(argc, argv, "bounce", role);
}
