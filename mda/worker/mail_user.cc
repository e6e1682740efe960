// SPDX-License-Identifier: Apache-2.0
#include "mda/worker/mail_user.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "conf/dovecot/variables.h"

namespace dovetail::mda {

using conf::dovecot::Override;
using conf::dovecot::Selector;

namespace {

// Fields of the userdb that are no settings.
constexpr std::string_view kNoSettings[] = {
    "uid",       "gid",           "home",       "chroot",    "system_groups_user",
    "auth_mech", "auth_token",    "auth_user",  "auth_type", "master_user",
    "user",      "original_user", "event_user", "login_user"};

std::vector<Override> setting_overrides(const std::vector<Override>& userdb) {
  std::vector<Override> made;
  for (auto& field : userdb) {
    if (std::find(std::begin(kNoSettings), std::end(kNoSettings), field.key) !=
        std::end(kNoSettings))
      continue;
    auto key = field.key == "mail" ? std::string("mail_location") : field.key;
    made.push_back({base::replace_all(key, ":", "/"), field.value});
  }
  return made;
}

bool is_directory_at(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

std::string this_host() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

AutoMailbox auto_of(const std::string& word) {
  if (word == "create") return AutoMailbox::create;
  if (word == "subscribe") return AutoMailbox::subscribe;
  return AutoMailbox::no;
}

NamespaceSettings namespace_settings(const MailUser& user, const conf::dovecot::Namespace& from) {
  NamespaceSettings made;
  made.name = from.name;
  if (from.type == "shared") made.type = NamespaceType::shared;
  if (from.type == "public") made.type = NamespaceType::other;
  made.prefix = user.expanded(from.prefix);
  made.separator = from.separator;
  made.location = user.expanded(from.location);
  made.inbox = from.inbox;
  made.hidden = from.hidden;
  made.list = from.list == "no"         ? ListNamespace::no
              : from.list == "children" ? ListNamespace::children
                                        : ListNamespace::yes;
  made.subscriptions = from.subscriptions;
  for (auto& mailbox : from.mailboxes) {
    made.mailboxes.push_back({mailbox.name, auto_of(mailbox.autocreate), mailbox.special_use});
  }
  return made;
}

}  // namespace

std::string MailUser::expanded(const std::string& text) const {
  if (text.find('%') == text.npos) return text;
  auto variables = conf::dovecot::user_variables(user, service, home, local_ip, remote_ip);
  variables.table.push_back({'\0', "session", session});
  variables.by_prefix = [this](std::string_view prefix,
                               std::string_view rest) -> std::optional<std::string> {
    if (prefix != "userdb") return std::nullopt;
    auto [name, fallback] = base::cut(rest, ':');
    for (auto& field : userdb) {
      if (field.key == name) return field.value;
    }
    return std::string(fallback.value_or(std::string_view()));
  };
  return conf::dovecot::expand_variables(text, variables).text;
}

std::string MailUser::log_name(pid_t pid, const std::string& of_session) const {
  auto variables =
      conf::dovecot::user_variables(base::printable(user), service, home, local_ip, remote_ip);
  for (auto& row : variables.table) {
    if (row.key == 'p') row.value = std::to_string(pid);
  }
  variables.table.push_back({'\0', "session", of_session});
  auto text = conf::dovecot::expand_variables(view->get("mail_log_prefix"), variables).text;
  std::string_view name(text);
  if (name.ends_with(": ")) name.remove_suffix(2);
  return std::string(name);
}

Result<MailUser> complete_mail_user(const conf::dovecot::Tree& tree, MailUser user) {
  auto view = tree.view(
      Selector{.protocol = user.service, .local_ip = user.local_ip, .remote_ip = user.remote_ip});
  if (!view) return view.error();
  user.view = *view;
  // A view of one's own is a copy of all settings: thousands of users without one share the tree's.
  if (auto overrides = setting_overrides(user.userdb); !overrides.empty()) {
    auto own = (*view)->with(overrides);
    if (!own) return own.error();
    user.view = *own;
  }
  for (auto& field : user.userdb) {
    if (field.key == "home") user.home = field.value;
  }
  if (user.home.empty()) user.home = user.expanded(user.view->get("mail_home"));
  return user;
}

Result<StoreSettings> store_settings(const MailUser& user) {
  auto& view = *user.view;
  StoreSettings made;
  made.user = user.user;
  made.home = user.home;
  made.hostname = this_host();
  made.mail_location = user.expanded(view.get("mail_location"));
  if (made.mail_location.empty()) {
    if (user.home.empty() || !is_directory_at(user.home + "/Maildir")) {
      return config_error(
          format("mail_location not set and autodetection failed: Mail storage autodetection "
                 "failed with home={}",
                 user.home.empty() ? "(not set)" : user.home));
    }
    made.mail_location = "maildir:~/Maildir";
  }
  for (auto& space : view.namespaces()) {
    if (!space.disabled) made.namespaces.push_back(namespace_settings(user, space));
  }
  auto fsync = view.get("mail_fsync");
  made.mail_fsync = fsync == "always"  ? MailFsync::always
                    : fsync == "never" ? MailFsync::never
                                       : MailFsync::optimized;
  made.maildir_copy_with_hardlinks = view.get_bool("maildir_copy_with_hardlinks");
  made.mail_save_crlf = view.get_bool("mail_save_crlf");
  // On a file system that several hosts share nobody's index is trusted.
  made.mmap_disable = view.get_bool("mmap_disable") || view.get_bool("mail_nfs_index") ||
                      view.get_bool("mail_nfs_storage");
  made.mail_temp_scan_interval =
      static_cast<uint64_t>(view.get_time("mail_temp_scan_interval").count() / 1000);
  return made;
}

}  // namespace dovetail::mda
