// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/imap_settings.h"

#include "conf/dovecot/settings.h"

namespace dovetail::mda::imap {

ImapSettings read_imap_settings(const conf::dovecot::View& view) {
  ImapSettings settings;
  settings.imap_max_line_length = view.get_size("imap_max_line_length");
  settings.imap_idle_notify_interval = view.get_time("imap_idle_notify_interval");
  settings.mailbox_idle_check_interval = view.get_time("mailbox_idle_check_interval");
  settings.imap_literal_minus = view.get_bool("imap_literal_minus");
  settings.mail_max_keyword_length = view.get_number("mail_max_keyword_length");
  settings.imap_capability = view.get("imap_capability");
  settings.imap_id_send = view.get("imap_id_send");
  settings.imap_logout_format = view.get("imap_logout_format");
  return settings;
}

}  // namespace dovetail::mda::imap
