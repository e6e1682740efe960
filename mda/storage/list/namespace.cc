// Names and paths of a namespace; see namespace.h. Removing and renaming stand in namespace_change.cc.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/list/namespace.h"

#include <sys/stat.h>

#include <algorithm>

#include "common/base/text.h"
#include "mda/storage/mutf7.h"

namespace dovetail::mda {

namespace {

constexpr size_t kLongestPart = 255;
constexpr int kDeepestFolder = 64;

Error invalid_mailbox_name(std::string_view why) {
  return permanent(format("[CANNOT] Invalid mailbox name: {}", why));
}

bool is_directory(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

}  // namespace

Result<Namespace> Namespace::create(const NamespaceSettings& settings, const StoreSettings& store) {
  Namespace made;
  made.settings_ = settings;
  auto location = parse_location(
      settings.location.empty() ? store.mail_location : settings.location, store.home);
  if (!location) return location.error();
  made.location_ = std::move(*location);
  made.separator_ =
      settings.separator.empty() ? made.location_.storage_separator() : settings.separator.front();
  if (!settings.prefix.empty() && settings.prefix.back() != made.separator_) {
    return config_error(
        format("namespace configuration error: Namespace '{}': prefix must end with the separator",
               settings.prefix));
  }
  return made;
}

std::optional<size_t> Namespace::prefix_match(std::string_view name) const {
  const std::string& prefix = settings_.prefix;
  if (settings_.inbox && base::iequals(name, "INBOX")) return name.size();
  if (name.starts_with(prefix)) return prefix.size();
  bool inbox_prefix = base::istarts_with(prefix, "INBOX") && base::istarts_with(name, prefix);
  if (inbox_prefix) return prefix.size();
  // The namespace's own root, without its separator.
  if (!prefix.empty() && name == std::string_view(prefix).substr(0, prefix.size() - 1))
    return name.size();
  return std::nullopt;
}

Result<void> Namespace::valid_name(std::string_view name) const {
  if (name.empty()) return invalid_mailbox_name("Name is empty");
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 127) return invalid_mailbox_name("Control characters not allowed");
  }
  if (!base::is_utf8(name)) return permanent("Mailbox name is not valid mUTF-7");
  if (settings_.inbox && base::iequals(name, "INBOX")) return {};
  std::string_view rest =
      name.starts_with(settings_.prefix) ? name.substr(settings_.prefix.size()) : name;
  if (rest.ends_with(separator_)) rest.remove_suffix(1);
  if (rest.empty()) return invalid_mailbox_name("Name is empty");
  if (rest.front() == separator_) return invalid_mailbox_name("Begins with hierarchy separator");
  if (rest.front() == '~') return invalid_mailbox_name("Begins with '~'");
  for (char forbidden : {location_.storage_separator(), '/'}) {
    if (forbidden == separator_ || rest.find(forbidden) == std::string_view::npos) continue;
    return permanent(format("[CANNOT] Character not allowed in mailbox name: '{}'", forbidden));
  }
  for (std::string_view part : base::split(rest, separator_)) {
    if (part.empty()) return invalid_mailbox_name("Has adjacent hierarchy separators");
    if (part == "." || part == "..")
      return invalid_mailbox_name(format("Contains '{}' part", part));
    if (location_.layout == Layout::fs && (part == "cur" || part == "new" || part == "tmp")) {
      return invalid_mailbox_name(format("Contains reserved name '{}'", part));
    }
  }
  auto encoded = utf8_to_mutf7(rest);
  if (!encoded) return permanent("Mailbox name is not valid mUTF-7");
  bool plus_plus = location_.layout == Layout::maildir_plus_plus;
  for (std::string_view part : base::split(*encoded, plus_plus ? '\0' : separator_)) {
    if (part.size() + 1 > kLongestPart) return invalid_mailbox_name("Mailbox name too long");
  }
  return {};
}

Result<std::string> Namespace::storage_name(std::string_view name) const {
  if (settings_.inbox && base::iequals(name, "INBOX")) return std::string("INBOX");
  if (auto valid = valid_name(name); !valid) return valid.error();
  name.remove_prefix(std::min(prefix_match(name).value_or(0), name.size()));
  if (name.ends_with(separator_)) name.remove_suffix(1);
  if (settings_.inbox && base::iequals(name, "INBOX")) return std::string("INBOX");
  std::string text(name);
  std::replace(text.begin(), text.end(), separator_, location_.storage_separator());
  if (location_.utf8) return text;
  auto encoded = utf8_to_mutf7(text);
  if (!encoded) return permanent("Mailbox name is not valid mUTF-7");
  return std::move(*encoded);
}

std::string Namespace::name_of(std::string_view storage_name) const {
  if (settings_.inbox && storage_name == "INBOX") return "INBOX";
  auto decoded = location_.utf8 ? std::string(storage_name) : mutf7_to_utf8(storage_name);
  std::string text = decoded ? *decoded : std::string(storage_name);
  std::replace(text.begin(), text.end(), location_.storage_separator(), separator_);
  return settings_.prefix + text;
}

std::string Namespace::directory(const std::string& root, std::string_view storage_name) const {
  bool plus_plus = location_.layout == Layout::maildir_plus_plus;
  return format("{}/{}{}", root, plus_plus ? "." : "", storage_name);
}

FolderPaths Namespace::paths(std::string_view name, std::string_view storage_name) const {
  FolderPaths paths;
  paths.name = std::string(name);
  bool inbox = settings_.inbox && storage_name == "INBOX";
  std::string below = location_.directory_name.empty() ? "" : "/" + location_.directory_name;
  paths.mail = inbox ? location_.inbox : directory(location_.root, storage_name) + below;
  auto beside = [&](const std::string& root) {
    if (root == location_.root) return paths.mail;
    return directory(root, storage_name) + (inbox ? "" : below);
  };
  paths.control = beside(location_.control);
  paths.index = beside(location_.index);
  paths.control_root = location_.control;
  paths.index_in_memory = location_.index_in_memory;
  return paths;
}

bool Namespace::exists_on_disk(std::string_view storage_name) const {
  FolderPaths where = paths("", storage_name);
  if (location_.layout == Layout::maildir_plus_plus) return is_directory(where.mail);
  return is_directory(where.mail + "/cur");
}

const MailboxSettings* Namespace::mailbox_settings(std::string_view name) const {
  for (const MailboxSettings& mailbox : settings_.mailboxes) {
    if (settings_.prefix + mailbox.name == name) return &mailbox;
    if (settings_.inbox && name == "INBOX" && base::iequals(mailbox.name, "INBOX")) return &mailbox;
  }
  return nullptr;
}

bool Namespace::exists_always(std::string_view name) const {
  if (settings_.inbox && base::iequals(name, "INBOX")) return true;
  const MailboxSettings* mailbox = mailbox_settings(name);
  return mailbox != nullptr && mailbox->autocreate != AutoMailbox::no;
}

void Namespace::add_fs_names(const std::string& path, const std::string& prefix, int depth,
                             std::vector<std::string>& names) const {
  auto entries = base::list_directory(path);
  if (!entries || depth > kDeepestFolder) return;
  for (const std::string& entry : *entries) {
    if (entry.starts_with('.') || entry == "cur" || entry == "new" || entry == "tmp") continue;
    if (!location_.directory_name.empty() && entry == location_.directory_name) continue;
    std::string below = path + "/" + entry;
    if (!is_directory(below)) continue;
    std::string name = prefix + entry;
    if (exists_on_disk(name)) names.push_back(name);
    add_fs_names(below, name + "/", depth + 1, names);
  }
}

Result<std::vector<std::string>> Namespace::storage_names() const {
  std::vector<std::string> names;
  if (!is_directory(location_.root)) return names;
  if (location_.layout == Layout::fs) {
    add_fs_names(location_.root, "", 0, names);
    return names;
  }
  auto entries = base::list_directory(location_.root);
  if (!entries) return entries.error();
  for (const std::string& entry : *entries) {
    // "..name" is a folder on its way out.
    if (entry.size() < 2 || entry[0] != '.' || entry[1] == '.') continue;
    if (!is_directory(format("{}/{}", location_.root, entry))) continue;
    std::string name = entry.substr(1);
    bool empty_part = name.ends_with('.') || name.find("..") != std::string::npos;
    if (!empty_part && !(settings_.inbox && name == "INBOX")) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace dovetail::mda
