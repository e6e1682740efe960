// What the passdbs hold: columns wide enough for their hashes, and hashes that some scheme verifies. Which texts are hashes of a
// scheme is the auth service's knowledge: its helper program is asked, which sees hashes and no passwords.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

#include "check/rules.h"
#include "check/sql/databases.h"
#include "check/sql/listing_query.h"
#include "common/base/file.h"
#include "common/base/text.h"

extern char** environ;

namespace dovetail::check {

namespace {

struct HashLength {
  std::string_view scheme;
  unsigned long least;  // characters of a usual hash
};
// clang-format off
constexpr HashLength hash_lengths[] = {
    {"SHA512-CRYPT", 106}, {"SHA256-CRYPT", 63}, {"BLF-CRYPT", 60}, {"MD5-CRYPT", 34}, {"DES-CRYPT", 13}, {"SSHA", 32}, {"SSHA256", 48},
    {"SSHA512", 92}, {"SHA512", 88}, {"SHA256", 44}, {"SHA", 28}, {"SHA1", 28}, {"ARGON2I", 93}, {"ARGON2ID", 94}, {"PBKDF2", 66},
    {"SCRAM-SHA-1", 90}, {"SCRAM-SHA-256", 130}, {"SMD5", 28}, {"PLAIN-MD5", 32}, {"CRAM-MD5", 64}, {"DIGEST-MD5", 32}};
// What a password in clear would need once it is hashed, as each manual advises.
constexpr std::string_view kAdvised = "SHA512-CRYPT";
// clang-format on

bool is_clear(std::string_view scheme) {
  return base::iequals(scheme, "PLAIN") || base::iequals(scheme, "CLEAR") ||
         base::iequals(scheme, "CLEARTEXT");
}

const HashLength* length_of(std::string_view scheme) {
  if (is_clear(scheme) || base::iequals(scheme, "CRYPT")) scheme = kAdvised;
  auto name = base::cut(scheme, '.').first;
  for (auto& one : hash_lengths) {
    if (base::iequals(one.scheme, name)) return &one;
  }
  return nullptr;
}

// The rows of one passdb: users, their stored passwords, and the width of that column.
struct StoredPasswords {
  std::string default_scheme;
  Place place, column_place;
  unsigned long width = 0;
  std::vector<std::pair<std::string, std::string>> users;
};

std::optional<StoredPasswords> of_sql(Site& site, const DovecotSql& sql) {
  if (site.databases().down(sql.source)) return std::nullopt;
  auto query = listing_query(sql.password_query, true);
  if (!query) return std::nullopt;
  auto rows = site.databases().rows(sql.source, query->text);
  if (!rows) return std::nullopt;
  StoredPasswords stored{sql.default_scheme, sql.password_place, sql.password_place, 0, {}};
  auto column = std::find_if(rows->columns.begin() + static_cast<long>(query->keys()),
                             rows->columns.end(), [](auto& one) { return one.name == "password"; });
  if (column == rows->columns.end()) return std::nullopt;
  stored.width = column->width;
  auto index = static_cast<size_t>(column - rows->columns.begin());
  for (auto& row : rows->rows) {
    if (row[index] && !row[index]->empty())
      stored.users.emplace_back(query->key_of(row), *row[index]);
  }
  return stored;
}

// passdb { driver = passwd-file  args = scheme=CRYPT username_format=%u /etc/dovecot/users }
std::optional<StoredPasswords> of_passwd_file(Site& site, const std::string& prefix) {
  StoredPasswords stored{"CRYPT", site.dovecot_at(prefix + "/args"), {}, 0, {}};
  std::string path;
  for (auto& word : list_words(site.dovecot_get(prefix + "/args"))) {
    if (word.starts_with("scheme=")) stored.default_scheme = word.substr(7);
    if (word.starts_with('/')) path = word;
  }
  if (path.empty() || path.find('%') != path.npos) return std::nullopt;
  auto text = base::read_file(path, 64 << 20);
  if (!text) return std::nullopt;
  stored.place = {path, 0};
  for (auto line : base::split(*text, '\n')) {
    auto fields = base::split(line, ':');
    if (fields.size() < 2 || line.starts_with('#') || fields[1].empty()) continue;
    stored.users.emplace_back(fields[0], fields[1]);
  }
  base::wipe(*text);
  return stored;
}

std::vector<StoredPasswords> all_passwords(Site& site) {
  std::vector<StoredPasswords> all;
  for (auto& sql : site.databases().dovecot()) {
    if (auto stored = of_sql(site, sql)) all.push_back(std::move(*stored));
  }
  for (auto& name : site.view().names("passdb")) {
    auto prefix = "passdb/" + name;
    if (site.dovecot_get(prefix + "/driver") != "passwd-file") continue;
    if (auto stored = of_passwd_file(site, prefix)) all.push_back(std::move(*stored));
  }
  return all;
}

// Writes text to a program and reads what it says.
Result<std::string> ask_program(const std::string& path, std::string text) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) return temporary("pipe");
  Fd in_read(in[0]), in_write(in[1]), out_read(out[0]), out_write(out[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  std::string name = path;
  char* arguments[] = {name.data(), nullptr};
  pid_t child = 0;
  int error = posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return errno_error(path, error);
  in_read.reset();
  out_write.reset();
  std::thread writer([&] {
    (void)base::write_all(in_write.get(), text);
    in_write.reset();
  });
  auto answer = base::read_all(out_read.get());
  writer.join();
  int status = 0;
  waitpid(child, &status, 0);
  base::wipe(text);
  return answer;
}

struct HashVerdicts {
  std::vector<std::string> clear;
  std::map<std::string, std::vector<std::string>> bad;  // reason -> users
};

Result<HashVerdicts> judge_hashes(Site& site, const StoredPasswords& stored) {
  std::string text;
  std::vector<std::string> users;
  for (auto& [user, password] : stored.users) {
    if (password.find_first_of("\t\n") != password.npos) continue;
    text += stored.default_scheme + "\t" + password + "\n";
    users.push_back(user);
  }
  auto answer = ask_program(site.options().hash_checker, std::move(text));
  if (!answer) return answer.error();
  auto lines = base::split(base::trim_right(*answer, "\n"), '\n');
  if (lines.size() != users.size())
    return temporary(site.options().hash_checker + ": answers are missing");
  HashVerdicts verdicts;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == "clear") verdicts.clear.push_back(users[i]);
    if (lines[i].starts_with("bad "))
      verdicts.bad[std::string(lines[i].substr(4))].push_back(users[i]);
  }
  return verdicts;
}

}  // namespace

void rule_password_column(Site& site, Report& report) {
  for (auto& stored : all_passwords(site)) {
    auto* needed = length_of(stored.default_scheme);
    if (!needed || stored.width == 0 || stored.width >= needed->least) continue;
    bool clear = is_clear(stored.default_scheme);
    report.add(
        {stored.column_place, clear ? Severity::warning : Severity::error,
         format("the password column holds {} characters, a {} hash has {}", stored.width,
                needed->scheme, needed->least),
         "the database refuses such a hash or cuts it off; with a hash cut off nobody can log in",
         "make the column varchar(255)"});
  }
}

void rule_password_hashes(Site& site, Report& report) {
  for (auto& stored : all_passwords(site)) {
    auto verdicts = judge_hashes(site, stored);
    if (!verdicts) {
      report.add({stored.place, Severity::note, verdicts.error().text,
                  "password hashes were not examined", "install Dovetail whole"});
      continue;
    }
    if (!verdicts->clear.empty()) {
      report.add(
          {stored.place, Severity::warning,
           format("passwords are stored in clear ({})", some_of(verdicts->clear)),
           "who reads the database, a backup or the network to it has them all",
           "store hashes (doveadm pw -s SHA512-CRYPT) and set default_pass_scheme accordingly"});
    }
    for (auto& [reason, users] : verdicts->bad) {
      report.add({stored.place, Severity::error,
                  format("the stored password of {}: {}", some_of(users), reason),
                  "no password matches it: these users cannot log in",
                  "store it anew (doveadm pw), or set default_pass_scheme to its scheme"});
    }
  }
}

}  // namespace dovetail::check
