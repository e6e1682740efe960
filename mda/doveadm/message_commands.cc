// flags, expunge, copy, move, save, index, force-resync, purge.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>

#include "common/base/file.h"
#include "common/base/text.h"
#include "mda/doveadm/mail_command.h"

namespace dovetail::mda::doveadm {

namespace {

constexpr size_t kSavePiece = 65536;

class FlagsCommand : public QueryCommand {
 public:
  FlagsCommand(const Options& options, const Command& command, FlagChange change)
      : QueryCommand(options, command), change_(change) {}

 protected:
  std::optional<int> check(Words& arguments) override {
    if (arguments.size() < 2) return usage_error(command_);
    auto update = parse_flag_words(arguments[0]);
    if (!update) return fatal(update.error().text, kTempFail);
    update_ = std::move(*update);
    update_.change = change_;
    arguments.erase(arguments.begin());
    return check_query(arguments);
  }
  Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) override {
    auto update = update_;
    auto done = co_await box->set_flags(std::move(uids), std::move(update));
    if (!done) co_return done.error();
    co_return Result<void>();
  }

 private:
  FlagChange change_;
  FlagUpdate update_;
};

class ExpungeCommand : public QueryCommand {
 public:
  using QueryCommand::QueryCommand;

 protected:
  const char* letters() const override { return "dm"; }
  void take_option(char letter, const std::string&) override {
    if (letter == 'd') delete_empty_ = true;
  }
  std::optional<int> check(Words& arguments) override {
    if (arguments.empty()) return usage_error(command_);
    if (auto status = check_query(arguments)) return status;
    if (query_.masks.empty())
      return fatal(
          "expunge: To avoid accidents, search query must contain MAILBOX in all search branches",
          kUsageError);
    return std::nullopt;
  }
  std::string cannot(const std::string& name) const override {
    return format("Syncing mailbox '{}' failed", name);
  }
  Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) override {
    auto gone = co_await box->expunge(std::move(uids));
    if (!gone) co_return gone.error();
    if (!delete_empty_ || box->view()->count() > 0 || box->name() == "INBOX")
      co_return Result<void>();
    auto name = box->name();
    box.reset();
    co_return co_await store_->list().remove(name);
  }

 private:
  bool delete_empty_ = false;
};

class CopyCommand : public QueryCommand {
 public:
  CopyCommand(const Options& options, const Command& command, bool move)
      : QueryCommand(options, command), move_(move) {}

 protected:
  std::optional<int> check(Words& arguments) override {
    if (arguments.size() < 2) return usage_error(command_);
    target_ = arguments[0];
    arguments.erase(arguments.begin());
    if (arguments.size() > 2 && base::iequals(arguments[0], "user"))
      return fatal("copying from another user is not supported yet", kUsageError);
    return check_query(arguments);
  }
  Task<int> work(Words arguments) override {
    int status = kOk;
    into_ = co_await open_mailbox(target_, format("Can't open mailbox '{}'", target_), status);
    if (!into_) co_return status;
    status = co_await QueryCommand::work(std::move(arguments));
    into_.reset();
    co_return status;
  }
  Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) override {
    if (uids.empty()) co_return Result<void>();
    if (move_) {
      auto moved = co_await box->move(std::move(uids), into_);
      if (!moved) co_return moved.error();
    } else {
      auto copied = co_await box->copy(std::move(uids), into_);
      if (!copied) co_return copied.error();
    }
    co_return Result<void>();
  }

 private:
  bool move_;
  std::string target_;
  std::shared_ptr<Mailbox> into_;
};

class SaveCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  const char* letters() const override { return "m:"; }
  void take_option(char, const std::string& value) override { mailbox_ = value; }
  std::optional<int> check(Words& arguments) override {
    if (arguments.size() > 1) return usage_error(command_);
    return std::nullopt;
  }
  Task<int> work(Words arguments) override {
    int status = kOk;
    auto box =
        co_await open_mailbox(mailbox_, format("Failed to open mailbox {}", mailbox_), status);
    if (!box) co_return status;
    base::Fd file;
    if (!arguments.empty()) {
      // The caller's rights were given up before: the user must be able to read it.
      auto opened = base::open_file(arguments[0], O_RDONLY);
      if (!opened) co_return failed(opened.error().text, kTempFail);
      file = std::move(*opened);
    }
    SaveOptions options;
    auto incoming = co_await box->begin_save(std::move(options));
    if (!incoming) co_return store_failed("Saving mail", incoming.error());
    for (;;) {
      std::string piece(kSavePiece, '\0');
      ssize_t n = ::read(file ? file.get() : STDIN_FILENO, piece.data(), piece.size());
      if (n < 0) co_return failed(errno_error("read(msg input)", errno).text, kTempFail);
      if (n == 0) break;
      piece.resize(static_cast<size_t>(n));
      auto written = co_await (*incoming)->write(std::move(piece));
      if (!written) co_return store_failed("Saving mail", written.error());
    }
    std::vector<std::unique_ptr<Incoming>> all;
    all.push_back(std::move(*incoming));
    auto saved = co_await box->commit(std::move(all));
    if (!saved) co_return store_failed("Saving mail", saved.error());
    co_return kOk;
  }

 private:
  std::string mailbox_ = "INBOX";
};

// index fills what FETCH, SORT and SEARCH will ask for; force-resync looks at the directories again. Names that are not
// there are no error.
class ResyncCommand : public MailCommand {
 public:
  ResyncCommand(const Options& options, const Command& command, bool fill)
      : MailCommand(options, command), fill_(fill) {}

 protected:
  const char* letters() const override { return fill_ ? "qn:" : "f"; }
  std::optional<int> check(Words& arguments) override {
    if (arguments.size() != 1) return usage_error(command_);
    return std::nullopt;
  }
  Task<int> work(Words masks) override {
    SearchQuery query;
    query.masks = std::move(masks);
    auto names = co_await selected_mailboxes(query);
    if (!names) co_return failed(names.error().text, kTempFail);
    for (auto& name : *names) {
      auto box = co_await store_->open(name);
      if (!box) co_return store_failed(format("Mailbox {}", name), box.error());
      if (!*box || !fill_) continue;
      std::vector<Uid> uids;
      auto view = (*box)->view();
      for (size_t seq = 1; seq <= view->count(); ++seq) uids.push_back(view->row(seq).uid);
      constexpr unsigned wants = kWantSize | kWantDate | kWantEnvelope | kWantStructure;
      auto filled = co_await (*box)->info(std::move(uids), wants);
      if (!filled) co_return store_failed(format("Mailbox {}", name), filled.error());
    }
    co_return kOk;
  }

 private:
  bool fill_;
};

// A Maildir keeps nothing that could be purged.
class PurgeCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  Task<int> work(Words) override { co_return kOk; }
};

}  // namespace

Result<FlagUpdate> parse_flag_words(std::string_view words) {
  static constexpr std::pair<std::string_view, uint8_t> names[] = {
      {"\\Answered", kAnswered}, {"\\Flagged", kFlagged}, {"\\Deleted", kDeleted},
      {"\\Seen", kSeen},         {"\\Draft", kDraft},
  };
  FlagUpdate update;
  for (auto word : base::words(words)) {
    uint8_t flag = 0;
    for (auto& [name, bit] : names) {
      if (base::iequals(name, word)) flag = bit;
    }
    if (word.starts_with('\\') && flag == 0)
      return permanent(format("Invalid system flag: {}", base::printable(word)));
    update.flags = static_cast<uint8_t>(update.flags | flag);
    if (flag == 0) update.keywords.emplace_back(word);
  }
  return update;
}

int cmd_flags_add(const Options& options, const Command& command, Words arguments) {
  return FlagsCommand(options, command, FlagChange::add).run(std::move(arguments));
}
int cmd_flags_remove(const Options& options, const Command& command, Words arguments) {
  return FlagsCommand(options, command, FlagChange::remove).run(std::move(arguments));
}
int cmd_flags_replace(const Options& options, const Command& command, Words arguments) {
  return FlagsCommand(options, command, FlagChange::replace).run(std::move(arguments));
}
int cmd_expunge(const Options& options, const Command& command, Words arguments) {
  return ExpungeCommand(options, command).run(std::move(arguments));
}
int cmd_copy(const Options& options, const Command& command, Words arguments) {
  return CopyCommand(options, command, false).run(std::move(arguments));
}
int cmd_move(const Options& options, const Command& command, Words arguments) {
  return CopyCommand(options, command, true).run(std::move(arguments));
}
int cmd_save(const Options& options, const Command& command, Words arguments) {
  return SaveCommand(options, command).run(std::move(arguments));
}
int cmd_index(const Options& options, const Command& command, Words arguments) {
  return ResyncCommand(options, command, true).run(std::move(arguments));
}
int cmd_force_resync(const Options& options, const Command& command, Words arguments) {
  return ResyncCommand(options, command, false).run(std::move(arguments));
}
int cmd_purge(const Options& options, const Command& command, Words arguments) {
  return PurgeCommand(options, command).run(std::move(arguments));
}

}  // namespace dovetail::mda::doveadm
