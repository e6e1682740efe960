// CAPABILITY (RFC 3501 6.1.1), ENABLE (RFC 5161), ID (RFC 2971), NAMESPACE (RFC 2342): what the server is.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/capability.h"
#include "mda/imap/commands.h"
#include "mda/message/envelope.h"
#include "mda/storage/mutf7.h"

namespace dovetail::mda::imap {

namespace {

std::string namespaces_of(const std::vector<NamespaceInfo>& all, NamespaceType type) {
  std::string out;
  for (const auto& one : all) {
    if (one.type != type || one.hidden) continue;
    out += out.empty() ? "((" : "(";
    append_string(out, utf8_to_mutf7(one.prefix).value_or(one.prefix));
    out += ' ';
    append_string(out, std::string_view(&one.separator, 1));
    out += ')';
  }
  return out.empty() ? "NIL" : out + ")";
}

}  // namespace

Task<Reply> cmd_capability(Session& s, Command&) {
  s.print("* CAPABILITY {}\r\n",
          capability_after_login(s.settings.imap_capability, s.settings.imap_literal_minus));
  co_return reply_ok("Capability completed");
}

Task<Reply> cmd_enable(Session& s, Command& c) {
  std::string enabled;
  for (const auto& arg : c.args()) {
    if (!arg.is_atom()) co_return reply_wrong("Invalid arguments");
    // Anything else is no error but is not enabled either (RFC 5161 3.1).
    if (arg.is("CONDSTORE") && enabled.empty()) enabled = " CONDSTORE";
  }
  if (!enabled.empty()) {
    s.print("* ENABLED{}\r\n", enabled);
    s.enable_condstore();
  }
  co_return reply_ok("Enabled");
}

Task<Reply> cmd_id(Session& s, Command&) {
  s.put(id_response(s.settings.imap_id_send));
  co_return reply_ok("ID completed");
}

Task<Reply> cmd_namespace(Session& s, Command&) {
  auto all = s.store.list().namespaces();
  s.print("* NAMESPACE {} {} {}\r\n", namespaces_of(all, NamespaceType::personal),
          namespaces_of(all, NamespaceType::other), namespaces_of(all, NamespaceType::shared));
  co_return reply_ok("Namespace completed");
}

}  // namespace dovetail::mda::imap
