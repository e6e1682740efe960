// SPDX-License-Identifier: Apache-2.0
#include "mta/queue/cleanup_client.h"

#include "common/base/text.h"
#include "common/net/listen.h"
#include "common/proto/attr.h"

namespace dovetail::mta {

using namespace std::chrono_literals;

namespace {

constexpr size_t kLongestRecord = 2048;  // line_length_limit's default: longer lines go in pieces

}  // namespace

void CleanupClient::put(RecordType type, std::string_view data) {
  record_.clear();
  append_record(record_, type, data);
  conn_.put(record_);
}

Task<Result<std::unique_ptr<CleanupClient>>> CleanupClient::open(net::Loop& loop, std::string path,
                                                                 unsigned flags) {
  auto address = SockAddr::unix_path(path);
  if (!address) co_return permanent("path too long: " + path);
  auto fd = co_await net::connect_to(loop, *address, 30s);
  if (!fd) co_return fd.error().wrap("connect to " + path);
  std::unique_ptr<CleanupClient> client(new CleanupClient(loop, std::move(*fd)));
  client->conn_.set_timeout(300s);
  try {
    auto greeting = co_await proto::read_attributes(client->conn_);
    if (!greeting) co_return greeting.error().wrap(path);
    client->queue_id_ = greeting->get("queue_id");
    proto::Attributes wish;
    wish.add_number("flags", flags);
    proto::put_attributes(client->conn_, wish);
  } catch (const IoError& io) {
    co_return temporary(path + ": " + io.message());
  }
  if (client->queue_id_.empty()) co_return temporary(path + ": no queue id");
  co_return client;
}

Task<> CleanupClient::send_envelope(mail::Envelope envelope) {
  auto now = base::wall_now();
  put(kRecTime, format("{} {}", now.seconds, now.microseconds));
  auto attribute = [this](std::string_view name, std::string_view value) {
    if (!value.empty()) put(kRecAttr, format("{}={}", name, value));
  };
  attribute("log_message_origin", envelope.log_origin);
  attribute("rewrite_context", envelope.rewrite_local ? "local" : "remote");
  if (envelope.encoding != mail::Encoding::none) {
    attribute("encoding", envelope.encoding == mail::Encoding::eight_bit ? "8bit" : "7bit");
  }
  if (envelope.smtputf8) attribute("smtputf8", std::to_string(envelope.smtputf8));
  if (envelope.trace_flags) attribute("trace_flags", std::to_string(envelope.trace_flags));
  attribute("envelope_id", envelope.dsn_envid);
  if (envelope.dsn_ret) attribute("ret_flags", std::to_string(envelope.dsn_ret));
  put(kRecFrom, envelope.sender);
  for (auto& rcpt : envelope.recipients) {
    attribute("dsn_orig_rcpt", rcpt.dsn_orcpt);
    if (rcpt.dsn_notify) attribute("notify_flags", std::to_string(rcpt.dsn_notify));
    if (!rcpt.orig_rcpt.empty()) put(kRecOrigRcpt, rcpt.orig_rcpt);
    put(kRecRcpt, rcpt.address);
  }
  put(kRecMessage, "");
  co_await conn_.flush_above(65536);
}

Task<> CleanupClient::send_content(std::string_view lines) {
  while (!lines.empty()) {
    auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    for (; line.size() > kLongestRecord; line.remove_prefix(kLongestRecord)) {
      put(kRecContinued, line.substr(0, kLongestRecord));
    }
    put(kRecNormal, line);
    co_await conn_.flush_above(65536);
  }
}

Task<Result<void>> CleanupClient::finish() {
  put(kRecExtracted, "");
  put(kRecEnd, "");
  try {
    co_await conn_.flush();
    auto answer = co_await proto::read_attributes(conn_);
    if (!answer) co_return answer.error();
    if (answer->has("status") && answer->get_number("status") == 0) co_return Result<void>();
    auto reason = std::string(answer->get("reason"));
    co_return temporary(reason.empty() ? format("cleanup status {}", answer->get("status"))
                                       : reason);
  } catch (const IoError& io) {
    co_return temporary("cleanup service: " + io.message());
  }
}

}  // namespace dovetail::mta
