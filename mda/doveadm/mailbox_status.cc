// mailbox status: numbers of mailboxes, or their sums (-t).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/doveadm/mail_command.h"

namespace dovetail::mda::doveadm {

namespace {

// In the order they are printed.
constexpr std::string_view kStatusFields[] = {"messages",    "recent", "uidnext",
                                              "uidvalidity", "unseen", "highestmodseq",
                                              "vsize",       "guid",   "firstsaved"};
constexpr std::string_view kSummedFields[] = {"messages", "recent", "unseen", "vsize"};

class MailboxStatusCommand : public MailCommand {
 public:
  using MailCommand::MailCommand;

 protected:
  const char* letters() const override { return "ft"; }
  void take_option(char letter, const std::string&) override { total_ |= letter == 't'; }
  std::optional<int> check(Words& arguments) override {
    if (arguments.size() < 2) return usage_error(command_);
    for (auto word : base::words(arguments[0])) {
      bool all = word == "all";
      for (auto name : kStatusFields) {
        bool summed = std::find(std::begin(kSummedFields), std::end(kSummedFields), name) !=
                      std::end(kSummedFields);
        if ((all && (!total_ || summed)) || word == name) fields_.emplace_back(name);
      }
      if (!all && std::find(std::begin(kStatusFields), std::end(kStatusFields), word) ==
                      std::end(kStatusFields))
        return fatal(format("Unknown status field: {}", base::printable(word)), kUsageError);
    }
    for (auto& name : fields_) {
      bool summed = std::find(std::begin(kSummedFields), std::end(kSummedFields), name) !=
                    std::end(kSummedFields);
      if (total_ && !summed)
        return fatal(format("Status field {} can't be used with -t", name), kUsageError);
    }
    auto place = [](const std::string& name) {
      return std::find(std::begin(kStatusFields), std::end(kStatusFields), name) -
             std::begin(kStatusFields);
    };
    std::sort(fields_.begin(), fields_.end(),
              [&](const std::string& a, const std::string& b) { return place(a) < place(b); });
    fields_.erase(std::unique(fields_.begin(), fields_.end()), fields_.end());
    arguments.erase(arguments.begin());
    return std::nullopt;
  }
  std::vector<Column> columns() const override {
    std::vector<Column> all;
    if (!total_) all.push_back({"mailbox", true});
    for (auto& name : fields_) all.push_back({name});
    return all;
  }

  Task<int> work(Words masks) override {
    SearchQuery query;
    query.masks = std::move(masks);
    auto names = co_await selected_mailboxes(query);
    if (!names) co_return failed(names.error().text, kTempFail);
    std::vector<uint64_t> sums(fields_.size());
    for (auto& name : *names) {
      int status = kOk;
      auto box = co_await open_mailbox(
          name, format("Mailbox {}: Failed to lookup mailbox status", name), status);
      if (!box) co_return status;
      std::vector<std::string> values;
      for (size_t i = 0; i < fields_.size(); ++i) {
        auto value = co_await status_value(*box, fields_[i]);
        if (!value)
          co_return store_failed(format("Mailbox {}: Failed to lookup mailbox status", name),
                                 value.error());
        if (total_) sums[i] += base::parse_number<uint64_t>(*value).value_or(0);
        values.push_back(std::move(*value));
      }
      values.insert(values.begin(), name);
      if (!total_) printer_->row(values);
    }
    std::vector<std::string> totals;
    for (uint64_t sum : sums) totals.push_back(std::to_string(sum));
    if (total_) printer_->row(totals);
    co_return kOk;
  }

 private:
  Task<Result<std::string>> status_value(Mailbox& box, const std::string& field) {
    auto view = box.view();
    if (field == "messages") co_return std::to_string(view->count());
    if (field == "recent") co_return std::to_string(view->unclaimed());
    if (field == "uidnext") co_return std::to_string(view->uid_next);
    if (field == "uidvalidity") co_return std::to_string(view->uid_validity);
    if (field == "unseen") co_return std::to_string(view->without(kSeen));
    if (field == "highestmodseq") co_return std::to_string(view->highest_modseq);
    if (field == "guid") co_return view->guid;
    if (field == "vsize") {
      auto size = co_await box.total_size();
      if (!size) co_return size.error();
      co_return std::to_string(*size);
    }
    if (view->count() == 0) co_return std::string("never");
    std::vector<Uid> first{view->row(1).uid};
    auto infos = co_await box.info(std::move(first), kWantDate);
    if (!infos) co_return infos.error();
    co_return std::to_string(infos->front().save_date);
  }

  std::vector<std::string> fields_;
  bool total_ = false;
};

}  // namespace

int cmd_mailbox_status(const Options& options, const Command& command, Words arguments) {
  return MailboxStatusCommand(options, command).run(std::move(arguments));
}

}  // namespace dovetail::mda::doveadm
