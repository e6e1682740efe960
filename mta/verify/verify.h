// verify: remembers whether mail for an address can be delivered, and finds out by a probe: a message without content that
// travels as far as the mailbox or the next hop's answer to RCPT. Asked by smtpd (reject_unverified_sender, _recipient), told by
// the delivery agents. Wire form and database are the incumbent's: address_verify_map holds STATUS:PROBED:UPDATED:TEXT.
// Manual: verify(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/net/conn.h"
#include "common/proto/waiting.h"
#include "common/service/service.h"
#include "conf/units.h"
#include "lookup/build/store.h"
#include "mta/verify/verify_client.h"

namespace dovetail::mta {

struct VerifyParameters {
  std::string address_verify_map, address_verify_sender, cleanup_service_name, myorigin;
  bool address_verify_negative_cache = true;
  conf::Seconds address_verify_sender_ttl{}, address_verify_positive_expire_time{},
      address_verify_positive_refresh_time{}, address_verify_negative_expire_time{},
      address_verify_negative_refresh_time{}, address_verify_cache_cleanup_interval{};
};

// One line of the database.
struct VerifyEntry {
  AddressStatus status = AddressStatus::todo;
  int64_t probed = 0;   // when a probe was sent that has not come back; 0: none is under way
  int64_t updated = 0;  // when its result came; 0: never
  std::string text;

  std::string encode() const;
  static std::optional<VerifyEntry> decode(std::string_view text);  // nullopt: malformed
};

// What is known now by an entry (none: nothing), and whether a probe has to be sent.
struct VerifyVerdict {
  VerifyEntry entry;
  bool probe = false;
};
VerifyVerdict judge_entry(const std::optional<VerifyEntry>& known, int64_t now,
                          const VerifyParameters& parameters);
// Whether nobody would use it any more.
bool is_expired_entry(const VerifyEntry& entry, int64_t now, const VerifyParameters& parameters);

class VerifyRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;
  // Idle clients are left: a successor waits for the lock on what this process writes.
  void drain(service::Context& context) override;

 private:
  Task<proto::Attributes> query(std::string address);
  Task<int> update(const proto::Attributes& request);
  Task<Result<std::optional<VerifyEntry>>> find(std::string address);
  Task<> send_probe(std::string address);
  Task<> clean_up();

  service::Context* context_ = nullptr;
  VerifyParameters parameters_;
  std::unique_ptr<lookup::Store> store_;
  std::unique_ptr<net::Timer> cleaning_;
  proto::WaitingRequests waiting_;
};

}  // namespace dovetail::mta
