// What the commands on a user's mail share: -u, the userdb, the rights of the user, his store.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/log.h"
#include "common/net/loop.h"
#include "common/net/pool.h"
#include "common/proto/auth_fields.h"
#include "mda/doveadm/doveadm.h"
#include "mda/storage/store.h"

namespace dovetail::mda::doveadm {

// The mailboxes a search looks at and the rest of the query.
struct SearchQuery {
  std::vector<std::string> masks;  // "mailbox NAME"; empty: all
  Words criteria;
};

class MailCommand {
 public:
  MailCommand(const Options& options, const Command& command)
      : options_(options), command_(command) {}
  virtual ~MailCommand() = default;

  // Options, userdb, rights, then work(); the exit status.
  int run(Words arguments);

 protected:
  // Takes an option of the command's own from the front; false: unknown.
  virtual bool take_option(const std::string&) { return false; }
  // Looks at the arguments before anything is opened; a status ends the command.
  virtual std::optional<int> check(Words&) { return std::nullopt; }
  virtual Task<int> work(Words arguments) = 0;

  // Mailboxes a query speaks of, in the list's order.
  Task<Result<std::vector<std::string>>> selected_mailboxes(const SearchQuery& query);
  // Uids of the messages in this mailbox; an error is a text for "Fatal: ".
  Task<Result<std::vector<Uid>>> search(std::shared_ptr<Mailbox> box, const SearchQuery& query);
  int failed(std::string_view text, int status) const;

  const Options& options_;
  const Command& command_;
  std::string user_;
  Loop loop_;
  net::Pool pool_{loop_, 2};
  std::shared_ptr<Store> store_;

 private:
  Task<> prepare_and_work(Words arguments);
  Result<void> become_user(const conf::dovecot::View& view, const std::string& name,
                           const proto::AuthFields& fields);

  int status_ = kTempFail;
};

// "mailbox INBOX subject x" taken apart. doveadm's infix "or" and parentheses are refused: an error names them.
Result<SearchQuery> parse_search_query(const Words& words);

}  // namespace dovetail::mda::doveadm
