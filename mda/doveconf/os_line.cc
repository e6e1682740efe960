// SPDX-License-Identifier: Apache-2.0
#include "mda/doveconf/os_line.h"

#include <sys/utsname.h>

#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::mda::doveconf {

namespace {

constexpr std::size_t kMostOfFile = 65536;

std::string first_line(const char* path) {
  auto text = base::read_file(path, kMostOfFile);
  return text ? std::string(base::trim(base::cut(*text, '\n').first)) : std::string();
}

std::string assigned_in(const char* path, std::string_view name) {
  auto text = base::read_file(path, kMostOfFile);
  if (!text) return {};
  for (auto line : base::split(*text, '\n')) {
    auto [key, value] = base::cut(line, '=');
    if (value && key == name) return std::string(base::trim(*value, "\""));
  }
  return {};
}

std::string distribution() {
  for (auto path : {"/etc/redhat-release", "/etc/SuSE-release"}) {
    if (auto line = first_line(path); !line.empty()) return line;
  }
  if (auto name = assigned_in("/etc/lsb-release", "DISTRIB_DESCRIPTION"); !name.empty())
    return name;
  if (auto version = first_line("/etc/debian_version"); !version.empty())
    return "Debian " + version;
  return assigned_in("/etc/os-release", "PRETTY_NAME");
}

// The mounted file system that holds the beginning of the location's path; homes can be anywhere.
std::string file_system(std::string_view mail_location) {
  auto [driver, rest] = base::cut(mail_location, ':');
  if (!rest) return {};
  auto path = base::cut(base::cut(*rest, ':').first, '%').first;
  if (path.size() < 2 || path[0] != '/') return {};
  auto mounts = base::read_file("/proc/mounts", std::size_t{1} << 20);
  if (!mounts) return {};
  std::string type;
  std::size_t longest = 0;
  for (auto line : base::split(*mounts, '\n')) {
    auto words = base::words(line);
    if (words.size() < 3) continue;
    auto place = std::string_view(words[1]);
    bool holds = place == "/" || (path.starts_with(place) &&
                                  (path.size() == place.size() || path[place.size()] == '/'));
    if (!holds || place.size() < longest) continue;
    longest = place.size();
    type = words[2];
  }
  return type;
}

}  // namespace

std::string os_line(std::string_view mail_location) {
  utsname system{};
  uname(&system);
  return format("# OS: {} {} {} {} {}\n", system.sysname, system.release, system.machine,
                distribution(), file_system(mail_location));
}

}  // namespace dovetail::mda::doveconf
