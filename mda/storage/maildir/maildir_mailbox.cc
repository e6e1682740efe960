// See maildir_mailbox.h. Saving stands in maildir_saving.cc.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/maildir_mailbox.h"

#include <algorithm>

#include "common/base/text.h"
#include "mda/message/file_bytes.h"
#include "mda/storage/maildir/run_locked.h"

namespace dovetail::mda {

namespace {

constexpr size_t kInfoBatch = 1024;  // from the index
constexpr size_t kOpenedBatch = 64;  // files opened in one job

// What structure() and its friends share with their jobs; one job at a time.
struct OpenFile {
  Fd fd;
  MimeLimits limits;
  std::optional<Structure> structure;
  std::optional<SectionReader> reader;
};

class MaildirMessage : public OpenMessage {
 public:
  MaildirMessage(net::Pool& pool, Fd fd, MimeLimits limits)
      : pool_(pool), file_(std::make_shared<OpenFile>()) {
    file_->fd = std::move(fd);
    file_->limits = limits;
  }
  int fd() const override { return file_->fd.get(); }
  Task<Result<const Structure*>> structure() override;
  Task<Result<std::string>> header() override;
  Task<Result<SectionData>> section(const Section& section) override;
  Task<Result<std::string>> read(const SectionData& data, uint64_t offset, size_t count) override;

 private:
  net::Pool& pool_;
  std::shared_ptr<OpenFile> file_;
};

Task<Result<const Structure*>> MaildirMessage::structure() {
  if (!file_->structure) {
    auto job = [file = file_]() -> Result<void> {
      auto structure = parse_structure(file->fd.get(), 0, file->limits);
      if (!structure) return structure.error();
      file->structure = std::move(*structure);
      return {};
    };
    auto done = co_await pool_.run(job);
    if (!done) co_return done.error();
  }
  co_return &*file_->structure;
}

Task<Result<std::string>> MaildirMessage::header() {
  auto job = [file = file_]() -> Result<std::string> {
    // Headers are small: the first piece nearly always has all of it.
    for (uint64_t room = 16384;; room *= 8) {
      auto bytes =
          read_bytes_at(file->fd.get(), 0, std::min<uint64_t>(room, file->limits.header_size));
      if (!bytes) return bytes.error();
      for (size_t lf = bytes->find('\n'); lf != std::string::npos; lf = bytes->find('\n', lf + 1)) {
        std::string_view rest = std::string_view(*bytes).substr(lf + 1);
        if (rest.starts_with("\n")) return bytes->substr(0, lf + 2);
        if (rest.starts_with("\r\n")) return bytes->substr(0, lf + 3);
      }
      if (bytes->starts_with("\n")) return std::string("\n");
      if (bytes->size() < room || room >= file->limits.header_size) return bytes;
    }
  };
  auto bytes = co_await pool_.run(job);
  co_return bytes;
}

Task<Result<SectionData>> MaildirMessage::section(const Section& section) {
  auto known = co_await structure();
  if (!known) co_return known.error();
  auto job = [file = file_, section] {
    return find_section(file->fd.get(), *file->structure, section);
  };
  auto data = co_await pool_.run(job);
  co_return data;
}

Task<Result<std::string>> MaildirMessage::read(const SectionData& data, uint64_t offset,
                                               size_t count) {
  auto job = [file = file_, data, offset, count] {
    bool same = file->reader && file->reader->data().offset == data.offset &&
                file->reader->data().physical == data.physical &&
                file->reader->data().text == data.text;
    if (!same) file->reader.emplace(file->fd.get(), data);
    return file->reader->read(offset, count);
  };
  auto bytes = co_await pool_.run(job);
  co_return bytes;
}

}  // namespace

Task<Result<ViewPointer>> MaildirMailbox::sync() {
  auto call = [folder = folder_] { return folder->sync(); };
  auto done = co_await run_locked(call);
  if (!done) co_return done.error();
  co_return view_;
}

Task<Result<std::vector<Uid>>> MaildirMailbox::claim_recent() {
  auto claimed = std::make_shared<std::vector<Uid>>();
  auto call = [folder = folder_, claimed] { return folder->claim_recent(*claimed); };
  auto done = co_await run_locked(call);
  if (!done) co_return done.error();
  co_return std::move(*claimed);
}

Task<Result<FlagResult>> MaildirMailbox::set_flags(std::vector<Uid> uids, FlagUpdate update) {
  auto modified = std::make_shared<std::vector<Uid>>();
  auto call = [folder = folder_, modified, uids, update]() -> Result<bool> {
    if (update.unchanged_since) {  // must be judged by what others wrote, too
      auto synced = folder->sync();
      if (!synced || !*synced) return synced;
    }
    return folder->set_flags(uids, update, *modified);
  };
  auto done = co_await run_locked(call);
  if (!done) co_return done.error();
  FlagResult result;
  result.modified = std::move(*modified);
  result.view = view_;
  co_return result;
}

Task<Result<std::vector<Uid>>> MaildirMailbox::expunge(std::vector<Uid> uids) {
  auto gone = std::make_shared<std::vector<Uid>>();
  auto call = [folder = folder_, gone, uids] { return folder->expunge(uids, *gone); };
  auto done = co_await run_locked(call);
  if (!done) co_return done.error();
  co_return std::move(*gone);
}

Task<Result<std::vector<MessageInfo>>> MaildirMailbox::info(std::vector<Uid> uids, unsigned wants) {
  std::vector<MessageInfo> all;
  all.reserve(uids.size());
  while (all.size() < uids.size()) {
    auto begin = uids.begin() + static_cast<long>(all.size());
    auto count = static_cast<long>(std::min(kInfoBatch, uids.size() - all.size()));
    std::vector<Uid> batch(begin, begin + count);
    auto infos = std::make_shared<std::vector<MessageInfo>>();
    auto call = [folder = folder_, batch, wants, infos]() -> Result<bool> {
      auto found = folder->info(batch, wants, kOpenedBatch);
      if (!found) return found.error();
      *infos = std::move(*found);
      return true;
    };
    auto done = co_await run_locked(call);
    if (!done) co_return done.error();
    all.insert(all.end(), std::make_move_iterator(infos->begin()),
               std::make_move_iterator(infos->end()));
  }
  co_return all;
}

Task<Result<std::unique_ptr<OpenMessage>>> MaildirMailbox::open_message(Uid uid) {
  auto opened = std::make_shared<Fd>();
  auto call = [folder = folder_, uid, opened]() -> Result<bool> {
    auto fd = folder->open_message(uid);
    if (!fd) return fd.error();
    *opened = std::move(*fd);
    return true;
  };
  auto done = co_await run_locked(call);
  if (!done) co_return done.error();
  std::unique_ptr<OpenMessage> message;
  if (*opened)
    message = std::make_unique<MaildirMessage>(pool_, std::move(*opened), folder_->mime_limits());
  co_return message;
}

Task<Result<ChangesSince>> MaildirMailbox::changes_since(Modseq since) {
  auto changes = std::make_shared<ChangesSince>();
  auto call = [folder = folder_, since, changes]() -> Result<bool> {
    *changes = folder->changes_since(since);
    return true;
  };
  auto done = co_await run_locked(call);
  if (!done) co_return done.error();
  co_return std::move(*changes);
}

Task<Result<uint64_t>> MaildirMailbox::total_size() {
  std::vector<Uid> uids;
  for (const auto& chunk : view_->chunks()) {
    for (const Row& row : chunk->rows) uids.push_back(row.uid);
  }
  auto infos = co_await info(std::move(uids), kWantSize);
  if (!infos) co_return infos.error();
  uint64_t total = 0;
  for (const MessageInfo& info : *infos) total += info.virtual_size;
  co_return total;
}

std::vector<std::string> MaildirMailbox::watch_paths() const {
  return {folder_->paths().mail + "/new", folder_->paths().mail + "/cur"};
}

}  // namespace dovetail::mda
