// postconf -e, -X, -#: changes main.cf in place.
// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "common/base/text.h"
#include "conf/units.h"
#include "mta/tools/postconf/edit_file.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

struct MainRequest {
  std::string value;  // unused with -X and -#
  int found = 0;
};
using MainRequests = std::map<std::string, MainRequest, std::less<>>;

void refuse_odd_input(const std::string& argument) {
  if (argument.find('\n') != std::string::npos) fatal("-e, -X, or -# accepts no multi-line input");
  if (base::trim_left(argument).starts_with('#')) fatal("-e, -X, or -# accepts no comment input");
}

MainRequests read_main_requests(const Options& options) {
  MainRequests requests;
  bool edit = options.has('e');
  for (const std::string& argument : options.arguments) {
    refuse_odd_input(argument);
    if (edit) {
      auto pair = conf::split_name_value(argument);
      if (!pair) fatal(pair.error().text);
      auto [at, added] = requests.try_emplace(pair->name);
      if (!added)
        warning(format("ignoring earlier request: '{} = {}'", at->first, at->second.value));
      at->second.value = pair->value;
      continue;
    }
    std::string_view name = base::trim(argument);
    if (name.empty()) fatal("-X or -# requires non-blank parameter names");
    if (name.find('=') != std::string_view::npos)
      fatal(format("specify one of -e -{}", options.has('X') ? 'X' : '#'));
    requests.try_emplace(std::string(name));
  }
  return requests;
}

}  // namespace

int edit_main(const Options& options) {
  bool edit = options.has('e');
  if (options.arguments.empty())
    fatal(edit ? "-e requires name=value argument" : "missing service argument");
  MainRequests requests = read_main_requests(options);
  std::string path = options.config_directory + "/main.cf";
  auto name_of = [](const FileEntry& entry) {
    std::string_view text = entry.text;
    return text.substr(0, text.find_first_of("= \t\r\n"));
  };
  FileEdit how;
  how.decide = [&](FileEntry& entry) {
    auto at = requests.find(name_of(entry));
    if (at == requests.end()) return FileEdit::Action::keep;
    if (++at->second.found == 2) {
      warning(format("{}: multiple entries for \"{}\"", path, at->first));
    }
    if (edit) return FileEdit::Action::replace_now;
    return options.has('X') ? FileEdit::Action::remove : FileEdit::Action::comment_out;
  };
  how.replacement = [&](const FileEntry& entry) {
    auto at = requests.find(name_of(entry));
    return format("{} = {}\n", at->first, at->second.value);
  };
  how.append = [&] {
    std::string out;
    for (const auto& [name, request] : requests) {
      if (edit && request.found == 0) out += format("{} = {}\n", name, request.value);
    }
    return out;
  };
  edit_file(path, how);
  return 0;
}

}  // namespace dovetail::mta::postconf
