// SPDX-License-Identifier: Apache-2.0
#include "mta/anvil/session.h"

#include <optional>

#include "common/base/clock.h"
#include "common/proto/attr.h"

namespace dovetail::mta::anvil {
namespace {

struct EventRow {
  std::string_view request;
  Event event;
};
constexpr EventRow event_rows[] = {{"message", Event::message},
                                   {"recipient", Event::recipient},
                                   {"newtls", Event::new_tls},
                                   {"auth", Event::auth}};

// Idents this client has connections of.
using Held = std::map<std::string, int, std::less<>>;

proto::Attributes refused() {
  proto::Attributes answer;
  answer.add_number("status", -1);
  return answer;
}

void add_all(proto::Attributes& answer, const Entry& entry) {
  answer.add_number("count", entry.connections).add_number("rate", entry.rates[0]);
  answer.add_number("mail", entry.rates[1]).add_number("rcpt", entry.rates[2]);
  answer.add_number("ntls", entry.rates[3]).add_number("auth", entry.rates[4]);
}

proto::Attributes answer_request(const proto::Attributes& request, Counters& counters, Held& held) {
  auto what = request.get("request");
  std::string ident(request.get("ident"));
  auto now = base::wall_now().seconds;
  proto::Attributes answer;
  answer.add_number("status", 0);
  if (ident.empty()) return refused();
  if (what == "connect") {
    auto& entry = counters.count(ident, Event::connection, now);
    ++held[ident];
    answer.add_number("count", entry.connections).add_number("rate", entry.rates[0]);
    return answer;
  }
  if (what == "disconnect") {
    auto found = held.find(ident);
    if (found == held.end()) return refused();
    counters.disconnect(ident);
    if (--found->second == 0) held.erase(found);
    return answer;
  }
  if (what == "lookup") {
    add_all(answer, counters.look(ident, now));
    return answer;
  }
  if (what == "newtls_status") {
    answer.add_number("rate", counters.look(ident, now).rates[static_cast<size_t>(Event::new_tls)]);
    return answer;
  }
  for (auto& row : event_rows) {
    if (row.request != what) continue;
    answer.add_number("rate",
                      counters.count(ident, row.event, now).rates[static_cast<size_t>(row.event)]);
    return answer;
  }
  return refused();
}

}  // namespace

Task<> serve_client(Conn& conn, Counters& counters) {
  Held held;
  try {
    for (;;) {
      auto request = co_await proto::read_attributes(conn);
      if (!request) break;
      proto::put_attributes(conn, answer_request(*request, counters, held));
      co_await conn.flush();
    }
  } catch (const IoError&) {
    // Gone, with all its clients.
  }
  for (auto& [ident, count] : held) {
    for (int i = 0; i < count; ++i) counters.disconnect(ident);
  }
}

}  // namespace dovetail::mta::anvil
