// The main.cf modes: all parameters, those set (-n), defaults (-d), or those named.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "common/base/text.h"
#include "conf/expand.h"
#include "conf/postfix/parameters.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

using Services = std::vector<conf::MasterService>;

// master.cf may be missing here, but not be wrong.
Services load_services_if_there(const std::string& directory) {
  std::string path = directory + "/master.cf";
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    warning(errno_error("open " + path, errno).text);
    return {};
  }
  if (S_ISDIR(st.st_mode)) return {};  // reads as nothing, as with the incumbent
  auto services = conf::load_master_cf(path, {[](const std::string& text) { warning(text); }});
  if (!services) fatal(services.error().text);
  return std::move(*services);
}

class MainView {
 public:
  MainView(const Options& options, const conf::MainCf& cf, const Known& known)
      : options_(options), cf_(cf), known_(known) {}

  void show_all() const {
    for (const auto& [name, type] : known_.names()) {
      if (options_.classes.count(type)) show(name);
    }
  }

  void show_named(const std::string& name) const {
    auto at = known_.names().find(name);
    if (at == known_.names().end()) return warning(name + ": unknown parameter");
    show(name);
  }

 private:
  void show(const std::string& name) const {
    const conf::Parameter* row = conf::find_parameter(name);
    bool read_only = row && row->type == conf::Type::read_only;
    bool implied = name == "config_directory" && !options_.directory_given;
    if (options_.has('n') && (!cf_.is_set(name) || read_only || implied)) return;
    if (options_.has('H')) return put_line(name);
    std::string value = value_of(name, row && row->type == conf::Type::raw);
    bool fold = options_.has('f');
    put_line(print_line(options_.has('h') ? value : format("{} = {}", name, value), fold));
  }

  std::string value_of(const std::string& name, bool raw) const {
    std::optional<std::string> text;
    if (options_.has('d')) {
      auto value = cf_.default_value(name);
      if (!value) fatal_value(value.error());
      text = *value;
    } else {
      text = cf_.raw(name);
    }
    if (!text) return "";
    return options_.has('x') && !raw ? expand_value(cf_, *text, options_.has('d')) : *text;
  }

  const Options& options_;
  const conf::MainCf& cf_;
  const Known& known_;
};

}  // namespace

std::string expand_value(const conf::MainCf& cf, std::string_view text, bool defaults_only,
                         const std::vector<conf::Override>& local) {
  auto lookup = [&](std::string_view name, bool) -> std::optional<std::string> {
    for (auto o = local.rbegin(); o != local.rend(); ++o) {
      if (o->name == name) return o->value;
    }
    if (!defaults_only) return cf.raw(name);
    auto value = cf.default_value(name);
    return value ? *value : std::nullopt;
  };
  auto expanded = conf::expand(text, lookup);
  if (expanded) return std::move(expanded->text);
  warning(expanded.error().text);
  fatal("macro processing error");
}

int show_main(const Options& options) {
  bool defaults = options.has('d');
  conf::LoadOptions how{.process_name = "postconf",
                        .warn = [](const std::string& text) { warning(text); },
                        .missing_is_empty = defaults};
  auto cf = defaults ? conf::MainCf::parse(options.config_directory, "", {}, how)
                     : conf::MainCf::load(options.config_directory, options.overrides, how);
  if (!cf) fatal(cf.error().text);
  Services services = load_services_if_there(options.config_directory);
  Known known(*cf, services, !defaults);
  MainView view(options, *cf, known);
  if (options.arguments.empty()) view.show_all();
  for (const std::string& name : options.arguments) view.show_named(name);
  if (defaults) return 0;
  known.warn_unused_in_main();
  known.warn_unused_in_master();
  return 0;
}

}  // namespace dovetail::mta::postconf
