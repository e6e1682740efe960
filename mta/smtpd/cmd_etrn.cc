// ETRN: deliver what waits for a domain now (RFC 1985), by the flush service, for fast_flush_domains only.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/net/listen.h"
#include "common/proto/attr.h"
#include "mta/smtpd/checks.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/names.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

enum class Flushed { ok, refused, bad, failed };

Task<Flushed> ask_flush(Session& s, std::string domain) {
  auto address = SockAddr::unix_path("public/flush");
  auto fd = co_await net::connect_to(s.server.loop, *address, base::Seconds(10));
  if (!fd) co_return Flushed::failed;
  int64_t status = -1;
  try {
    Conn conn(s.server.loop, std::move(*fd));
    conn.set_timeout(base::Seconds(30));
    proto::Attributes request;
    request.add("request", "send_site").add("site", domain);
    proto::put_attributes(conn, request);
    auto answer = co_await proto::read_attributes(conn);
    // The service says its protocol first.
    if (answer && answer->has("protocol")) answer = co_await proto::read_attributes(conn);
    if (answer && answer->has("status")) status = answer->get_number("status");
  } catch (const IoError&) {
    status = -1;
  }
  co_return status == 0 ? Flushed::ok : status < 0 ? Flushed::failed : Flushed::bad;
}

Task<Flushed> flush_site(Session& s, std::string domain) {
  auto listed = co_await s.server.fast_flush_domains.match_domain(domain);
  if (!listed) co_return Flushed::failed;
  if (!*listed) co_return Flushed::refused;
  co_return co_await ask_flush(s, std::move(domain));
}

}  // namespace

Task<Answer> cmd_etrn(Session& s, std::string_view arguments) {
  if (s.parameters.smtpd_helo_required && !s.helo)
    co_return Reply{503, "5.5.1", "Error: send HELO/EHLO first"};
  if (s.in_transaction()) co_return Reply{503, "5.5.1", "Error: MAIL transaction in progress"};
  if (base::words(arguments).size() != 1) co_return Reply{500, "", "Syntax: ETRN domain"};
  // RFC 1985 5.3: "@domain" and "#queue".
  auto domain = arguments;
  if (!base::is_alnum(domain.front()) && domain.front() != '[') domain.remove_prefix(1);
  if (!is_hostname(domain) && !is_address_literal(domain))
    co_return Reply{501, "", "Error: invalid parameter syntax"};
  std::string name(domain);
  auto refused = co_await check_etrn(s, name);
  if (refused) co_return *refused;
  auto flushed = co_await flush_site(s, name);
  switch (flushed) {
    case Flushed::ok:
      co_return Reply{250, "", "Queuing started"};
    case Flushed::refused:
      s.server.log.write(Level::warning, etrn_refused_warning(s.client, name));
      co_return Reply{459, "", format("<{}>: service unavailable", name)};
    case Flushed::bad:
      co_return Reply{458, "", "Unable to queue messages"};
    case Flushed::failed:
      break;
  }
  s.server.log.warning("unable to talk to fast flush service");
  co_return Reply{458, "", "Unable to queue messages"};
}

}  // namespace dovetail::mta::smtpd
