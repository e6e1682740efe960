// A notice as text: multipart/report with words for people, message/delivery-status for programs, and the message or its
// headers (RFC 3462, RFC 3464, RFC 6533 for SMTPUTF8). Pure composition: no queue, no clock.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mta/bounce/templates.h"
#include "mta/delivery/bounce_request.h"
#include "mta/queue/bounce_log.h"

namespace dovetail::mta {

struct Notice {
  enum class Audience { sender, postmaster };

  BounceRequest::Kind kind = BounceRequest::Kind::bounce;
  Audience audience = Audience::sender;
  const NoticeTemplate* words = nullptr;
  std::string text;  // the template's text, expanded
  std::string myhostname, from, to;
  std::string original_queue_id;
  int64_t now = 0;  // for Date: and the boundary
  int64_t arrival = 0;
  int64_t retry_until = 0;  // delay notices
  std::string sender, envelope_id;
  bool utf8 = false;
  std::vector<BounceEntry> recipients;
  std::string original;  // content with '\n' line ends: whole, or its headers only
  bool headers_only = false;
};

// Header lines and body with '\n' line ends; Received: and Message-Id: are cleanup's.
std::string compose_notice(const Notice& notice);

// Lines of at most 79 columns, broken at blanks, later ones indented by 4.
std::string wrap_text(std::string_view text);
// Everything before the first empty line.
std::string_view header_part(std::string_view content);

// Which recipients a notice is about: NOTIFY=NEVER, or without the condition, are left out (RFC 3461 4.1).
std::vector<BounceEntry> wanted_recipients(const std::vector<BounceEntry>& all,
                                           BounceRequest::Kind kind);

}  // namespace dovetail::mta
