// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/milter_gate.h"

#include "common/base/text.h"
#include "common/net/listen.h"
#include "conf/units.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

constexpr base::Seconds kConnectTime{5};

Task<Result<Fd>> reach_milter(Session& s, std::string endpoint) {
  auto [type, name] = base::cut(endpoint, ':');
  if ((type == "unix" || type == "local") && name) {
    auto address = SockAddr::unix_path(*name);
    if (!address) co_return temporary("path too long");
    co_return co_await net::connect_to(s.server.loop, *address, kConnectTime);
  }
  auto [host, port_text] = base::cut_last(name.value_or(""), ':');
  auto port = base::parse_number<uint16_t>(port_text.value_or(""));
  if (type != "inet" || !port) co_return temporary("endpoint not understood");
  auto found =
      co_await s.server.dns->host_addresses(std::string(base::trim(host, "[]")), true, true);
  auto result = Result<Fd>(temporary("host not found"));
  for (auto& address : found.records) {
    result = co_await net::connect_to(s.server.loop, address.with_port(*port), kConnectTime);
    if (result) break;
  }
  co_return result;
}

mail::Reply refused_by_milter(Session& s, const std::string& sender, mail::Reply reply) {
  s.check.sender = sender;
  auto line =
      restriction_line("", "milter-reject", "MAIL", s.client, reply.line(), s.transaction_text());
  s.check.sender.reset();
  s.server.log.write(Level::info, line);
  return reply;
}

}  // namespace

Task<std::optional<mail::Reply>> milters_stand_in_the_way(Session& s, const std::string& sender) {
  auto& p = s.parameters;
  for (auto& word : conf::split_list(p.smtpd_milters)) {
    auto bare = word.front() == '{' ? conf::unbrace(word) : Result<std::string>(word);
    auto words = bare ? conf::split_list(*bare) : std::vector<std::string>();
    auto endpoint = words.empty() ? word : words.front();
    auto reached = co_await reach_milter(s, endpoint);
    if (reached) {
      s.server.log.warning("Milters are not supported yet, mail for {} is deferred", endpoint);
      co_return refused_by_milter(
          s, sender, mail::Reply{451, "4.7.1", "Service unavailable - try again later"});
    }
    s.server.log.warning("connect to Milter service {}: {}", endpoint, reached.error().text);
    if (base::iequals(p.milter_default_action, "accept")) continue;
    if (base::iequals(p.milter_default_action, "reject")) {
      co_return refused_by_milter(s, sender, mail::Reply{550, "5.5.0", "Service unavailable"});
    }
    co_return refused_by_milter(s, sender,
                                mail::Reply{451, "4.7.1", "Service unavailable - try again later"});
  }
  co_return std::nullopt;
}

}  // namespace dovetail::mta::smtpd
