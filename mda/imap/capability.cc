// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/capability.h"

#include <sys/utsname.h>

#include "common/base/text.h"
#include "mda/message/envelope.h"

namespace dovetail::mda::imap {

namespace {

// Order and words are the incumbent's; its QRESYNC, CATENATE, URL-PARTIAL, CONTEXT=SEARCH, BINARY, NOTIFY, SNIPPET and
// THREAD=REFS are missing because they do not work here yet.
constexpr std::string_view kBeforeLogin = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE";
constexpr std::string_view kAfterLogin =
    "SORT SORT=DISPLAY THREAD=REFERENCES THREAD=ORDEREDSUBJECT MULTIAPPEND UNSELECT CHILDREN "
    "NAMESPACE "
    "UIDPLUS "
    "LIST-EXTENDED I18NLEVEL=1 CONDSTORE ESEARCH ESORT SEARCHRES WITHIN LIST-STATUS MOVE PREVIEW "
    "STATUS=SIZE "
    "SAVEDATE";

std::string id_value(std::string_view key) {
  struct utsname system {};
  uname(&system);
  if (base::iequals(key, "name"))
    return "Dovecot";  // clients know the incumbent's quirks by its name
  if (base::iequals(key, "os")) return system.sysname;
  if (base::iequals(key, "os-version")) return system.release;
  return {};
}

}  // namespace

std::string capability_before_login(std::string_view imap_capability, bool imap_literal_minus) {
  if (!imap_capability.empty() && imap_capability[0] != '+') return std::string(imap_capability);
  return format("{} {}", kBeforeLogin, imap_literal_minus ? "LITERAL-" : "LITERAL+");
}

std::string capability_after_login(std::string_view imap_capability, bool imap_literal_minus) {
  if (!imap_capability.empty() && imap_capability[0] != '+') return std::string(imap_capability);
  auto all = format("{} {} {} SPECIAL-USE", kBeforeLogin, kAfterLogin,
                    imap_literal_minus ? "LITERAL-" : "LITERAL+");
  for (auto word : base::words(imap_capability)) {
    all += ' ';
    all += word.front() == '+' ? word.substr(1) : word;
  }
  return all;
}

std::string id_response(std::string_view imap_id_send) {
  auto fields = base::words(imap_id_send);
  if (fields.size() < 2) return "* ID NIL\r\n";
  std::string out = "* ID (";
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    auto value = fields[i + 1] == "*" ? id_value(fields[i]) : std::string(fields[i + 1]);
    if (i > 0) out += ' ';
    append_string(out, fields[i]);
    out += ' ';
    append_nstring(out, value.empty() ? std::nullopt : std::optional<std::string>(value));
  }
  return out + ")\r\n";
}

}  // namespace dovetail::mda::imap
