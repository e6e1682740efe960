// mailbox list, create, delete, rename, subscribe, unsubscribe, path, handback. Status is mailbox_status.cc.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include "common/base/text.h"
#include "mda/doveadm/mail_command.h"
#include "mda/storage/mutf7.h"

namespace dovetail::mda::doveadm {

namespace {

class MailboxListCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  const char* letters() const override { return "78s"; }
  void take_option(char letter, const std::string&) override {
    if (letter == 's')
      subscribed_ = true;
    else
      mutf7_ = letter == '7';
  }
  std::vector<Column> columns() const override { return {{"mailbox", true}}; }
  Task<int> work(Words arguments) override {
    ListQuery query;
    query.patterns = arguments.empty() ? std::vector<std::string>{"*"} : arguments;
    query.subscribed_only = subscribed_;
    auto entries = co_await store_->list().list(std::move(query));
    if (!entries) co_return failed("Listing mailboxes failed: " + entries.error().text, kTempFail);
    for (auto& entry : *entries) {
      if (!entry.exists && !subscribed_) continue;
      printer_->row({mutf7_ ? utf8_to_mutf7(entry.name).value_or(entry.name) : entry.name});
    }
    co_return kOk;
  }

 private:
  bool mutf7_ = false, subscribed_ = false;
};

// Commands that do the same thing to each mailbox named; one that fails does not stop the others.
class EachMailboxCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  std::optional<int> check(Words& arguments) override {
    if (arguments.empty()) return usage_error(command_);
    return std::nullopt;
  }
  Task<int> work(Words arguments) override {
    int status = kOk;
    for (auto& name : arguments) {
      int one = co_await one_mailbox(name);
      if (status == kOk) status = one;
    }
    co_return status;
  }
  virtual Task<int> one_mailbox(std::string name) = 0;
  Task<int> subscribe(std::string name, bool on) {
    auto done = co_await store_->list().subscribe(name, on, true);
    if (!done)
      co_return store_failed(format("Can't {}subscribe mailbox {}", on ? "" : "un", name),
                             done.error());
    co_return kOk;
  }
};

class MailboxCreateCommand : public EachMailboxCommand {
 public:
  using EachMailboxCommand::EachMailboxCommand;

 protected:
  const char* letters() const override { return "sg:"; }
  void take_option(char letter, const std::string& value) override {
    if (letter == 's')
      subscribe_ = true;
    else
      guid_ = base::lower(value);
  }
  std::optional<int> check(Words& arguments) override {
    bool hex = guid_.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!guid_.empty() && (guid_.size() != 32 || !hex)) return fatal("Invalid GUID", kUsageError);
    return EachMailboxCommand::check(arguments);
  }
  Task<int> one_mailbox(std::string name) override {
    auto done = co_await store_->list().create(name, std::string(), guid_);
    if (!done) co_return store_failed(format("Can't create mailbox {}", name), done.error());
    if (!subscribe_) co_return kOk;
    co_return co_await subscribe(name, true);
  }

 private:
  bool subscribe_ = false;
  std::string guid_;
};

class MailboxDeleteCommand : public EachMailboxCommand {
 public:
  using EachMailboxCommand::EachMailboxCommand;

 protected:
  const char* letters() const override { return "ersZ"; }
  void take_option(char letter, const std::string&) override {
    if (letter == 'e') only_empty_ = true;
    if (letter == 'r') recursive_ = true;
    if (letter == 's') unsubscribe_ = true;
  }
  Task<int> one_mailbox(std::string name) override {
    Words names{name};
    if (recursive_) {
      ListQuery query;
      query.patterns = {name + store_->list().separator(name) + "*"};
      auto below = co_await store_->list().list(std::move(query));
      if (!below) co_return store_failed(format("Can't delete mailbox {}", name), below.error());
      for (auto& entry : *below) {
        if (entry.exists) names.insert(names.begin(), entry.name);  // children first
      }
    }
    for (auto& one : names) {
      int status = kOk;
      if (only_empty_) {
        auto box = co_await open_mailbox(one, format("Can't delete mailbox {}", one), status);
        if (!box) co_return status;
        if (box->view()->count() > 0)
          co_return failed(format("Can't delete mailbox {}: Mailbox isn't empty", one), kTempFail);
      }
      auto done = co_await store_->list().remove(one);
      if (!done) co_return store_failed(format("Can't delete mailbox {}", one), done.error());
      if (unsubscribe_) status = co_await subscribe(one, false);
      if (status != kOk) co_return status;
    }
    co_return kOk;
  }

 private:
  bool only_empty_ = false, recursive_ = false, unsubscribe_ = false;
};

class MailboxRenameCommand : public EachMailboxCommand {
 public:
  using EachMailboxCommand::EachMailboxCommand;

 protected:
  const char* letters() const override { return "s"; }
  void take_option(char, const std::string&) override { subscriptions_ = true; }
  std::optional<int> check(Words& arguments) override {
    if (arguments.size() != 2) return usage_error(command_);
    return std::nullopt;
  }
  Task<int> work(Words names) override {
    auto done = co_await store_->list().rename(names[0], names[1]);
    if (!done)
      co_return store_failed(format("Can't rename mailbox {} to {}", names[0], names[1]),
                             done.error());
    if (!subscriptions_) co_return kOk;
    int off = co_await subscribe(names[0], false);
    int on = co_await subscribe(names[1], true);
    co_return off != kOk ? off : on;
  }
  Task<int> one_mailbox(std::string) override { co_return kOk; }

 private:
  bool subscriptions_ = false;
};

template <bool on>
class MailboxSubscribeCommand : public EachMailboxCommand {
 public:
  using EachMailboxCommand::EachMailboxCommand;

 protected:
  Task<int> one_mailbox(std::string name) override { return subscribe(std::move(name), on); }
};

class MailboxPathCommand : public EachMailboxCommand {
 public:
  using EachMailboxCommand::EachMailboxCommand;

 protected:
  const char* letters() const override { return "t:"; }
  void take_option(char, const std::string& type) override { type_ = type; }
  std::optional<int> check(Words& arguments) override {
    if (type_ != "mailbox" && type_ != "dir")
      return fatal(format("mailbox path -t {} is not supported yet", base::printable(type_)),
                   kUsageError);
    return EachMailboxCommand::check(arguments);
  }
  std::vector<Column> columns() const override { return {{"path", true}}; }
  Task<int> one_mailbox(std::string name) override {
    int status = kOk;
    auto box = co_await open_mailbox(name, format("Can't get path of mailbox {}", name), status);
    if (!box) co_return status;
    auto path = box->watch_paths().front();
    printer_->row({path.substr(0, path.rfind('/'))});
    co_return kOk;
  }

 private:
  std::string type_ = "mailbox";
};

// Closing a mailbox leaves the incumbent what it needs; see mda/storage/maildir/folder_swap.cc.
class MailboxHandbackCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  Task<int> work(Words arguments) override {
    SearchQuery query;
    query.masks = std::move(arguments);
    auto names = co_await selected_mailboxes(query);
    if (!names) co_return failed(names.error().text, kTempFail);
    for (auto& name : *names) {
      int status = kOk;
      auto box = co_await open_mailbox(name, format("Can't open mailbox {}", name), status);
      if (!box) co_return status;
    }
    co_return kOk;
  }
};

}  // namespace

int cmd_mailbox_list(const Options& options, const Command& command, Words arguments) {
  return MailboxListCommand(options, command).run(std::move(arguments));
}
int cmd_mailbox_create(const Options& options, const Command& command, Words arguments) {
  return MailboxCreateCommand(options, command).run(std::move(arguments));
}
int cmd_mailbox_delete(const Options& options, const Command& command, Words arguments) {
  return MailboxDeleteCommand(options, command).run(std::move(arguments));
}
int cmd_mailbox_rename(const Options& options, const Command& command, Words arguments) {
  return MailboxRenameCommand(options, command).run(std::move(arguments));
}
int cmd_mailbox_subscribe(const Options& options, const Command& command, Words arguments) {
  return MailboxSubscribeCommand<true>(options, command).run(std::move(arguments));
}
int cmd_mailbox_unsubscribe(const Options& options, const Command& command, Words arguments) {
  return MailboxSubscribeCommand<false>(options, command).run(std::move(arguments));
}
int cmd_mailbox_path(const Options& options, const Command& command, Words arguments) {
  return MailboxPathCommand(options, command).run(std::move(arguments));
}
int cmd_mailbox_handback(const Options& options, const Command& command, Words arguments) {
  return MailboxHandbackCommand(options, command).run(std::move(arguments));
}

}  // namespace dovetail::mda::doveadm
