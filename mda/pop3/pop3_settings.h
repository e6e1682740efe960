// The pop3_* settings of a session, read once per user.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace dovetail::conf::dovecot {
class View;
}

namespace dovetail::mda::pop3 {

struct Pop3Settings {
  bool operator==(const Pop3Settings&) const = default;

  std::string pop3_uidl_format = "%08Xu%08Xv";
  std::string pop3_logout_format = "top=%t/%p, retr=%r/%b, del=%d/%m, size=%s";
  std::string pop3_deleted_flag;
  bool pop3_no_flag_updates = false;
  bool pop3_enable_last = false;
  bool pop3_reuse_xuidl = false;
  bool pop3_lock_session = false;
  bool pop3_fast_size_lookups = false;
  bool rename_uidl_duplicates = false;              // pop3_uidl_duplicates = rename
  bool delete_by_flag = false;                      // pop3_delete_type
  bool outlook_no_nuls = false, oe_ns_eoh = false;  // pop3_client_workarounds
};

Pop3Settings read_pop3_settings(const conf::dovecot::View& view);

}  // namespace dovetail::mda::pop3
