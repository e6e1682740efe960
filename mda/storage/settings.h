// What the store needs from the configuration, with every variable already expanded by the caller.
// Field names are the settings'. A location is the part behind mail_location = or location =.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dovetail::mda {

enum class AutoMailbox { no, create, subscribe };

// mailbox NAME { ... } inside a namespace; name without the namespace prefix.
struct MailboxSettings {
  std::string name;
  AutoMailbox autocreate = AutoMailbox::no;  // auto =
  std::string special_use;                   // "\Drafts"; several separated by blanks
};

enum class NamespaceType { personal, shared, other };
enum class ListNamespace { yes, no, children };

struct NamespaceSettings {
  std::string name;                              // of the block
  NamespaceType type = NamespaceType::personal;  // type = private | shared | public
  std::string prefix;
  std::string separator;  // empty: the layout's ('.' for Maildir++)
  std::string location;   // empty: mail_location
  bool inbox = false;
  bool hidden = false;
  ListNamespace list = ListNamespace::yes;
  bool subscriptions = true;
  std::vector<MailboxSettings> mailboxes;
};

enum class MailFsync { optimized, always, never };

struct StoreSettings {
  std::string user;                           // for log lines
  std::string home;                           // for ~/ in locations; empty: ~/ is an error
  std::string hostname;                       // in file names
  std::string mail_location;                  // "maildir:/var/mail/vhosts/example.com/frank"
  std::vector<NamespaceSettings> namespaces;  // empty: one with inbox = yes
  MailFsync mail_fsync = MailFsync::optimized;
  bool maildir_copy_with_hardlinks = true;
  bool mail_save_crlf = false;
  bool mmap_disable = false;  // network file system: the index stays in memory
  uint64_t mail_temp_scan_interval = 7 * 24 * 3600;
  uint64_t message_parts = 10000;  // limits of the MIME parser
  uint64_t message_nesting = 100;
  uint64_t message_header_size = 2 << 20;
  bool lock_debug = false;
};

}  // namespace dovetail::mda
