// Checks after parsing, in the incumbent's order: the first failure ends them.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/checks.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "common/base/text.h"
#include "conf/dovecot/filters.h"
#include "conf/dovecot/schema.h"
#include "conf/dovecot/view_builder.h"

namespace dovetail::conf::dovecot {

namespace {

using Words = std::vector<std::string_view>;

bool contains_word(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool fail(Verdict& verdict, std::string why) {
  verdict.errors.push_back(why);
  verdict.fatal = std::move(why);
  return false;
}

struct Workarounds {
  std::string_view setting, known;
  unsigned checked_by = 1;  // how many programs say so
};

constexpr Workarounds kWorkarounds[] = {
    {"imap_client_workarounds", "delay-newmail tb-extra-mailbox-sep tb-lsub-flags"},
    {"pop3_client_workarounds", "outlook-no-nuls oe-ns-eoh"},
    {"lmtp_client_workarounds", "whitespace-before-path mailbox-for-path"},
    {"submission_client_workarounds",
     "implicit-auth-external whitespace-before-path mailbox-for-path", 2},
};

bool check_workarounds(const View& view, Verdict& verdict) {
  for (auto& one : kWorkarounds) {
    auto value = view.get(one.setting);
    auto known = base::words(one.known);
    for (auto word : base::words(value, " ,")) {
      if (contains_word(known, word)) continue;
      auto text = format("{}: Unknown workaround: {}", one.setting, word);
      if (one.checked_by > 1) verdict.errors.push_back(text);
      return fail(verdict, text);
    }
  }
  return true;
}

constexpr std::string_view kFacilities =
    "auth authpriv cron daemon ftp kern local0 local1 local2 local3 local4 local5 local6 local7 "
    "lpr mail news security "
    "syslog user uucp";

// What is wrong with the end of an event filter; empty: nothing that is known here.
std::string_view event_filter_broken(std::string_view filter) {
  auto words = base::words(filter);
  if (words.empty()) return {};
  if (contains_word(base::words("= < >"), words.back().substr(words.back().size() - 1)))
    return "event filter: syntax error, unexpected $end";
  if (contains_word(base::words("AND OR NOT ( and or not"), words.back()))
    return "event filter: syntax error, unexpected $end, expecting TOKEN or STRING or NOT or '('";
  return {};
}

bool check_log(const View& view, Verdict& verdict) {
  auto facility = view.get("syslog_facility");
  if (!contains_word(base::words(kFacilities), facility)) {
    return fail(verdict, format("Unknown syslog_facility: {}", facility));
  }
  if (auto wrong = event_filter_broken(view.get("log_debug")); !wrong.empty()) {
    return fail(verdict, format("Invalid log_debug: {}", wrong));
  }
  return true;
}

constexpr std::string_view kSpecialUses =
    "\\All \\Archive \\Drafts \\Flagged \\Important \\Junk \\Sent \\Trash";

bool check_namespaces(const View& view, Verdict& verdict) {
  for (auto& name : view.names("namespace")) {
    auto block = "namespace/" + name;
    if (view.get(block + "/separator").size() > 1) {
      return fail(verdict,
                  format("Namespace '{}': Hierarchy separator must be only one character long",
                         view.get(block + "/prefix")));
    }
    for (auto& mailbox : view.names(block + "/mailbox")) {
      auto uses = view.get(format("{}/mailbox/{}/special_use", block, mailbox));
      for (auto use : base::words(uses, " ")) {
        // Whatever begins with $ is somebody's extension.
        if (use[0] == '$' || contains_word(base::words(kSpecialUses), use)) continue;
        return fail(verdict,
                    format("mailbox {}: unknown special_use: {}", unescape_name(mailbox), use));
      }
    }
  }
  return true;
}

bool check_mail(const View& view, Verdict& verdict) {
  if (view.get_bool("mail_nfs_index") && !view.get_bool("mmap_disable")) {
    return fail(verdict, "mail_nfs_index=yes requires mmap_disable=yes");
  }
  if (view.get_bool("mail_nfs_index") && view.get("mail_fsync") != "always") {
    return fail(verdict, "mail_nfs_index=yes requires mail_fsync=always");
  }
  if (view.get("pop3_uidl_format").find('%') == std::string::npos) {
    return fail(verdict, "pop3_uidl_format setting doesn't contain any %% variables.");
  }
  return true;
}

bool check_auth(const View& view, Verdict& verdict) {
  auto setting = view.get("auth_verbose_passwords");
  auto verbose = base::cut(setting, ':').first;
  if (!contains_word(base::words("no plain sha1 yes"), verbose)) {
    bool length = base::parse_number<unsigned>(verbose).has_value();
    if (!length) return fail(verdict, "auth_verbose_passwords: Invalid value");
  }
  for (std::string_view list : {"passdb", "userdb"}) {
    for (auto& name : view.names(list)) {
      if (view.get(format("{}/{}/driver", list, name)).empty()) {
        return fail(verdict, format("{} is missing driver", list));
      }
    }
  }
  return true;
}

bool check_stats(const View& view, Verdict& verdict) {
  for (auto& name : view.names("event_exporter")) {
    auto prefix = "event_exporter/" + name;
    if (view.get(prefix + "/transport").empty())
      return fail(verdict, "Exporter transport name can't be empty");
    auto kind = view.get(prefix + "/format");
    if (kind.empty()) return fail(verdict, "Exporter format name can't be empty");
    auto args = view.get(prefix + "/format_args");
    if (kind != "none" && kind != "json" && kind != "tab-text") {
      return fail(verdict, format("Unknown exporter format '{}'", kind));
    }
    if (kind == "json" && args.find("time-") == std::string::npos) {
      return fail(verdict, "json exporter format requires a time-* argument");
    }
    auto transport = view.get(prefix + "/transport");
    if (!contains_word(base::words("drop http-post log"), transport)) {
      return fail(verdict, format("Unknown transport type '{}'", transport));
    }
  }
  for (auto& name : view.names("metric")) {
    auto filter = view.get("metric/" + name + "/filter");
    if (filter.empty()) {
      return fail(verdict, format("metric {} {{ filter }} is empty - will not match anything",
                                  unescape_name(name)));
    }
    if (auto wrong = event_filter_broken(filter); !wrong.empty())
      return fail(verdict, std::string(wrong));
  }
  return true;
}

bool check_master(const View& view, Verdict& verdict) {
  if (view.get("listen").empty()) return fail(verdict, "listen can't be set empty");
  constexpr std::string_view kKnown[] = {"imap", "pop3", "lmtp", "submission", "sieve", "none"};
  auto text = view.get("protocols");
  for (auto protocol : base::words(text, " ")) {
    bool known = std::find(std::begin(kKnown), std::end(kKnown), protocol) != std::end(kKnown);
    for (auto& service : view.names("service")) {
      known = known || view.get("service/" + service + "/protocol") == protocol;
    }
    if (!known) return fail(verdict, format("protocols: Unknown protocol: {}", protocol));
  }
  return true;
}

bool check_ssl(const View& view, Verdict& verdict) {
  bool wrong = view.get("ssl") != "no" && view.get_bool("ssl_verify_client_cert") &&
               view.get("ssl_ca").empty();
  return !wrong || fail(verdict, "ssl_verify_client_cert set, but ssl_ca not");
}

bool check_users(const View& view, Verdict& verdict) {
  for (std::string_view setting : {"default_internal_user", "default_login_user"}) {
    auto user = view.get(setting);
    bool number = base::parse_number<unsigned>(user).has_value();
    // Only a written name is judged: without its package the default user may well be missing.
    if (!view.is_set(setting) || number || getpwnam(user.c_str())) continue;
    return fail(verdict, format("{} doesn't exist: {}", setting, user));
  }
  auto group = view.get("default_internal_group");
  bool number = base::parse_number<unsigned>(group).has_value();
  if (view.is_set("default_internal_group") && !number && !getgrnam(group.c_str())) {
    return fail(verdict, format("default_internal_group doesn't exist: {}", group));
  }
  return true;
}

// Two services may not own one path; base_dir in front of it makes no difference.
bool check_listeners(const View& view, const std::vector<Service>& services, Verdict& verdict) {
  std::map<std::string, std::string> owners;
  auto base_dir = view.get("base_dir");
  while (base_dir.size() > 1 && base_dir.back() == '/') base_dir.pop_back();
  for (auto& service : services) {
    if (!view.wanted(service)) continue;
    for (auto listeners : {&service.unix_listeners, &service.fifo_listeners}) {
      for (auto& listener : *listeners) {
        if (listener.mode == 0) continue;
        auto path = listener.path;
        if (path.compare(0, base_dir.size() + 1, base_dir + "/") == 0) {
          // Said twice, as the incumbent's two passes over the listeners do.
          for (int pass = 0; pass < 2; ++pass) {
            verdict.warnings.push_back(format(
                "You should remove base_dir prefix from {}: {}",
                listeners == &service.unix_listeners ? "unix_listener" : "fifo_listener", path));
          }
        } else if (path.empty() || path[0] != '/') {
          path = format("{}/{}", base_dir, path);
        }
        auto [owner, fresh] = owners.emplace(path, service.name);
        if (!fresh) return fail(verdict, format("duplicate listener: {}", path));
      }
    }
  }
  return true;
}

bool check_services(const View& view, Verdict& verdict) {
  std::size_t number = 0;
  auto services = view.services();
  for (auto& service : services) {
    if (base::parse_number<unsigned>(service.name)) {
      return fail(verdict, format("Service #{} is missing name", number));
    }
    bool counted = pigeonhole_installed() || service.name.rfind("managesieve", 0) != 0;
    if (counted) ++number;
    bool single = service.name == "auth" || service.type == "log" || service.type == "anvil";
    if (single && service.process_limit > 1) {
      return fail(verdict, format("service({}): process_limit must be 1", service.name));
    }
  }
  return check_listeners(view, services, verdict);
}

}  // namespace

Verdict check_view(const View& view) {
  Verdict verdict;
  // Only as many as are needed: the first failure is the one that is reported.
  bool good = check_log(view, verdict) && check_auth(view, verdict) &&
              check_workarounds(view, verdict) && check_namespaces(view, verdict) &&
              check_mail(view, verdict) && check_ssl(view, verdict) && check_users(view, verdict) &&
              check_master(view, verdict) && check_services(view, verdict) &&
              check_stats(view, verdict);
  (void)good;  // said by verdict.fatal
  return verdict;
}

Result<std::shared_ptr<const View>> expanded_view(const Tree& tree, const Filter& filter) {
  ViewBuilder builder(tree, false);
  return builder.build(enclosing_filters(tree.filters(), filter));
}

Result<void> check_expansion(const Tree& tree) {
  for (auto& filter : tree.filters()) {
    if (filter.command_line) continue;
    if (auto built = expanded_view(tree, filter); !built) return built.error();
  }
  return {};
}

Verdict check_tree(const Tree& tree) {
  auto& filters = tree.filters();
  Verdict verdict;
  for (auto& filter : filters) {
    if (filter.command_line) continue;
    ViewBuilder builder(tree, true);
    auto found = builder.collect(enclosing_filters(filters, filter));
    if (!found) {
      verdict.fatal = found.error().text;
      return verdict;
    }
  }
  auto view = tree.raw_view({});
  if (!view) {
    verdict.fatal = view.error().text;
    return verdict;
  }
  return check_view(**view);
}

}  // namespace dovetail::conf::dovecot
