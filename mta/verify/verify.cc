// SPDX-License-Identifier: Apache-2.0
#include "mta/verify/verify.h"

#include "common/base/text.h"
#include "common/service/confine.h"
#include "conf/bind.h"
#include "mta/delivery/request.h"
#include "mta/queue/cleanup_client.h"

namespace dovetail::mta {

namespace {

using V = VerifyParameters;
// clang-format off
constexpr conf::Bind<V> kVerifyBindings[] = {
    {"address_verify_map",                    &V::address_verify_map},
    {"address_verify_sender",                 &V::address_verify_sender},
    {"address_verify_sender_ttl",             &V::address_verify_sender_ttl},
    {"address_verify_negative_cache",         &V::address_verify_negative_cache},
    {"address_verify_positive_expire_time",   &V::address_verify_positive_expire_time},
    {"address_verify_positive_refresh_time",  &V::address_verify_positive_refresh_time},
    {"address_verify_negative_expire_time",   &V::address_verify_negative_expire_time},
    {"address_verify_negative_refresh_time",  &V::address_verify_negative_refresh_time},
    {"address_verify_cache_cleanup_interval", &V::address_verify_cache_cleanup_interval},
    {"cleanup_service_name",                  &V::cleanup_service_name},
    {"myorigin",                              &V::myorigin},
};
// clang-format on
// A probe that has not come back for so long is given up.
constexpr int64_t kProbeTime = 1000;
constexpr unsigned kProbeFlags = 1 << 5;  // map addresses, nothing else
constexpr size_t kCleanAtOnce = 1000;     // entries looked at in one pass

proto::Attributes verify_answer(int status, const VerifyEntry& entry) {
  proto::Attributes answer;
  answer.add_number("status", status)
      .add_number("recipient_status", static_cast<int>(entry.status));
  answer.add("reason", entry.text);
  return answer;
}

}  // namespace

std::string VerifyEntry::encode() const {
  return format("{}:{}:{}:{}", static_cast<int>(status), probed, updated, text);
}

std::optional<VerifyEntry> VerifyEntry::decode(std::string_view line) {
  VerifyEntry entry;
  int64_t numbers[3];
  for (auto& number : numbers) {
    auto [word, rest] = base::cut(line, ':');
    auto parsed = base::parse_number<int64_t>(word);
    if (!parsed || *parsed < 0 || !rest) return std::nullopt;
    number = *parsed;
    line = *rest;
  }
  if (numbers[0] > static_cast<int>(AddressStatus::todo)) return std::nullopt;
  entry.status = static_cast<AddressStatus>(numbers[0]);
  entry.probed = numbers[1];
  entry.updated = numbers[2];
  entry.text = line;
  return entry;
}

bool is_expired_entry(const VerifyEntry& entry, int64_t now, const VerifyParameters& p) {
  bool good = entry.status == AddressStatus::ok;
  auto& lifetime =
      good ? p.address_verify_positive_expire_time : p.address_verify_negative_expire_time;
  return entry.updated + lifetime.count() < now && entry.probed + kProbeTime < now;
}

VerifyVerdict judge_entry(const std::optional<VerifyEntry>& known, int64_t now,
                          const VerifyParameters& p) {
  VerifyVerdict verdict;
  if (known) verdict.entry = *known;
  auto& entry = verdict.entry;
  bool good = entry.status == AddressStatus::ok;
  auto& lifetime =
      good ? p.address_verify_positive_expire_time : p.address_verify_negative_expire_time;
  if (!known || entry.updated + lifetime.count() < now) {
    // The time of a probe under way stays: one is enough.
    entry = VerifyEntry{AddressStatus::todo, entry.probed, 0, "Address verification in progress"};
  }
  good = entry.status == AddressStatus::ok;
  auto& fresh =
      good ? p.address_verify_positive_refresh_time : p.address_verify_negative_refresh_time;
  verdict.probe = entry.probed + kProbeTime < now && entry.updated + fresh.count() < now;
  return verdict;
}

Result<void> VerifyRole::prepare(service::Context& context) {
  context_ = &context;
  auto read = conf::read(*context.main_cf, kVerifyBindings);
  if (!read) return read.error();
  parameters_ = std::move(*read);
  auto owner = service::find_user(context.main_cf->get("mail_owner"));
  if (!owner) return owner.error();
  std::string_view map = parameters_.address_verify_map;
  if (map.starts_with("proxy:")) map.remove_prefix(6);  // one process uses it, and that is this one
  auto opened = lookup::Store::open(context.loop, map, owner->uid, owner->gid);
  if (!opened) {
    context.log.warning("address_verify_map: {}: results are kept in memory", opened.error().text);
    opened = lookup::Store::open(context.loop, "", owner->uid, owner->gid);
  }
  store_ = std::move(*opened);
  return {};
}

void VerifyRole::start(service::Context& context) {
  auto interval = parameters_.address_verify_cache_cleanup_interval;
  if (interval.count() == 0) return;
  cleaning_ =
      std::make_unique<net::Timer>(context.loop, [this] { net::spawn(clean_up(), context_->log); });
  cleaning_->start(interval);
}

Task<> VerifyRole::clean_up() {
  std::vector<std::string> expired;
  auto now = base::wall_now().seconds;
  for (size_t i = 0; i < kCleanAtOnce; ++i) {
    auto entry = co_await store_->next(i == 0);
    if (!entry || !*entry) break;
    auto known = VerifyEntry::decode((*entry)->second);
    if (!known || is_expired_entry(*known, now, parameters_)) expired.push_back((*entry)->first);
  }
  for (auto& key : expired) {
    auto removed = co_await store_->remove(key);
    if (!removed) break;
  }
  cleaning_->start(parameters_.address_verify_cache_cleanup_interval);
}

Task<Result<std::optional<VerifyEntry>>> VerifyRole::find(std::string address) {
  auto found = co_await store_->find(address);
  if (!found) co_return found.error();
  if (!*found) co_return std::optional<VerifyEntry>();
  auto entry = VerifyEntry::decode(**found);
  if (!entry)
    context_->log.warning("{}: bad database entry: {}", address, base::printable(**found));
  co_return entry;
}

Task<proto::Attributes> VerifyRole::query(std::string address) {
  auto now = base::wall_now().seconds;
  auto known = co_await find(address);
  if (!known) {
    context_->log.warning("address_verify_map: {}", known.error().text);
    co_return verify_answer(-1, {});
  }
  auto verdict = judge_entry(*known, now, parameters_);
  if (verdict.probe) {
    auto noted = verdict.entry;
    noted.probed = now;
    auto put = co_await store_->put(address, noted.encode());
    if (!put) context_->log.warning("address_verify_map: {}", put.error().text);
    net::spawn(send_probe(address), context_->log);
  }
  co_return verify_answer(0, verdict.entry);
}

Task<int> VerifyRole::update(const proto::Attributes& request) {
  std::string address(request.get("address"));
  auto status = request.get_number("recipient_status");
  if (address.empty() || status < 0 || status >= static_cast<int>(AddressStatus::todo))
    co_return -2;
  VerifyEntry entry;
  entry.status = static_cast<AddressStatus>(status);
  entry.updated = base::wall_now().seconds;
  entry.text = base::printable(request.get("reason"));
  if (entry.status != AddressStatus::ok && !parameters_.address_verify_negative_cache) co_return 0;
  auto put = co_await store_->put(std::move(address), entry.encode());
  if (!put) context_->log.warning("address_verify_map: {}", put.error().text);
  co_return put ? 0 : -1;
}

Task<> VerifyRole::send_probe(std::string address) {
  auto path = "public/" + parameters_.cleanup_service_name;
  auto client = co_await CleanupClient::open(context_->loop, path, kProbeFlags);
  std::string problem = client ? "" : client.error().text;
  if (client) {
    mail::Envelope envelope;
    envelope.sender =
        probe_sender(parameters_.address_verify_sender, parameters_.myorigin,
                     parameters_.address_verify_sender_ttl.count(), base::wall_now().seconds);
    envelope.log_origin = "local";
    envelope.trace_flags = kTraceMtaVerify;
    envelope.smtputf8 = base::is_ascii(address) ? 0 : mail::kUtf8Requested;
    mail::Recipient rcpt;
    rcpt.address = rcpt.orig_rcpt = address;
    envelope.recipients.push_back(std::move(rcpt));
    try {
      co_await (*client)->send_envelope(envelope);
      co_await (*client)->send_content("\n");
    } catch (const IoError& io) {
      problem = io.message();
    }
    auto done = co_await (*client)->finish();
    if (!done && problem.empty()) problem = done.error().text;
  }
  if (!problem.empty())
    context_->log.warning("address verification probe for {}: {}", address, problem);
}

void VerifyRole::drain(service::Context&) {
  waiting_.drain();
}

Task<> VerifyRole::serve(service::Context& context, service::Client client) {
  Conn conn(context.loop, std::move(client.fd));
  proto::Attributes hello;
  hello.add("protocol", verify_wire::kProtocol);
  proto::put_attributes(conn, hello);
  co_await conn.flush();
  for (;;) {
    auto request = co_await waiting_.next(conn);
    if (!request) {
      context.log.warning("bad request: {}", request.error().text);
      co_return;
    }
    auto verb = request->get("request");
    proto::Attributes answer;
    if (verb == "query") {
      answer = co_await query(std::string(request->get("address")));
    } else if (verb == "update") {
      int status = co_await update(*request);
      answer.add_number("status", status);
    } else {
      context.log.warning("unrecognized request: \"{}\", ignored", base::printable(verb));
      answer.add_number("status", -2);
    }
    proto::put_attributes(conn, answer);
    co_await conn.flush();
  }
}

}  // namespace dovetail::mta
