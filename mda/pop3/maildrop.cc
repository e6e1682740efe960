// SPDX-License-Identifier: Apache-2.0
#include "mda/pop3/maildrop.h"

#include <algorithm>
#include <unordered_map>

#include "common/base/text.h"
#include "conf/dovecot/variables.h"

namespace dovetail::mda::pop3 {

namespace {

constexpr size_t kUidsAtOnce = 64;

// Value of X-UIDL in a header; empty: none.
std::string find_xuidl(std::string_view header) {
  for (auto line : base::split(header, '\n')) {
    if (base::istarts_with(line, "x-uidl:")) return std::string(base::trim(line.substr(7)));
  }
  return {};
}

}  // namespace

std::string format_uidl(const std::string& pop3_uidl_format, const UidlFacts& facts) {
  conf::dovecot::Variables variables;
  variables.table = {
      {'u', "uid", std::to_string(facts.uid)},
      {'v', "uidvalidity", std::to_string(facts.uid_validity)},
      {'f', "filename", facts.file},
      {'g', "guid", facts.guid},
  };
  return conf::dovecot::expand_variables(pop3_uidl_format, variables).text;
}

Task<Result<std::unique_ptr<Maildrop>>> Maildrop::open(Store& store, const Pop3Settings& settings) {
  auto box = co_await store.open("INBOX");
  if (!box) co_return box.error();
  if (!*box) co_return temporary("Mailbox doesn't exist: INBOX");
  std::unique_ptr<Maildrop> made(new Maildrop(std::move(*box), settings));
  auto loaded = co_await made->load();
  if (!loaded) co_return loaded.error();
  co_return std::move(made);
}

Task<Result<void>> Maildrop::load() {
  auto view = co_await box_->sync();
  if (!view) co_return view.error();
  view_ = *view;
  auto hidden = settings_.delete_by_flag && !settings_.pop3_deleted_flag.empty()
                    ? view_->keyword_number(settings_.pop3_deleted_flag)
                    : std::nullopt;
  std::vector<Uid> uids;
  for (size_t seq = 1; seq <= view_->count(); ++seq) {
    auto& row = view_->row(seq);
    if (!hidden || !(row.keywords >> *hidden & 1)) uids.push_back(row.uid);
  }
  std::unordered_map<Uid, std::string> orders;
  for (size_t from = 0; from < uids.size(); from += kUidsAtOnce) {
    std::vector<Uid> part(uids.begin() + from,
                          uids.begin() + std::min(from + kUidsAtOnce, uids.size()));
    auto infos = co_await box_->info(std::move(part), kWantSize | kWantGuid);
    if (!infos) co_return infos.error();
    for (auto& info : *infos) {
      auto seq = view_->seq_of(info.uid);
      if (info.gone || seq == 0) continue;
      auto& row = view_->row(seq);
      Message message;
      message.uid = info.uid;
      message.size = settings_.pop3_fast_size_lookups ? info.physical_size : info.virtual_size;
      message.uidl = uidl_of(info, row);
      message.seen = row.flags & kSeen;
      if (!info.pop3_order.empty()) orders[info.uid] = info.pop3_order;
      messages.push_back(std::move(message));
    }
  }
  // Messages that came from another server keep the order they had there, before all others.
  auto order_of = [&](const Message& message) {
    auto found = orders.find(message.uid);
    auto number =
        found == orders.end() ? std::nullopt : base::parse_number<uint32_t>(found->second);
    return number.value_or(UINT32_MAX);
  };
  if (!orders.empty()) {
    std::stable_sort(messages.begin(), messages.end(),
                     [&](const Message& a, const Message& b) { return order_of(a) < order_of(b); });
  }
  if (settings_.pop3_reuse_xuidl) {
    auto done = co_await load_xuidl();
    if (!done) co_return done.error();
  }
  if (settings_.rename_uidl_duplicates) rename_duplicates();
  for (size_t at = 0; at < messages.size(); ++at) {
    total_size += messages[at].size;
    if (messages[at].seen) last = at + 1;
  }
  co_return Result<void>();
}

std::string Maildrop::uidl_of(const MessageInfo& info, const Row& row) const {
  if (!info.pop3_uidl.empty()) return info.pop3_uidl;
  UidlFacts facts{info.uid, view_->uid_validity, std::string(row.base()), info.guid};
  return format_uidl(settings_.pop3_uidl_format, facts);
}

Task<Result<void>> Maildrop::load_xuidl() {
  for (auto& message : messages) {
    auto opened = co_await box_->open_message(message.uid);
    if (!opened) co_return opened.error();
    if (!*opened) continue;
    auto header = co_await (*opened)->header();
    if (!header) co_return header.error();
    auto xuidl = find_xuidl(*header);
    if (!xuidl.empty()) message.uidl = std::move(xuidl);
  }
  co_return Result<void>();
}

// The second and further ones get "-2", "-3" ... behind.
void Maildrop::rename_duplicates() {
  std::unordered_map<std::string, unsigned> seen;
  for (auto& message : messages) {
    auto number = ++seen[message.uidl];
    if (number > 1) message.uidl += format("-{}", number);
  }
}

size_t Maildrop::count() const {
  return static_cast<size_t>(std::count_if(messages.begin(), messages.end(),
                                           [](auto& message) { return !message.deleted; }));
}

uint64_t Maildrop::size() const {
  uint64_t sum = 0;
  for (auto& message : messages) sum += message.deleted ? 0 : message.size;
  return sum;
}

void Maildrop::reset() {
  for (auto& message : messages) message.deleted = message.retrieved = false;
  last = 0;
  for (size_t at = 0; at < messages.size(); ++at) {
    if (messages[at].seen) last = at + 1;
  }
}

Task<Result<void>> Maildrop::commit() {
  std::vector<Uid> seen, gone;
  for (auto& message : messages) {
    if (message.deleted)
      gone.push_back(message.uid);
    else if (message.retrieved && !message.seen)
      seen.push_back(message.uid);
  }
  if (!seen.empty()) {
    FlagUpdate update;
    update.flags = kSeen;
    auto done = co_await box_->set_flags(std::move(seen), std::move(update));
    if (!done) co_return done.error();
  }
  if (gone.empty()) co_return Result<void>();
  if (settings_.delete_by_flag && !settings_.pop3_deleted_flag.empty()) {
    FlagUpdate update;
    update.keywords.push_back(settings_.pop3_deleted_flag);
    auto done = co_await box_->set_flags(std::move(gone), std::move(update));
    if (!done) co_return done.error();
    co_return Result<void>();
  }
  auto expunged = co_await box_->expunge(std::move(gone));
  if (!expunged) co_return expunged.error();
  co_return Result<void>();
}

}  // namespace dovetail::mda::pop3
