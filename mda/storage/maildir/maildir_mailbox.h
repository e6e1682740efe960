// A Maildir folder as a Mailbox: calls go to the pool one at a time, waits for others' locks are timers on the loop.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>

#include "common/net/loop.h"
#include "common/net/pool.h"
#include "mda/storage/mailbox.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

class MaildirMailbox : public Mailbox {
 public:
  MaildirMailbox(net::Loop& loop, net::Pool& pool, std::string name,
                 std::shared_ptr<MaildirFolder> folder, Logger log)
      : loop_(loop),
        pool_(pool),
        name_(std::move(name)),
        folder_(std::move(folder)),
        log_(std::move(log)),
        mutex_(loop) {}

  const std::string& name() const override { return name_; }
  bool read_only() const override { return false; }
  ViewPointer view() const override { return view_; }
  Task<Result<ViewPointer>> sync() override;
  Task<Result<std::vector<Uid>>> claim_recent() override;
  Task<Result<FlagResult>> set_flags(std::vector<Uid> uids, FlagUpdate update) override;
  Task<Result<std::vector<Uid>>> expunge(std::vector<Uid> uids) override;
  Task<Result<std::unique_ptr<Incoming>>> begin_save(SaveOptions options) override;
  Task<Result<Saved>> commit(std::vector<std::unique_ptr<Incoming>> messages) override;
  Task<Result<Saved>> deliver(std::string prefix, int fd, uint64_t offset,
                              SaveOptions options) override;
  Task<Result<Saved>> copy(std::vector<Uid> uids, std::shared_ptr<Mailbox> to) override;
  Task<Result<Saved>> move(std::vector<Uid> uids, std::shared_ptr<Mailbox> to) override;
  Task<Result<std::vector<MessageInfo>>> info(std::vector<Uid> uids, unsigned wants) override;
  Task<Result<std::unique_ptr<OpenMessage>>> open_message(Uid uid) override;
  Task<Result<ChangesSince>> changes_since(Modseq since) override;
  Task<Result<uint64_t>> total_size() override;
  std::vector<std::string> watch_paths() const override;

 private:
  template <class Call>
  Task<Result<void>> run_locked(Call call);
  struct Delivering;
  using DeliveringList = std::vector<std::shared_ptr<Delivering>>;
  Task<> deliver_together(std::shared_ptr<Delivering> own);
  static void write_together(MaildirFolder& folder, const DeliveringList& all);
  static bool move_in_together(MaildirFolder& folder, const DeliveringList& all, bool without_uid);
  Task<Result<Saved>> commit_staged(std::vector<StagedFile> files);
  Task<Result<Saved>> uids_after_scan(std::vector<StagedFile> files, Saved saved);

  net::Loop& loop_;
  net::Pool& pool_;
  std::string name_;
  std::shared_ptr<MaildirFolder> folder_;
  Logger log_;
  net::AsyncMutex mutex_;
  std::deque<std::shared_ptr<Delivering>> arriving_;  // deliveries that wait for the mutex
  ViewPointer view_ = std::make_shared<View>();
};

}  // namespace dovetail::mda
