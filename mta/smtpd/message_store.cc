// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/message_store.h"

#include <utility>

namespace dovetail::mta::smtpd {
namespace {

class QueuedMessage : public Message {
 public:
  QueuedMessage(CleanupService& service, unsigned flags) : cleanup_(service, flags) {}
  Task<Result<void>> open() override { return cleanup_.open(); }
  const std::string& queue_id() const override { return cleanup_.queue_id(); }
  mail::Envelope& envelope() override { return cleanup_.envelope(); }
  void add_flags(unsigned flags) override { cleanup_.add_flags(flags); }
  void add_recipient(mail::Recipient recipient) override {
    cleanup_.add_recipient(std::move(recipient));
  }
  void add_bcc(std::string address) override { cleanup_.add_bcc(std::move(address)); }
  Task<> end_envelope() override { return cleanup_.end_envelope(); }
  void put_own_header(std::string_view logical) override { cleanup_.put_own_header(logical); }
  bool put_line(std::string_view text, bool complete) override {
    return cleanup_.put_line(text, complete);
  }
  Task<> settle() override { return cleanup_.settle(); }
  Task<CleanupResult> finish() override { return cleanup_.finish(); }

 private:
  Cleanup cleanup_;
};

class QueueStore : public MessageStore {
 public:
  explicit QueueStore(CleanupService& service) : service_(service) {}
  std::unique_ptr<Message> start(unsigned flags) override {
    return std::make_unique<QueuedMessage>(service_, flags);
  }
  Result<bool> has_space() const override { return service_.has_queue_space(); }

 private:
  CleanupService& service_;
};

}  // namespace

std::unique_ptr<MessageStore> make_cleanup_store(CleanupService& service) {
  return std::make_unique<QueueStore>(service);
}

}  // namespace dovetail::mta::smtpd
