// SPDX-License-Identifier: Apache-2.0
#include "mta/delivery/bounce_request.h"

#include "common/base/text.h"
#include "common/net/listen.h"

namespace dovetail::mta {

using namespace std::chrono_literals;
using proto::Attributes;

namespace {

constexpr std::string_view kBounceKinds[] = {"bounce", "expire", "warn", "trace"};

}  // namespace

Attributes BounceRequest::encode() const {
  Attributes out;
  out.add("request", kBounceKinds[static_cast<size_t>(kind)])
      .add("queue_name", queue)
      .add("queue_id", queue_id);
  out.add("sender", sender).add("envelope_id", envelope_id).add("verp_delimiters", verp_delimiters);
  out.add_number("encoding", static_cast<int>(encoding)).add_number("smtputf8", smtputf8);
  out.add_number("ret_flags", dsn_ret).add_number("trace_flags", trace_flags);
  out.add_number("arrival", arrival.seconds);
  return out;
}

Result<BounceRequest> BounceRequest::decode(const Attributes& from) {
  BounceRequest out;
  auto word = from.get("request");
  size_t kind = 0;
  while (kind < std::size(kBounceKinds) && kBounceKinds[kind] != word) ++kind;
  if (kind == std::size(kBounceKinds))
    return permanent(format("unknown bounce request \"{}\"", base::printable(word)));
  out.kind = static_cast<Kind>(kind);
  out.queue = from.get("queue_name");
  out.queue_id = from.get("queue_id");
  out.sender = from.get("sender");
  out.envelope_id = from.get("envelope_id");
  out.verp_delimiters = from.get("verp_delimiters");
  out.encoding = static_cast<mail::Encoding>(from.get_number("encoding"));
  out.smtputf8 = static_cast<int>(from.get_number("smtputf8"));
  out.dsn_ret = static_cast<int>(from.get_number("ret_flags"));
  out.trace_flags = static_cast<int>(from.get_number("trace_flags"));
  out.arrival.seconds = from.get_number("arrival");
  if (out.queue_id.empty()) return permanent("bounce request without queue id");
  return out;
}

Task<Result<void>> ask_bounce(net::Loop& loop, std::string path, BounceRequest request) {
  auto address = SockAddr::unix_path(path);
  if (!address) co_return permanent("path too long: " + path);
  auto fd = co_await net::connect_to(loop, *address, 30s);
  if (!fd) co_return fd.error().wrap("connect to " + path);
  Conn conn(loop, std::move(*fd));
  conn.set_timeout(1000s);
  try {
    proto::put_attributes(conn, request.encode());
    co_await conn.flush();
    auto answer = co_await proto::read_attributes(conn);
    if (!answer) co_return answer.error();
    if (answer->get_number("status") == 0) co_return Result<void>();
    co_return temporary(std::string(answer->get("reason")));
  } catch (const IoError& io) {
    co_return temporary(path + ": " + io.message());
  }
}

}  // namespace dovetail::mta
