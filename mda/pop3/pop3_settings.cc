// SPDX-License-Identifier: Apache-2.0
#include "mda/pop3/pop3_settings.h"

#include "common/base/text.h"
#include "conf/dovecot/settings.h"

namespace dovetail::mda::pop3 {

Pop3Settings read_pop3_settings(const conf::dovecot::View& view) {
  Pop3Settings made;
  made.pop3_uidl_format = view.get("pop3_uidl_format");
  made.pop3_logout_format = view.get("pop3_logout_format");
  made.pop3_deleted_flag = view.get("pop3_deleted_flag");
  made.pop3_no_flag_updates = view.get_bool("pop3_no_flag_updates");
  made.pop3_enable_last = view.get_bool("pop3_enable_last");
  made.pop3_reuse_xuidl = view.get_bool("pop3_reuse_xuidl");
  made.pop3_lock_session = view.get_bool("pop3_lock_session");
  made.pop3_fast_size_lookups = view.get_bool("pop3_fast_size_lookups");
  made.rename_uidl_duplicates = view.get("pop3_uidl_duplicates") == "rename";
  // The default depends on the other setting: a flag that hides messages is there to keep them.
  auto type = view.get("pop3_delete_type");
  made.delete_by_flag = type == "flag" || (type == "default" && !made.pop3_deleted_flag.empty());
  auto workarounds = view.get("pop3_client_workarounds");
  for (auto word : base::words(workarounds, " ,\t")) {
    if (word == "outlook-no-nuls") made.outlook_no_nuls = true;
    if (word == "oe-ns-eoh") made.oe_ns_eoh = true;
  }
  return made;
}

}  // namespace dovetail::mda::pop3
