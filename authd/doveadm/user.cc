// doveadm user: what the userdb and the settings say of users; with wildcards, which users there are.
// SPDX-License-Identifier: Apache-2.0
#include <fnmatch.h>

#include "authd/doveadm/doveadm_auth.h"
#include "common/base/text.h"
#include "common/net/loop.h"
#include "common/proto/auth_master.h"
#include "conf/dovecot/variables.h"

namespace dovetail::authd {

namespace {

constexpr char kUserUsage[] =
    "doveadm user [-a <userdb socket path>] [-x <auth info>] [-f field] [-e <value>] [-u] "
    "<user mask> [<user mask> [...]]\n";

struct UserCommand {
  std::string socket, field;
  std::optional<std::string> expand;
  bool userdb_only = false;
  proto::AuthFields info;
  std::vector<std::string> masks;
  std::shared_ptr<const conf::dovecot::View> view;
};

proto::AuthInfo info_of(const UserCommand& command) {
  proto::AuthInfo info;
  info.service = command.info.get("service").value_or("doveadm");
  info.more = command.info;
  info.more.remove("service");
  return info;
}

struct ShownField {
  std::string name, value;
};

// uid, gid, home and mail as the mail processes would have them, then the userdb's other fields as they came.
std::vector<ShownField> shown_fields(const UserCommand& command, const proto::AuthUser& user) {
  const auto& view = *command.view;
  auto or_setting = [&](std::string_view field, std::string_view setting) {
    auto value = user.fields.get(field);
    return value && !value->empty() ? *value : view.get(setting);
  };
  auto expand = [&](const std::string& text, const std::string& home) {
    return conf::dovecot::expand_variables(
               text, conf::dovecot::user_variables(user.name, "doveadm", home))
        .text;
  };
  std::vector<ShownField> fields;
  auto add = [&](std::string name, std::string value) {
    if (!value.empty()) fields.push_back({std::move(name), std::move(value)});
  };
  add("uid", or_setting("uid", "mail_uid"));
  add("gid", or_setting("gid", "mail_gid"));
  const auto own_home = user.fields.get("home");
  const std::string home = own_home ? *own_home : expand(view.get("mail_home"), "");
  add("home", home);
  const auto own_mail = user.fields.get("mail");
  add("mail", own_mail ? *own_mail : expand(view.get("mail_location"), home));
  if (user.raw.empty() && user.fields.empty()) {
    fields.push_back({});
    return fields;
  }
  for (auto word : base::split(user.raw, '\t')) {
    auto [name, value] = base::cut(word, '=');
    if (name == "uid" || name == "gid" || name == "home" || name == "mail") continue;
    fields.push_back({proto::tab_unescape(name), proto::tab_unescape(value.value_or(""))});
  }
  return fields;
}

void print_user(const UserCommand& command, const std::string& name, const proto::AuthUser& user) {
  if (command.userdb_only) {
    fmt::print("userdb: {}\n", name);
    print_field_list(user.name, user.raw);
    return;
  }
  const auto fields = shown_fields(command, user);
  if (command.expand) {
    std::string home;
    for (const auto& field : fields) {
      if (field.name == "home") home = field.value;
    }
    auto variables = conf::dovecot::user_variables(user.name, "doveadm", home);
    fmt::print("{}\n", conf::dovecot::expand_variables(*command.expand, variables).text);
    return;
  }
  for (const auto& field : fields) {
    if (command.field.empty())
      fmt::print("{}\t{}\n", field.name, field.value);
    else if (field.name == command.field)
      fmt::print("{}\n", field.value);
  }
}

net::Task<> look_up_users(net::Loop& loop, const UserCommand& command, int& status) {
  proto::AuthMaster master(loop, command.socket, Logger("doveadm"));
  const bool table = command.field.empty() && !command.expand && !command.userdb_only;
  if (table) fmt::print("field\tvalue\n");
  for (const auto& name : command.masks) {
    auto info = info_of(command);
    auto found = co_await master.user(name, std::move(info));
    if (!found) {
      doveadm_error(format("userdb lookup failed for {}: {}", name, found.error().text));
      status = kDoveadmTempfail;
    } else if (!*found) {
      fmt::print("{}userdb lookup: user {} doesn't exist\n", table ? "\n" : "", name);
      status = kDoveadmNoUser;
    } else {
      print_user(command, name, **found);
    }
  }
  for (size_t i = 1; table && i < command.masks.size(); ++i) fmt::print("\n");
}

net::Task<> list_matching(net::Loop& loop, const UserCommand& command, int& status) {
  proto::AuthMaster master(loop, command.socket, Logger("doveadm"));
  for (const auto& mask : command.masks) {
    auto info = info_of(command);
    auto users = co_await master.list(mask, std::move(info));
    if (!users) {
      doveadm_error("auth-master: userdb list: " + users.error().text);
      status = doveadm_fatal("user listing failed");
      co_return;
    }
    for (const auto& user : *users) {
      if (fnmatch(mask.c_str(), user.c_str(), 0) == 0) fmt::print("{}\n", user);
    }
  }
}

}  // namespace

int doveadm_user(const DoveadmContext& context, const DoveadmWords& words) {
  UserCommand command;
  auto read = read_doveadm_options(words, "a:x:f:e:u");
  if (read.bad) return kDoveadmUsage;
  for (const auto& option : read.options) {
    switch (option.letter) {
      case 'a':
        command.socket = option.value;
        break;
      case 'x':
        add_auth_info(command.info, option.value);
        break;
      case 'f':
        command.field = option.value;
        break;
      case 'e':
        command.expand = option.value;
        break;
      default:
        command.userdb_only = true;
        break;
    }
  }
  if (read.arguments.empty()) {
    fmt::print(stderr, "{}", kUserUsage);
    return kDoveadmUsage;
  }
  command.masks = read.arguments;
  auto view = context.view();
  if (!view) return doveadm_fatal(view.error().text, 89);
  command.view = std::move(*view);
  if (command.socket.empty()) command.socket = command.view->get("auth_socket_path");
  if (!command.socket.starts_with('/'))
    command.socket = command.view->get("base_dir") + "/" + command.socket;
  bool wildcards = false;
  for (const auto& mask : command.masks) wildcards |= mask.find_first_of("*?") != mask.npos;
  net::Loop loop;
  int status = kDoveadmOk;
  net::run_until_done(loop, wildcards ? list_matching(loop, command, status)
                                      : look_up_users(loop, command, status));
  return status;
}

}  // namespace dovetail::authd
