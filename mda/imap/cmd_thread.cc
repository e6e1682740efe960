// THREAD and UID THREAD (RFC 5256): reads subjects, dates and references, thread.h does the rest.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/search_return.h"
#include "mda/imap/thread.h"
#include "mda/message/sort_keys.h"

namespace dovetail::mda::imap {

namespace {

constexpr size_t kThreadBatch = 1024;

Task<Result<std::vector<ThreadMessage>>> read_thread_messages(Session& s, std::vector<Uid> uids,
                                                              bool by_uid, bool references) {
  std::vector<ThreadMessage> messages;
  for (size_t at = 0; at < uids.size(); at += kThreadBatch) {
    std::vector<Uid> batch(uids.begin() + at,
                           uids.begin() + std::min(at + kThreadBatch, uids.size()));
    auto infos = co_await s.selected->box->info(batch, kWantSortKeys | kWantDate);
    if (!infos) co_return infos.error();
    for (const auto& info : *infos) {
      if (info.gone) continue;
      auto keys = unpack_sort_keys(info.sort_keys).value_or(SortKeys{});
      ThreadMessage message;
      message.number =
          by_uid ? info.uid : static_cast<uint32_t>(s.selected->view->seq_of(info.uid));
      message.sent = keys.sent.value_or(info.internal_date);
      message.base_subject = std::move(keys.base_subject);
      message.is_reply = keys.is_reply;
      if (references) {
        message.message_id = std::move(keys.message_id);
        message.references = std::move(keys.references);
      }
      messages.push_back(std::move(message));
      if (s.wants_breath()) co_await s.breathe();
    }
  }
  co_return messages;
}

}  // namespace

Task<Reply> cmd_thread(Session& s, Command& c) {
  ArgReader args(c.args());
  bool references = args.accept("REFERENCES");
  if (!references && !args.accept("ORDEREDSUBJECT"))
    co_return reply_wrong("Unknown thread algorithm");
  auto charset = args.astring();
  if (!charset) co_return reply_wrong("Missing charset argument.");
  auto outcome = co_await search_criteria(s, args, *charset);
  if (outcome.ended) co_return std::move(*outcome.ended);
  auto messages =
      co_await read_thread_messages(s, std::move(outcome.uids), is_uid_command(c), references);
  if (!messages) co_return s.failed(messages.error());
  std::string threads;
  auto build = [&] {
    threads = references ? thread_references(std::move(*messages))
                         : thread_ordered_subject(std::move(*messages));
  };
  co_await s.pool.run(build);
  s.print("* THREAD{}{}\r\n", threads.empty() ? "" : " ", threads);
  co_return reply_ok("Thread completed");
}

}  // namespace dovetail::mda::imap
