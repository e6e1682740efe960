// cleanup: library `cleanup` as a service on public/cleanup, for bounces, forwarded mail, notices and third parties.
// Dialogue: attributes {queue_id}; from the client {flags} and the message as queue records; attributes {status, reason}.
// Manual: cleanup(8).
// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"
#include "common/proto/attr.h"
#include "common/service/run_postfix.h"
#include "mta/cleanup/record_feed.h"

namespace dovetail::mta {
namespace {

constexpr RecordFeed::Allowed kCleanupRecords{kEnvelopeTypes, kContentTypes, kExtractedTypes};
constexpr size_t kLongestRecord = 102400;
constexpr unsigned kClientFlags = kCleanupBounce | kCleanupMaskExternal | kCleanupHold |
                                  kCleanupDiscard | kCleanupSmtpReply | kCleanupSmtpUtf8 |
                                  kCleanupAutoUtf8;

class CleanupRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override {
    auto opened = CleanupService::open(context.loop, *context.main_cf, context.log);
    if (!opened) return opened.error();
    cleanup_service_ = std::move(*opened);
    return {};
  }
  Task<> serve(service::Context& context, service::Client client) override;

 private:
  Task<bool> receive(Conn& conn, Cleanup& cleanup, const Logger& log);

  std::unique_ptr<CleanupService> cleanup_service_;
};

// The records up to E; false: the client broke the protocol.
Task<bool> CleanupRole::receive(Conn& conn, Cleanup& cleanup, const Logger& log) {
  RecordFeed feed(cleanup, kCleanupRecords);
  RecordDecoder decoder(kLongestRecord);
  Record record;
  for (;;) {
    std::string_view have = conn.buffered();
    std::string_view rest = have;
    auto decoded = decoder.next(rest, record);
    conn.consume(have.size() - rest.size());
    if (decoded == RecordDecoder::State::more) {
      co_await conn.fill();
      continue;
    }
    auto state = decoded == RecordDecoder::State::bad ? RecordFeed::State::bad : feed.add(record);
    if (state == RecordFeed::State::envelope_done) co_await cleanup.end_envelope();
    if (state == RecordFeed::State::settle) co_await cleanup.settle();
    if (state == RecordFeed::State::end) co_return true;
    if (state == RecordFeed::State::bad) {
      log.warning("{}: {}", cleanup.queue_id(),
                  feed.why().empty() ? "record too long" : feed.why());
      co_return false;
    }
  }
}

Task<> CleanupRole::serve(service::Context& context, service::Client client) {
  Conn conn(context.loop, std::move(client.fd));
  // The flags come behind our greeting but are needed to make the message: the id is known without them.
  Cleanup cleanup(*cleanup_service_, 0);
  auto opened = co_await cleanup.open();
  if (!opened) co_return;  // logged; the client sees the connection end and tries later
  proto::Attributes greeting;
  greeting.add("queue_id", cleanup.queue_id());
  proto::put_attributes(conn, greeting);
  auto wanted = co_await proto::read_attributes(conn, 4096);
  if (!wanted) co_return;
  cleanup.add_flags(static_cast<unsigned>(wanted->get_number("flags")) & kClientFlags);

  bool received = co_await receive(conn, cleanup, context.log);
  CleanupResult result;
  result.status = kCleanupBad;
  if (received) {
    auto finished = co_await cleanup.finish();
    result = std::move(finished);
  }
  proto::Attributes outcome;
  outcome.add_number("status", static_cast<int64_t>(result.status)).add("reason", result.reason);
  proto::put_attributes(conn, outcome);
  co_await conn.flush();
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  dovetail::mta::CleanupRole role;
  return dovetail::service::run_postfix_service(argc, argv, "cleanup", role);
}
