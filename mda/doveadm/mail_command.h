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
#include "mda/doveadm/print.h"
#include "mda/doveadm/query.h"
#include "mda/storage/store.h"

namespace dovetail::mda::doveadm {

class MailCommand {
 public:
  MailCommand(const Options& options, const Command& command)
      : options_(options), command_(command) {}
  virtual ~MailCommand() = default;

  // Options, userdb, rights, then work(); the exit status.
  int run(Words arguments);

 protected:
  // The command's own options as getopt(3) wants them, and what to do with one.
  virtual const char* letters() const { return ""; }
  virtual void take_option(char, const std::string&) {}
  // The form of its output without -f, and its columns.
  virtual const char* form() const { return "flow"; }
  virtual std::vector<Column> columns() const { return {}; }
  // Looks at the arguments before anything is opened; a status ends the command.
  virtual std::optional<int> check(Words&) { return std::nullopt; }
  virtual Task<int> work(Words arguments) = 0;

  // Mailboxes a query speaks of, in the list's order.
  Task<Result<std::vector<std::string>>> selected_mailboxes(const SearchQuery& query);
  // Uids of the messages in this mailbox; an error is a text for "Fatal: ".
  Task<Result<std::vector<Uid>>> search(std::shared_ptr<Mailbox> box, const SearchQuery& query);
  // A mailbox that is there; an error has been turned into a text and `status`.
  Task<std::shared_ptr<Mailbox>> open_mailbox(std::string name, std::string_view cannot,
                                              int& status);
  int failed(std::string_view text, int status) const;
  // For an error of the store: "[CODE] text" becomes the text and the exit status that goes with the code.
  int store_failed(std::string_view doing, const Error& error) const;

  const Options& options_;
  const Command& command_;
  std::string user_;
  std::unique_ptr<Printer> printer_;
  std::shared_ptr<Store> store_;
  net::Pool& pool() { return *pool_; }
  Loop& loop() { return *loop_; }

 private:
  struct Users {
    bool all = false, many = false;
    std::string file;
  };
  std::optional<int> parse_options(Words& arguments, Users& users);
  Result<Words> user_names(const Users& users);
  int run_for(const Words& users, const Words& arguments);
  int run_one(Words arguments);
  std::string auth_socket(const conf::dovecot::View& view) const;
  Task<> prepare_and_work(Words arguments);
  Result<void> become_user(const conf::dovecot::View& view, const std::string& name,
                           const proto::AuthFields& fields);

  // Made in the process that works: with -A or -F each user gets a process, which can take on his rights.
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<net::Pool> pool_;
  int status_ = kTempFail;
  bool quiet_missing_ = false;  // -A: a user who went away meanwhile is told otherwise
};

// A command over the messages a query finds, mailbox by mailbox.
class QueryCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  std::optional<int> check_query(const Words& words);
  Task<int> work(Words arguments) override;
  virtual Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) = 0;
  // What a mailbox that is not there prevents; empty: it is passed over.
  virtual std::string cannot(const std::string& name) const {
    return format("Mailbox {}: Mailbox sync failed", name);
  }

  SearchQuery query_;
};

// "\\Seen" and keywords; an error is a text for "Fatal: ".
Result<FlagUpdate> parse_flag_words(std::string_view words);

}  // namespace dovetail::mda::doveadm
