// doveadm search and fetch: which messages a query finds, and fields of them.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "mda/doveadm/mail_command.h"
#include "mda/message/headers.h"
#include "mda/message/search.h"

namespace dovetail::mda::doveadm {

namespace {

class SearchCommand : public QueryCommand {
 public:
  using QueryCommand::QueryCommand;

 protected:
  std::vector<Column> columns() const override { return {{"mailbox-guid", true}, {"uid", true}}; }
  std::string cannot(const std::string& name) const override {
    return format("Couldn't get mailbox '{}' GUID", name);
  }
  std::optional<int> check(Words& arguments) override {
    if (arguments.empty()) return usage_error(command_);
    return check_query(arguments);
  }
  Task<Result<void>> found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) override {
    for (auto uid : uids) printer_->row({box->view()->guid, std::to_string(uid)});
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

  const char* form() const override { return "pager"; }
  std::string cannot(const std::string&) const override { return {}; }
  std::vector<Column> columns() const override {
    std::vector<Column> all;
    for (auto& name : fields_) all.push_back({name});
    return all;
  }

 private:
  static bool known(std::string_view field);
  Task<Result<std::string>> field(Mailbox& box, const std::string& name, const Row& row,
                                  const MessageInfo& info);
  Task<Result<std::string>> content(Mailbox& box, const std::string& name, Uid uid);

  Words fields_;
};

// In the order the incumbent names them.
constexpr std::string_view kFetchFields[] = {"user",
                                             "mailbox",
                                             "mailbox-guid",
                                             "seq",
                                             "uid",
                                             "guid",
                                             "flags",
                                             "modseq",
                                             "hdr",
                                             "body",
                                             "body.preview",
                                             "body.snippet",
                                             "text",
                                             "text.utf8",
                                             "size.physical",
                                             "size.virtual",
                                             "date.received",
                                             "date.sent",
                                             "date.saved",
                                             "date.received.unixtime",
                                             "date.sent.unixtime",
                                             "date.saved.unixtime",
                                             "imap.envelope",
                                             "imap.body",
                                             "imap.bodystructure",
                                             "pop3.uidl",
                                             "pop3.order",
                                             "refcount",
                                             "storageid"};

bool FetchCommand::known(std::string_view field) {
  return std::find(std::begin(kFetchFields), std::end(kFetchFields), field) !=
             std::end(kFetchFields) ||
         (field.starts_with("hdr.") && field.size() > 4);
}

std::optional<int> FetchCommand::check(Words& arguments) {
  if (arguments.size() < 2) return usage_error(command_);
  for (auto word : base::words(arguments[0])) {
    if (word == "refcount" || word == "storageid" || word.starts_with("body.") ||
        word.starts_with("binary.")) {
      bool text = word == "body.preview" || word == "body.snippet";
      if (!text)
        return fatal(format("Fetch field {} is not supported yet", base::printable(word)),
                     kTempFail);
    }
    if (!known(word)) {
      fmt::print(stderr, "Available fetch fields: hdr.<name> body.<section> binary.<section>");
      for (auto name : kFetchFields) fmt::print(stderr, " {}", name);
      fmt::print(stderr, "\n");
      return fatal(format("Unknown fetch field: {}", base::printable(word)), kTempFail);
    }
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

// What has to be read from the message itself.
Task<Result<std::string>> FetchCommand::content(Mailbox& box, const std::string& name, Uid uid) {
  auto message = co_await box.open_message(uid);
  if (!message) co_return message.error();
  if (!*message) co_return std::string();
  if (name.starts_with("body.")) {
    auto structure = co_await (*message)->structure();
    if (!structure) co_return structure.error();
    co_return preview_text((*message)->fd(), **structure);
  }
  auto header = co_await (*message)->header();
  if (!header) co_return header.error();
  if (name.starts_with("hdr.")) {
    auto field = std::string_view(name).substr(4);
    bool decoded = field.ends_with(".utf8");
    if (decoded) field.remove_suffix(5);
    auto value = header_value(*header, field);
    co_return decoded ? decode_header(value) : value;
  }
  if (name.starts_with("date.sent")) {
    auto date = parse_message_date(header_value(*header, "date"));
    if (!date) co_return std::string(name.ends_with("unixtime") ? "0" : "");
    if (name.ends_with("unixtime")) co_return std::to_string(date->seconds);
    int zone = date->zone_minutes;
    co_return format("{} ({}{:02}{:02})", base::format_time("%Y-%m-%d %H:%M:%S", date->seconds),
                     zone < 0 ? '-' : '+', std::abs(zone) / 60, std::abs(zone) % 60);
  }
  auto text = base::replace_all(*header, "\r\n", "\n");
  if (name == "hdr") co_return text;
  auto whole = base::read_file(format("/proc/self/fd/{}", (*message)->fd()));
  if (!whole) co_return whole.error();
  auto all = base::replace_all(*whole, "\r\n", "\n");
  co_return name.starts_with("text") ? all : all.substr(std::min(text.size(), all.size()));
}

Task<Result<std::string>> FetchCommand::field(Mailbox& box, const std::string& name, const Row& row,
                                              const MessageInfo& info) {
  auto view = box.view();
  if (name == "user") co_return user_;
  if (name == "mailbox") co_return box.name();
  if (name == "mailbox-guid") co_return view->guid;
  if (name == "seq") co_return std::to_string(view->seq_of(row.uid));
  if (name == "uid") co_return std::to_string(row.uid);
  if (name == "guid") co_return info.guid;
  if (name == "flags") co_return flags_text(*view, row);
  if (name == "modseq") co_return std::to_string(row.modseq);
  if (name == "size.physical") co_return std::to_string(info.physical_size);
  if (name == "size.virtual") co_return std::to_string(info.virtual_size);
  if (name == "imap.envelope") co_return info.envelope;
  if (name == "imap.body") co_return info.body;
  if (name == "imap.bodystructure") co_return info.body_structure;
  if (name == "pop3.uidl") co_return info.pop3_uidl;
  if (name == "pop3.order") co_return info.pop3_order;
  if (name == "date.received.unixtime") co_return std::to_string(info.internal_date);
  if (name == "date.saved.unixtime") co_return std::to_string(info.save_date);
  if (name == "date.received") co_return base::format_time("%Y-%m-%d %H:%M:%S", info.internal_date);
  if (name == "date.saved") co_return base::format_time("%Y-%m-%d %H:%M:%S", info.save_date);
  auto read = co_await content(box, name, row.uid);
  co_return read;
}

// No more is found out about a message than is shown.
unsigned field_wants(const Words& fields) {
  unsigned wants = 0;
  for (auto& name : fields) {
    if (name.starts_with("size.")) wants |= kWantSize;
    if (name.starts_with("date.received") || name.starts_with("date.saved")) wants |= kWantDate;
    if (name == "imap.envelope") wants |= kWantEnvelope;
    if (name.starts_with("imap.body")) wants |= kWantStructure;
    if (name == "guid" || name.starts_with("pop3.")) wants |= kWantGuid;
  }
  return wants;
}

Task<Result<void>> FetchCommand::found(std::shared_ptr<Mailbox> box, std::vector<Uid> uids) {
  for (size_t at = 0; at < uids.size(); at += 64) {
    std::vector<Uid> part(
        uids.begin() + static_cast<std::ptrdiff_t>(at),
        uids.begin() + static_cast<std::ptrdiff_t>(std::min(at + 64, uids.size())));
    auto infos = co_await box->info(std::move(part), field_wants(fields_));
    if (!infos) co_return infos.error();
    for (auto& info : *infos) {
      auto seq = box->view()->seq_of(info.uid);
      if (info.gone || seq == 0) continue;
      auto row = box->view()->row(seq);
      std::vector<std::string> values;
      for (auto& name : fields_) {
        auto value = co_await field(*box, name, row, info);
        if (!value) co_return value.error();
        values.push_back(std::move(*value));
      }
      printer_->row(values);
    }
  }
  co_return Result<void>();
}

}  // namespace

int cmd_search(const Options& options, const Command& command, Words arguments) {
  return SearchCommand(options, command).run(std::move(arguments));
}

int cmd_fetch(const Options& options, const Command& command, Words arguments) {
  return FetchCommand(options, command).run(std::move(arguments));
}

}  // namespace dovetail::mda::doveadm
