// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/peer.h"

#include <algorithm>

#include "common/base/text.h"
#include "mta/smtpd/log.h"
#include "mta/smtpd/names.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

NameStatus failed_status(net::DnsStatus status) {
  return status == net::DnsStatus::temporary ? NameStatus::temporary : NameStatus::permanent;
}

std::string usable_name(const std::string& name, const Logger& log) {
  auto trimmed = std::string(base::trim_right(name, "."));
  if (is_host_address(trimmed)) {
    log.warning("numeric hostname: {}", trimmed);
    return {};
  }
  if (!is_hostname(trimmed)) {
    log.warning("malformed domain name in resource data of PTR record: {}",
                base::printable(trimmed.substr(0, 100)));
    return {};
  }
  return trimmed;
}

}  // namespace

Task<> find_client_name(Session& session) {
  auto& client = session.client;
  auto& server = session.server;
  auto address = SockAddr::ip(client.address, 0);
  if (client.name != "unknown" || !address || !session.parameters.smtpd_peername_lookup) co_return;
  auto names = co_await server.dns->host_names(*address);
  if (names.status != net::DnsStatus::ok || names.records.empty()) {
    client.name_status = client.reverse_status = failed_status(names.status);
    co_return;
  }
  auto name = usable_name(names.records.front(), server.log);
  if (name.empty()) co_return;
  client.reverse_name = name;
  client.reverse_status = NameStatus::ok;
  bool ipv4 = client.family == AF_INET;
  auto back = co_await server.dns->host_addresses(name, ipv4, !ipv4);
  auto same = [&](const SockAddr& one) { return one.address_bytes() == address->address_bytes(); };
  if (back.status == net::DnsStatus::ok &&
      std::any_of(back.records.begin(), back.records.end(), same)) {
    client.name = name;
    client.name_status = NameStatus::ok;
    co_return;
  }
  std::string_view why;
  if (back.status == net::DnsStatus::temporary)
    why = "Temporary failure in name resolution";
  else if (back.status != net::DnsStatus::ok)
    why = "Name or service not known";
  server.log.write(Level::warning, forward_mismatch_warning(name, client.address, why));
  // A name that does not lead back counts as if there were none; a resolver in trouble may still confirm it.
  client.name_status =
      back.status == net::DnsStatus::temporary ? NameStatus::temporary : NameStatus::permanent;
}

}  // namespace dovetail::mta::smtpd
