// The names of a user's mailboxes over all namespaces: list, create, delete, rename, subscribe.
// Names are UTF-8 with the namespace's prefix and separator; mUTF-7 (RFC 3501 5.1.3) is how they
// stand on the wire and on disk, see mda/storage/mutf7.h. Maildir++ and LAYOUT=fs are done; status
// of a mailbox is Mailbox's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/task.h"
#include "mda/storage/settings.h"

namespace dovetail::mda {

struct ListEntry {
  std::string name;  // UTF-8, full
  char separator = '/';
  bool exists =
      false;  // can be selected; else \NonExistent (\Noselect for LIST without extensions)
  bool has_children = false;
  bool subscribed = false;
  bool child_subscribed = false;  // CHILDINFO ("SUBSCRIBED") of RECURSIVEMATCH
  std::string special_use;        // "\Drafts"
  bool namespace_prefix = false;  // the entry is a namespace's own root
};

struct ListQuery {
  std::vector<std::string>
      patterns;                  // full names with * and %, UTF-8; reference already put before
  bool subscribed_only = false;  // LSUB, LIST (SUBSCRIBED)
  bool lsub = false;             // LSUB: for "%", parents of subscribed names appear too
  bool recursive_match = false;
  bool want_subscribed = false;  // fill in subscribed for entries
  bool special_use_only = false;
  bool on_disk_only = false;  // without mailboxes that are made when somebody opens them
};

struct NamespaceInfo {
  std::string prefix;
  char separator = '/';
  NamespaceType type = NamespaceType::personal;
  bool inbox = false;
  bool hidden = false;
  ListNamespace list = ListNamespace::yes;
};

// Errors as in mailbox.h: the text of a permanent one is the IMAP reply behind NO.
class MailboxList {
 public:
  virtual ~MailboxList() = default;

  virtual std::vector<NamespaceInfo> namespaces() const = 0;
  // Separator of the namespace this name belongs to.
  virtual char separator(std::string_view name) const = 0;

  // Each mailbox once, parents before children, INBOX last (first if it has the prefix's children).
  virtual Task<Result<std::vector<ListEntry>>> list(ListQuery query) = 0;
  virtual Task<Result<bool>> exists(std::string name) = 0;
  // "[CANNOT] Invalid mailbox name: ...", "[ALREADYEXISTS] Mailbox already exists"; a name ending
  // in the separator makes parents only.
  virtual Task<Result<void>> create(std::string name, std::string special_use = {},
                                    std::string guid = {}) = 0;
  virtual Task<Result<void>> remove(std::string name) = 0;
  virtual Task<Result<void>> rename(std::string from, std::string to) = 0;
  // Unless `any`, only what is there may be subscribed to.
  virtual Task<Result<void>> subscribe(std::string name, bool on, bool any = false) = 0;
  virtual Task<Result<std::vector<std::string>>> subscriptions() = 0;
  // Checks the name alone, without looking whether it exists.
  virtual Result<void> valid_name(std::string_view name) const = 0;
};

}  // namespace dovetail::mda
