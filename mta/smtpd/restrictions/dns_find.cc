// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/dns_find.h"

#include "common/base/text.h"

namespace dovetail::mta::smtpd {

Task<HostFound> find_mail_host(net::Resolver& dns, std::string name) {
  auto mx = co_await dns.mx(name);
  if (mx.status == net::DnsStatus::ok) {
    bool null_mx = mx.records.size() == 1 && mx.records.front().host.empty();  // RFC 7505
    co_return null_mx ? HostFound::null_mx : HostFound::yes;
  }
  if (mx.status == net::DnsStatus::not_found) co_return HostFound::no;
  auto a = co_await dns.a(name);
  if (a.status == net::DnsStatus::ok) co_return HostFound::yes;
  auto aaaa = co_await dns.aaaa(name);
  if (aaaa.status == net::DnsStatus::ok) co_return HostFound::yes;
  bool unsure = mx.status == net::DnsStatus::temporary || a.status == net::DnsStatus::temporary ||
                aaaa.status == net::DnsStatus::temporary;
  co_return unsure ? HostFound::unsure : HostFound::no;
}

Verdict tempfail(Check& c, std::string_view action, std::string_view dsn, std::string text) {
  if (base::iequals(action, "defer")) return c.reject(450, dsn, std::move(text));
  return c.defer_if_permit(450, dsn, std::move(text));
}

}  // namespace dovetail::mta::smtpd
