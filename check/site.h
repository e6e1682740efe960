// Everything that is read of one mail host: main.cf, master.cf, the dovecot tree, with the place each value was written at.
// Rules ask this object and change nothing. Tables are tables.h's, databases sql/'s.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/statvfs.h>
#include <sys/types.h>

#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check/finding.h"
#include "common/base/clock.h"
#include "common/net/dns.h"
#include "common/net/loop.h"
#include "conf/dovecot/settings.h"
#include "conf/postfix/main_cf.h"
#include "conf/postfix/master_cf.h"

namespace dovetail::check {

class Tables;
class Databases;

struct SiteOptions {
  std::string postfix_directory;
  std::string dovecot_conf;
  bool dovecot_expected = false;  // named on the command line: its absence is an error
  bool dns = false;
  base::Milliseconds patience{500};  // for a server to accept a connection
  std::string hash_checker;          // the program that knows password schemes
};

// What tests replace: the time, and what the kernel says of a file system.
struct Surroundings {
  time_t now = 0;
  int (*statvfs)(const char* path, struct statvfs* out) = nullptr;
  std::shared_ptr<net::Resolver> resolver;
};

// A smtpd, lmtp ... line of master.cf with main.cf as that service sees it.
struct ServiceView {
  const conf::MasterService* service;
  conf::MainCf cf;
};

class Site {
 public:
  Site(net::Loop& loop, SiteOptions options, Surroundings surroundings);
  ~Site();
  Site(const Site&) = delete;

  const SiteOptions& options() const { return options_; }
  const Surroundings& surroundings() const { return surroundings_; }
  net::Loop& loop() const { return loop_; }

  // --- Postfix. Without a main.cf that can be read nothing of it is examined.
  bool has_postfix() const { return main_cf_.has_value(); }
  const conf::MainCf& main_cf() const { return *main_cf_; }
  // Expanded; empty if a macro is malformed (which is a finding of its own).
  std::string get(std::string_view name) const;
  static std::string get(const conf::MainCf& cf, std::string_view name);
  // Where a parameter was set; line 0 of main.cf if it was not.
  Place at(std::string_view name) const;
  Place at(const conf::MasterService& service) const;
  // The -o line of a service, else main.cf.
  Place at(const conf::MasterService& service, std::string_view name) const;
  const std::vector<conf::MasterService>& services() const { return services_; }
  // Every line of master.cf that runs one of these programs.
  std::vector<ServiceView> services_running(std::string_view program) const;
  std::string queue_path(
      std::string_view path) const;  // relative ones stand in the queue directory

  // --- Dovecot.
  bool has_dovecot() const { return view_ != nullptr; }
  const conf::dovecot::Tree& tree() const { return *tree_; }
  const conf::dovecot::View& view() const { return *view_; }
  // Where a setting ("service/auth/unix_listener/...") was last written, in any filter; line 0 of dovecot.conf if nowhere.
  Place dovecot_at(std::string_view path) const;
  // Where the first setting of a block was written.
  Place dovecot_block(std::string_view prefix) const;
  std::string dovecot_get(std::string_view key) const;
  bool protocol_wanted(std::string_view name) const;

  // What went wrong while reading, for the rules that tell it.
  struct Problem {
    Place place;
    std::string text;
    bool denied = false;  // the reader lacks the rights
  };
  std::optional<Problem> main_cf_problem, master_cf_problem, dovecot_problem;

  Tables& tables() const { return *tables_; }
  Databases& databases() const { return *databases_; }

 private:
  void read_main_cf();
  void read_master_cf();
  void read_dovecot();

  net::Loop& loop_;
  SiteOptions options_;
  Surroundings surroundings_;
  std::optional<conf::MainCf> main_cf_;
  std::map<std::string, int, std::less<>> main_cf_lines_;
  std::string master_cf_text_;
  std::vector<conf::MasterService> services_;
  std::optional<conf::dovecot::Tree> tree_;
  std::shared_ptr<const conf::dovecot::View> view_;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<Databases> databases_;
};

// Words of a main.cf list: split at commas and blanks, but not inside braces.
std::vector<std::string> list_words(std::string_view value);

// The name of a list that is the fewest letters away, if it can be meant (most: letters; 0: a fifth of the name, at least two).
std::string nearest(std::string_view name, const std::set<std::string>& known, size_t most = 0);

}  // namespace dovetail::check
