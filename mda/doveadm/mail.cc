// mailbox list, search, fetch.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include "common/base/text.h"
#include "mda/doveadm/mail_command.h"
#include "mda/message/section.h"
#include "mda/storage/mutf7.h"

namespace dovetail::mda::doveadm {

namespace {

class MailboxListCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  bool take_option(const std::string& option) override {
    if (option == "-7")
      mutf7_ = true;
    else if (option == "-8")
      mutf7_ = false;
    else if (option == "-s")
      subscribed_ = true;
    else
      return false;
    return true;
  }
  Task<int> work(Words arguments) override {
    ListQuery query;
    query.patterns = arguments.empty() ? std::vector<std::string>{"*"} : arguments;
    query.subscribed_only = subscribed_;
    auto entries = co_await store_->list().list(std::move(query));
    if (!entries) co_return failed("Listing mailboxes failed: " + entries.error().text, kTempFail);
    for (auto& entry : *entries) {
      if (entry.exists || subscribed_)
        fmt::print("{}\n", mutf7_ ? utf8_to_mutf7(entry.name).value_or(entry.name) : entry.name);
    }
    co_return kOk;
  }

 private:
  bool mutf7_ = false, subscribed_ = false;
};

// search and fetch: the query behind the first `fixed` arguments.
class QueryCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  // After rights were taken on: one mailbox with the messages found in it.
  virtual Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) = 0;

  std::optional<int> check_query(const Words& words) {
    auto query = parse_search_query(words);
    if (!query) return fatal(query.error().text, kTempFail);
    query_ = std::move(*query);
    return std::nullopt;
  }
  Task<int> work(Words) override {
    auto names = co_await selected_mailboxes(query_);
    if (!names) co_return failed(names.error().text, kTempFail);
    for (auto& name : *names) {
      auto box = co_await store_->open(name);
      if (!box) co_return failed(box.error().text, kTempFail);
      if (!*box)
        co_return failed(
            format("Couldn't get mailbox '{}' GUID: Mailbox doesn't exist: {}", name, name),
            kNotFound);
      auto uids = co_await search(*box, query_);
      if (!uids) co_return fatal(uids.error().text, kTempFail);
      auto done = co_await found(*box, std::move(*uids));
      if (!done) co_return failed(done.error().text, kTempFail);
    }
    co_return kOk;
  }

  SearchQuery query_;
};

class SearchCommand : public QueryCommand {
 public:
  using QueryCommand::QueryCommand;

 protected:
  std::optional<int> check(Words& arguments) override {
    if (arguments.empty()) return usage_error(command_);
    return check_query(arguments);
  }
  Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) override {
    for (auto uid : uids) fmt::print("{} {}\n", box->view()->guid, uid);
    co_return Result<void>();
  }
};

constexpr std::string_view kFlagNames[] = {"\\Answered", "\\Flagged", "\\Deleted", "\\Seen",
                                           "\\Draft"};

class FetchCommand : public QueryCommand {
 public:
  using QueryCommand::QueryCommand;

 protected:
  std::optional<int> check(Words& arguments) override;
  Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) override;

 private:
  struct Shown {
    std::string value;
    bool block = false;  // on lines of its own
  };
  static bool known(std::string_view field);
  Task<Result<Shown>> field(Mailbox& box, const std::string& name, const Row& row,
                            const MessageInfo& info);
  Task<Result<Shown>> content(Mailbox& box, const std::string& name, Uid uid);

  Words fields_;
  bool first_ = true;
};

bool FetchCommand::known(std::string_view field) {
  static constexpr std::string_view names[] = {"user",
                                               "mailbox",
                                               "mailbox-guid",
                                               "seq",
                                               "uid",
                                               "guid",
                                               "hdr",
                                               "flags",
                                               "modseq",
                                               "body",
                                               "text",
                                               "size.physical",
                                               "imap.body",
                                               "size.virtual",
                                               "imap.envelope",
                                               "imap.bodystructure",
                                               "pop3.uidl",
                                               "pop3.order",
                                               "date.received.unixtime",
                                               "date.saved.unixtime"};
  return std::find(std::begin(names), std::end(names), field) != std::end(names) ||
         (field.starts_with("hdr.") && field.find('.', 4) == field.npos && field.size() > 4);
}

std::optional<int> FetchCommand::check(Words& arguments) {
  if (arguments.size() < 2) return usage_error(command_);
  if (!options_.formatter.empty() && options_.formatter != "pager") {
    return fatal(format("formatter {} is not supported yet", options_.formatter), kUsageError);
  }
  for (auto word : base::words(arguments[0])) {
    if (!known(word))
      return fatal(format("Unknown fetch field: {}", base::printable(word)), kTempFail);
    fields_.emplace_back(word);
  }
  arguments.erase(arguments.begin());
  return check_query(arguments);
}

std::string flags_text(const View& view, const Row& row) {
  std::vector<std::string> words;
  for (size_t bit = 0; bit < std::size(kFlagNames); ++bit) {
    if (row.flags & (1u << bit)) words.emplace_back(kFlagNames[bit]);
  }
  if (row.unclaimed) words.emplace_back("\\Recent");
  for (auto& keyword : view.keyword_names(row.keywords)) words.push_back(keyword);
  return base::join(words, " ");
}

// The values of one header, unfolded, from a header block.
std::string header_value(std::string_view block, std::string_view name) {
  std::string value;
  bool inside = false;
  for (auto line : base::split(block, '\n')) {
    line = base::trim_right(line, "\r");
    bool folded = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    if (!folded) inside = false;
    if (inside) {
      value += std::string(line);
      continue;
    }
    auto [key, rest] = base::cut(line, ':');
    if (folded || !rest || !base::iequals(base::trim(key), name)) continue;
    if (!value.empty()) value += '\n';
    value += base::trim_left(*rest);
    inside = true;
  }
  return value;
}

Task<Result<FetchCommand::Shown>> FetchCommand::content(Mailbox& box, const std::string& name,
                                                        Uid uid) {
  auto message = co_await box.open_message(uid);
  if (!message) co_return message.error();
  if (!*message) co_return Shown{};
  auto header = co_await (*message)->header();
  if (!header) co_return header.error();
  if (name.starts_with("hdr."))
    co_return Shown{header_value(*header, std::string_view(name).substr(4)), false};
  auto text = base::replace_all(*header, "\r\n", "\n");
  if (name == "hdr") co_return Shown{text, true};
  auto whole = base::read_file(format("/proc/self/fd/{}", (*message)->fd()));
  if (!whole) co_return whole.error();
  auto all = base::replace_all(*whole, "\r\n", "\n");
  co_return Shown{name == "text" ? all : all.substr(std::min(text.size(), all.size())), true};
}

Task<Result<FetchCommand::Shown>> FetchCommand::field(Mailbox& box, const std::string& name,
                                                      const Row& row, const MessageInfo& info) {
  auto view = box.view();
  if (name == "user") co_return Shown{user_};
  if (name == "mailbox") co_return Shown{box.name()};
  if (name == "mailbox-guid") co_return Shown{view->guid};
  if (name == "seq") co_return Shown{std::to_string(view->seq_of(row.uid))};
  if (name == "uid") co_return Shown{std::to_string(row.uid)};
  if (name == "guid") co_return Shown{info.guid};
  if (name == "flags") co_return Shown{flags_text(*view, row)};
  if (name == "modseq") co_return Shown{std::to_string(row.modseq)};
  if (name == "size.physical") co_return Shown{std::to_string(info.physical_size)};
  if (name == "size.virtual") co_return Shown{std::to_string(info.virtual_size)};
  if (name == "imap.envelope") co_return Shown{info.envelope};
  if (name == "imap.body") co_return Shown{info.body};
  if (name == "imap.bodystructure") co_return Shown{info.body_structure};
  if (name == "pop3.uidl") co_return Shown{info.pop3_uidl};
  if (name == "pop3.order") co_return Shown{info.pop3_order};
  if (name == "date.received.unixtime") co_return Shown{std::to_string(info.internal_date)};
  if (name == "date.saved.unixtime") co_return Shown{std::to_string(info.save_date)};
  auto read = co_await content(box, name, row.uid);
  co_return read;
}

Task<Result<void>> FetchCommand::found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) {
  constexpr unsigned wants = kWantSize | kWantDate | kWantEnvelope | kWantStructure | kWantGuid;
  for (size_t at = 0; at < uids.size(); at += 64) {
    std::vector<Uid> part(
        uids.begin() + static_cast<std::ptrdiff_t>(at),
        uids.begin() + static_cast<std::ptrdiff_t>(std::min(at + 64, uids.size())));
    auto infos = co_await box->info(std::move(part), wants);
    if (!infos) co_return infos.error();
    for (auto& info : *infos) {
      auto seq = box->view()->seq_of(info.uid);
      if (info.gone || seq == 0) continue;
      auto row = box->view()->row(seq);
      if (!std::exchange(first_, false)) fmt::print("\x0c\n");
      for (auto& name : fields_) {
        auto shown = co_await field(*box, name, row, info);
        if (!shown) co_return shown.error();
        if (shown->block)
          fmt::print("{}:\n{}", name, shown->value);
        else
          fmt::print("{}: {}\n", name, shown->value);
      }
    }
  }
  co_return Result<void>();
}

}  // namespace

int cmd_mailbox_list(const Options& options, const Command& command, Words arguments) {
  return MailboxListCommand(options, command).run(std::move(arguments));
}

int cmd_search(const Options& options, const Command& command, Words arguments) {
  return SearchCommand(options, command).run(std::move(arguments));
}

int cmd_fetch(const Options& options, const Command& command, Words arguments) {
  return FetchCommand(options, command).run(std::move(arguments));
}

}  // namespace dovetail::mda::doveadm
