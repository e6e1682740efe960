// dovecot.conf 2.3 as every program sees it: load() reads the tree of files, Tree::view() evaluates
// it for one connection, View answers by name and type. Parsing is parser.h, the table of all
// settings schema.h, the checks of whole files checks.h, % variables variables.h; nothing here
// expands a % variable.
//
// How a daemon gets its View
//   1. `dovecot` (and doveadm, doveconf, dovecot-lda) call load(path). It fails with the
//   incumbent's line: "Error in
//      configuration file F line N: ...". tree.warnings() are to be logged, tree.unsupported() too
//      (see schema.h).
//   2. For each child the parent calls tree.pack(PackFor{...}) and writes the bytes into a sealed
//   memory file. Only
//      settings that one of the named readers may see are in it, with the filters around them;
//      `<file` values have been read; ssl keys and the *.conf.ext files with SQL passwords are in
//      it only when asked for (design.md 3).
//   3. The child calls Tree::unpack(bytes), closes the file, and asks per connection:
//        Selector who{.protocol = "imap", .local_ip = "192.0.2.1", .remote_ip = "198.51.100.7",
//        .local_name = sni}; auto view = tree.view(who);              // Result<shared_ptr<const
//        View>>; error: two filters conflict if (view->get_bool("disable_plaintext_auth")) ...
//      Views are cached by the set of filters that match, so this costs a few comparisons per
//      connection.
//   4. A worker lays the user's overrides (userdb extra fields) over it:
//   view->with({{"mail_location", "..."}}).
// A login process asks with protocol "imap" or "pop3", not with its service's name; auth asks with
// an empty Selector.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace dovetail::conf::dovecot {

struct Override {
  std::string key;  // "mail_location", "plugin/quota_rule", "namespace/inbox/prefix"
  std::string value;
};

// What one connection is: empty parts match only filters that do not ask for them.
struct Selector {
  std::string protocol;  // imap pop3 lmtp lda sieve submission doveadm indexer-worker ...
  std::string local_ip, remote_ip;
  std::string local_name;  // TLS server name
};

struct UnixListener {
  std::string path;  // as written; relative to base_dir
  unsigned mode = 0600;
  std::string user, group;  // $default_internal_user and the like are already expanded
};

struct InetListener {
  std::string name, address;
  std::uint16_t port = 0;
  bool ssl = false, reuse_port = false, haproxy = false;
};

struct Service {
  std::string name, protocol, type, executable;
  std::string user, group, privileged_group, extra_groups, chroot;
  bool drop_priv_before_exec = false;
  unsigned process_min_avail = 0, process_limit = 0, client_limit = 0,
           service_count = 0;  // 0: the default_ setting
  bool service_count_set = false, process_limit_set = false,
       client_limit_set = false;  // written by the administrator
  std::chrono::seconds idle_kill{0};
  std::uint64_t vsz_limit = 0;  // UINT64_MAX: default_vsz_limit
  std::vector<UnixListener> unix_listeners, fifo_listeners;
  std::vector<InetListener> inet_listeners;
};

struct Passdb {
  std::string name, driver, args, default_fields, override_fields, mechanisms, username_filter;
  std::string skip, result_success, result_failure, result_internalfail, auth_verbose;
  bool deny = false, pass = false, master = false;
};

struct Userdb {
  std::string name, driver, args, default_fields, override_fields;
  std::string skip, result_success, result_failure, result_internalfail, auth_verbose;
};

struct Mailbox {
  std::string name, autocreate, special_use, driver, comment;  // autocreate: the setting `auto`
  std::chrono::seconds autoexpunge{0};
  unsigned autoexpunge_max_mails = 0;
};

struct Namespace {
  std::string name, type, separator, prefix, location, alias_for, list;
  unsigned order = 0;
  bool inbox = false, hidden = false, subscriptions = true, ignore_on_failure = false,
       disabled = false;
  std::vector<Mailbox> mailboxes;
};

using StringMap = std::vector<std::pair<std::string, std::string>>;  // in the order of the file

class Tree;

// All settings for one Selector, $names and <files expanded, checked for type. A name the table
// lacks is a bug of the caller and ends the program; a wrong type cannot happen after load().
class View {
 public:
  std::string get(std::string_view key) const;
  bool get_bool(std::string_view key) const;
  std::uint64_t get_number(std::string_view key) const;  // uint, in_port, octal
  std::uint64_t get_size(std::string_view key) const;    // bytes
  std::chrono::milliseconds get_time(std::string_view key) const;
  Secret get_secret(std::string_view key) const;
  bool any_set_below(std::string_view prefix) const;  // "service/imap/": a key that begins so
  bool is_set(std::string_view key) const;  // somewhere in a file or override, even to the default

  // Element names of a list block: names("namespace"), names("namespace/inbox/mailbox"); unnamed
  // ones are "0", "1".
  std::vector<std::string> names(std::string_view list) const;
  // The block was opened somewhere, if only to stand empty: has_block("dict").
  bool has_block(std::string_view list) const;
  std::vector<Service> services() const;
  // False for a service of a protocol that `protocols` does not name.
  bool wanted(const Service& service) const;
  std::optional<Service> service(std::string_view name) const;
  std::vector<Passdb> passdbs() const;
  std::vector<Userdb> userdbs() const;
  std::vector<Namespace> namespaces() const;
  StringMap plugins() const;  // plugin { }
  std::optional<std::string> plugin(std::string_view key) const;
  StringMap dicts() const;  // dict { }

  // The same settings under a user's own; unknown keys go to plugin { } as userdb extra fields do.
  Result<std::shared_ptr<const View>> with(const std::vector<Override>& overrides) const;

 private:
  friend class Tree;
  friend class ViewBuilder;
  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, std::vector<std::string>, std::less<>> lists_;
  StringMap map_order_;  // elements of plugin { } and dict { } as they were written
  bool raw_ = false;
};

// One written setting. `path` has the names of blocks in it, escaped (see escape_name).
struct Assignment {
  std::string path, value;
  bool expand = false;     // unquoted: $name is looked up
  bool from_file = false;  // the value is a path, given as <path
  std::uint32_t file = 0, line = 0;
};

// protocol, local, local_name, remote { }: where its settings hold. filters()[0] is the global one.
struct Filter {
  std::string protocol;  // "imap" or "!imap"
  std::string local_name;
  std::string local_text, remote_text;  // as written
  struct Net {
    std::string bytes;  // 4 or 16; empty: any
    unsigned bits = 0;
  } local, remote;
  int parent = -1;            // the filter around it
  bool command_line = false;  // -o: holds everywhere and beats all others
  std::uint32_t file = 0, line = 0;
  std::vector<Assignment> settings;  // in the order of first assignment
  std::map<std::string, std::vector<std::string>, std::less<>>
      lists;  // list path -> escaped element names
};

struct PackFor {
  std::vector<std::string>
      readers;  // names of schema.h's read_by column: "imap-login", "imap", "auth" ...
  bool private_keys =
      false;  // ssl_key, ssl_alt_key, ssl_client_key, ssl_key_password: login and lmtp only
  bool external_files = false;  // *.conf.ext of passdb and userdb: auth only
};

// A setting in use that this version does not act on.
struct Unsupported {
  std::string path, file;
  unsigned line = 0;
  enum class Action { ignore, defer, fatal } action = Action::ignore;
};

class Tree {
 public:
  Tree();

  Result<std::shared_ptr<const View>> view(const Selector& who) const;
  // As written: $names and <files stay what they are (doveconf without -x).
  Result<std::shared_ptr<const View>> raw_view(const Selector& who) const;
  // What load() has to say without failing: obsolete names, ambiguous comments (to be logged as warnings) and values
  // of obsolete settings that could not be converted (errors).
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& soft_errors() const { return soft_errors_; }
  std::vector<Unsupported> unsupported() const;

  Result<std::string> pack(const PackFor& what) const;
  static Result<Tree> unpack(std::string_view bytes);
  // Content of a file that came with pack(external_files); nullopt if it did not: read it yourself.
  std::optional<Secret> external_file(std::string_view path) const;

  // For the parser, the checks and doveconf.
  const std::vector<Filter>& filters() const { return filters_; }
  std::vector<Filter>& filters() { return filters_; }
  const std::vector<std::string>& files() const { return files_; }
  std::uint32_t add_file(const std::string& path);
  void warn(std::string text) { warnings_.push_back(std::move(text)); }
  void soft_error(std::string text) { soft_errors_.push_back(std::move(text)); }
  // "PATH line N" of an assignment or filter, for messages.
  std::string where(std::uint32_t file, std::uint32_t line) const;
  static const Assignment* find(const Filter& filter, std::string_view path);

 private:
  friend class ViewBuilder;
  std::vector<Filter> filters_;
  std::vector<std::string> files_;
  std::vector<std::string> warnings_, soft_errors_;
  std::map<std::string, Secret, std::less<>> external_;
  mutable std::map<std::vector<std::size_t>, std::shared_ptr<const View>> cache_;
};

// Reads path and everything it includes; -o overrides come last and beat every filter.
Result<Tree> load(const std::string& path, const std::vector<Override>& overrides = {});

// A block's name inside a path: '/' is \s, '\' is \\, ' ' is \_, '=' is \e, empty is \. .
std::string escape_name(std::string_view name);
std::string unescape_name(std::string_view name);

}  // namespace dovetail::conf::dovecot
