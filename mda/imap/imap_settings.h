// The imap_* settings of a session, read once per user.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"

namespace dovetail::conf::dovecot {
class View;
}

namespace dovetail::mda::imap {

struct ImapSettings {
  bool operator==(const ImapSettings&) const = default;

  size_t imap_max_line_length = 65536;
  base::Milliseconds imap_idle_notify_interval{120000};
  base::Milliseconds mailbox_idle_check_interval{30000};
  bool imap_literal_minus = false;
  size_t mail_max_keyword_length = 50;
  std::string imap_capability;
  std::string imap_id_send = "name *";
  std::string imap_logout_format =
      "in=%i out=%o deleted=%{deleted} expunged=%{expunged} trashed=%{trashed} "
      "hdr_count=%{fetch_hdr_count} "
      "hdr_bytes=%{fetch_hdr_bytes} body_count=%{fetch_body_count} body_bytes=%{fetch_body_bytes}";
};

ImapSettings read_imap_settings(const conf::dovecot::View& view);

}  // namespace dovetail::mda::imap
