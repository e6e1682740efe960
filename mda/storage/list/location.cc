// See location.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/list/location.h"

#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::mda {

namespace {

Result<std::string> expand_home(std::string_view path, std::string_view home) {
  if (!path.starts_with('~')) return std::string(path);
  if (path.size() > 1 && path[1] != '/')
    return config_error(format("mail_location: {}: only ~/ is known", path));
  if (home.empty())
    return config_error(
        format("Home directory not set, can't expand ~/ for mail root dir in: {}", path));
  return format("{}{}", home, path.substr(1));
}

Result<void> read_location_option(std::string_view option, std::string_view home,
                                  Location& location) {
  auto [name, value] = base::cut(option, '=');
  std::string text(value.value_or(""));
  auto path = [&](std::string& field) -> Result<void> {
    auto expanded = expand_home(text, home);
    if (!expanded) return expanded.error();
    field = std::move(*expanded);
    return {};
  };
  if (name == "UTF-8") return location.utf8 = true, Result<void>();
  if (name == "NO-NOSELECT") return location.no_noselect = true, Result<void>();
  if (name == "INBOX") return path(location.inbox);
  if (name == "CONTROL") return path(location.control);
  if (name == "DIRNAME") return location.directory_name = text, Result<void>();
  if (name == "SUBSCRIPTIONS") return location.subscriptions = text, Result<void>();
  if (name == "VOLATILEDIR" || name == "ITERINDEX" || name == "LISTINDEX")
    return {};  // tuning of the incumbent's files
  if (name == "INDEX") {
    location.index_in_memory = text == "MEMORY";
    return location.index_in_memory ? Result<void>() : path(location.index);
  }
  if (name == "LAYOUT") {
    if (base::iequals(text, "fs")) return location.layout = Layout::fs, Result<void>();
    if (base::iequals(text, "maildir++")) return {};
    return config_error(format("mail_location: LAYOUT={} is not supported", text));
  }
  return config_error(format("mail_location: {} is not supported", option));
}

}  // namespace

Result<Location> parse_location(std::string_view text, std::string_view home) {
  std::string found;
  if (text.empty()) {
    found = format("{}/Maildir", home);
    if (home.empty() || !base::file_exists(found)) {
      return config_error(
          "mail_location not set and autodetection failed: ~/Maildir does not exist");
    }
    found = "maildir:" + found;
    text = found;
  }
  size_t colon = text.find(':');
  std::string_view driver =
      colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  if (colon == std::string_view::npos || text.starts_with('/') || text.starts_with('~')) {
    driver = "maildir";
  } else {
    text.remove_prefix(colon + 1);
  }
  if (driver != "maildir")
    return config_error(format("mail_location: mailbox format {} is not supported", driver));
  std::vector<std::string_view> parts = base::split(text, ':');
  Location location;
  auto root = expand_home(parts[0], home);
  if (!root) return root.error();
  location.root =
      std::string(root->size() > 1 ? base::trim_right(*root, "/") : std::string_view(*root));
  if (location.root.empty()) return config_error("mail_location: empty path");
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    if (auto done = read_location_option(parts[i], home, location); !done) return done.error();
  }
  if (location.inbox.empty()) location.inbox = location.root;
  if (location.control.empty()) location.control = location.root;
  if (location.index.empty()) location.index = location.root;
  return location;
}

}  // namespace dovetail::mda
