// What the configuration expects of the host: programs, file modes, directories and room on the disk.
// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "check/access.h"
#include "check/rules.h"
#include "check/sql/databases.h"
#include "check/tables.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "config.h"

namespace dovetail::check {

namespace {

// Services whose work is done inside other programs of this version: there is no file, and none is missed.
constexpr std::string_view built_in[] = {"tlsmgr", "scache", "tlsproxy", "dnsblog", "oqmgr"};

std::string transport_name(std::string_view value) {
  return std::string(base::cut(base::trim(value), ':').first);
}

// Names of services that mail is sent to.
std::vector<std::string> transports_in_use(const Site& site) {
  std::vector<std::string> used;
  for (auto name : {"local_transport", "virtual_transport", "relay_transport", "default_transport",
                    "mailbox_transport", "fallback_transport", "content_filter"}) {
    auto value = site.get(name);
    if (!value.empty()) used.push_back(transport_name(value));
  }
  return used;
}

// The program a pipe service runs: argv=PROGRAM of its arguments.
std::string piped_program(const conf::MasterService& service) {
  for (auto& word : service.own_arguments) {
    if (word.starts_with("argv=")) return word.substr(5);
  }
  return {};
}

bool is_runnable(const std::string& path) {
  return access(path.c_str(), X_OK) == 0 || errno != ENOENT;
}

}  // namespace

void rule_programs(Site& site, Report& report) {
  auto directory = site.get("daemon_directory");
  if (!base::file_exists(directory)) {
    report.add({site.at("daemon_directory"), Severity::error,
                format("daemon_directory {} does not exist", directory),
                "nothing of Postfix starts", "correct it, or install the programs there"});
    return;
  }
  const bool ours = directory == DOVETAIL_DAEMON_DIRECTORY;
  auto used = transports_in_use(site);
  for (auto& service : site.services()) {
    auto path =
        service.program.starts_with('/') ? service.program : directory + "/" + service.program;
    bool inside = ours && std::find(std::begin(built_in), std::end(built_in), service.program) !=
                              std::end(built_in);
    if (!inside && !is_runnable(path)) {
      report.add({site.at(service), Severity::error,
                  format("service {}: there is no program {}", service.name, path),
                  "master fails to start it again and again: who connects gets no answer, mail for "
                  "it waits",
                  "correct the program's name, install it, or take the service out"});
      continue;
    }
    auto piped = piped_program(service);
    bool is_used = std::find(used.begin(), used.end(), service.name) != used.end();
    if (is_used && piped.starts_with('/') && !is_runnable(piped)) {
      report.add({site.at(service), Severity::error,
                  format("transport {}: there is no program {}", service.name, piped),
                  "mail for it is deferred, and bounces when its time is up",
                  "install it, or correct argv="});
    }
  }
}

namespace {

bool everyone_may_read(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) != 0 || (status.st_mode & S_IROTH) != 0;
}

// A password of a database or relay that every user of the host can read.
void judge_secret(Report& report, const Place& place, std::string_view what) {
  struct stat status {};
  if (stat(place.file.c_str(), &status) != 0 || !(status.st_mode & S_IROTH)) return;
  Who nobody{65534, {65534}};
  if (!kept_out_by(nobody, place.file, 4).empty()) return;
  report.add({place, Severity::warning,
              format("{} holds {} and is readable by all", place.file, what),
              "each user and each program of this host can use that password",
              format("chmod o= {}", place.file)});
}

}  // namespace

void rule_file_modes(Site& site, Report& report) {
  for (auto& one : site.databases().dovecot()) {
    bool server = one.source.driver == "mysql" || one.source.driver == "pgsql";
    if (server) judge_secret(report, {one.password_place.file, 0}, "a database password");
  }
  if (!site.has_postfix()) return;
  auto path = site.options().postfix_directory + "/main.cf";
  if (!everyone_may_read(path)) {
    report.add({{path, 0},
                Severity::warning,
                "not everyone may read main.cf",
                "sendmail and mailq of ordinary users fail with exit status 75, and so do cron's "
                "reports",
                format("chmod 644 {}; passwords belong into files of their own", path)});
  }
  for (auto& table : site.tables().all()) {
    bool has_password = table.type == "mysql" || table.type == "pgsql" || table.type == "ldap";
    if (has_password && table.name.starts_with('/'))
      judge_secret(report, {table.name, 0}, "a database password");
    if (table.parameter == "smtp_sasl_password_maps" && table.name.starts_with('/'))
      judge_secret(report, {table.name, 0}, "relay passwords");
  }
}

namespace {

struct QueueFolder {
  std::string_view name;
  bool of_mail_owner;
};
constexpr QueueFolder queue_folders[] = {{"active", true},   {"bounce", true},   {"corrupt", true},
                                         {"defer", true},    {"deferred", true}, {"hold", true},
                                         {"incoming", true}, {"maildrop", true}, {"private", true},
                                         {"public", true},   {"saved", true},    {"trace", true}};

void judge_disk(Site& site, Report& report, const std::string& path, const Place& place) {
  struct statvfs disk {};
  if (site.surroundings().statvfs(path.c_str(), &disk) != 0) {
    bool denied = errno == EACCES;
    report.add({place, denied ? Severity::note : Severity::error,
                format("{}: {}", path, std::strerror(errno)),
                denied ? "the disk was not examined" : "no mail can be taken",
                denied ? "ask again as root"
                       : "make the directory (postfix check does), or correct the path"});
    return;
  }
  if (disk.f_flag & ST_RDONLY) {
    report.add({place, Severity::error, format("{} is on a read-only file system", path),
                "no mail is taken or delivered",
                "mount it for writing; look for disk errors first"});
    return;
  }
  auto number = [&](std::string_view name) {
    return base::parse_number<unsigned long long>(site.get(name)).value_or(0);
  };
  unsigned long long free = static_cast<unsigned long long>(disk.f_bavail) * disk.f_frsize;
  unsigned long long needed =
      std::max(number("queue_minfree"), number("message_size_limit") * 3 / 2);
  if (free <= needed) {
    report.add(
        {place, Severity::error,
         format("{} has {} bytes free, fewer than 1.5 * message_size_limit or queue_minfree ({})",
                path, free, needed),
         "all mail is refused with \"452 4.3.1 Insufficient system storage\"",
         "make room, or lower message_size_limit"});
  }
  if (disk.f_files > 0 && disk.f_favail == 0) {
    report.add({place, Severity::error, format("{} has no free inode", path),
                "no message can be stored", "make room"});
  }
}

}  // namespace

void rule_queue_directory(Site& site, Report& report) {
  auto queue = site.get("queue_directory"), data = site.get("data_directory");
  judge_disk(site, report, queue, site.at("queue_directory"));
  if (!base::file_exists(queue)) return;
  auto owner = user_named(site.get("mail_owner"));
  std::vector<std::string> missing;
  for (auto& folder : queue_folders) {
    auto path = format("{}/{}", queue, folder.name);
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) missing.emplace_back(folder.name);
    } else if (owner && status.st_uid != owner->uid) {
      report.add({site.at("queue_directory"), Severity::error,
                  format("{} does not belong to {}", path, site.get("mail_owner")),
                  "the daemons cannot work there: mail is refused or stays where it is",
                  format("chown {} {}", site.get("mail_owner"), path)});
    }
  }
  if (!missing.empty()) {
    report.add(
        {site.at("queue_directory"), Severity::warning,
         format("{} lacks {}", queue, some_of(missing, 12)),
         "Postfix makes them when it starts; until then mail that passes through them is put off",
         "run postfix check"});
  }
  struct stat status {};
  if (stat(data.c_str(), &status) == 0 && owner && status.st_uid != owner->uid) {
    report.add({site.at("data_directory"), Severity::error,
                format("{} does not belong to {}", data, site.get("mail_owner")),
                "master does not start, or its daemons cannot keep their caches",
                format("chown -R {} {}", site.get("mail_owner"), data)});
  }
}

}  // namespace dovetail::check
