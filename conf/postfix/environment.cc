// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/environment.h"

#include <unistd.h>

#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::conf {
namespace {

std::string_view variable_name(std::string_view setting) {
  return setting.substr(0, setting.find('='));
}

void put_variable(std::vector<std::string>& environment, std::string setting) {
  for (std::string& other : environment) {
    if (variable_name(other) == variable_name(setting)) {
      other = std::move(setting);
      return;
    }
  }
  environment.push_back(std::move(setting));
}

}  // namespace

Result<std::vector<std::string>> chosen_environment(std::string_view list,
                                                    const std::vector<std::string>& present) {
  std::vector<std::string> chosen;
  for (const std::string& element : split_list(list)) {
    bool braced = element.starts_with('{');
    if (braced || element.find('=') != std::string::npos) {
      auto text = braced ? unbrace(element) : Result<std::string>(element);
      if (!text) return text.error();
      auto pair = split_name_value(*text);
      if (!pair) return pair.error();
      put_variable(chosen, pair->name + "=" + pair->value);
      continue;
    }
    for (const std::string& setting : present) {
      if (variable_name(setting) == element) put_variable(chosen, setting);
    }
  }
  return chosen;
}

std::vector<std::string> present_environment() {
  std::vector<std::string> all;
  for (char** at = environ; at && *at; ++at) all.emplace_back(*at);
  return all;
}

}  // namespace dovetail::conf
