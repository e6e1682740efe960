// Looks an address up in maps the way mail tables are searched: whole, without extension, local part, @domain.
// Which of these forms apply differs per parameter (reference card k); recursion is the caller's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lookup/maps.h"

namespace dovetail::lookup {

// Forms in the order they are asked.
enum FindForm : unsigned {
  find_full = 1,                    // user+ext@domain (the only form that pattern tables see)
  find_no_extension = 2,            // user@domain
  find_local_part_if_local = 4,     // user+ext, user: only when the domain is local
  find_local_part_at_if_local = 8,  // user+ext@, user@: only when the domain is local
  find_local_part_at = 16,          // user+ext@, user@
  find_at_domain = 32,              // @domain
  find_domain = 64,                 // domain
  find_parents = 128,               // parent.domain, each level
  find_dot_parents = 256,           // .parent.domain, each level

  // virtual_alias_maps, canonical_maps, generic, bcc maps
  find_default = find_full | find_no_extension | find_local_part_if_local | find_at_domain,
  // virtual_mailbox_maps, relay_recipient_maps, sender dependent maps
  find_mailbox = find_full | find_no_extension | find_at_domain,
};

// Whether mail for a domain is ours by mydestination, inet_interfaces or proxy_interfaces (resolve knows).
class LocalDomains {
 public:
  virtual ~LocalDomains() = default;
  virtual Task<Result<bool>> is_local(std::string_view domain) = 0;
};

struct AddrFound {
  std::string value;
  std::string
      extension;  // "+ext" if the matching form had lost it, else "": what propagate_unmatched_extensions adds
  std::string key;  // the form that matched
};

struct AddrFindOptions {
  unsigned forms = find_default;
  std::string_view recipient_delimiter;  // empty: addresses have no extensions
  LocalDomains* local = nullptr;         // needed for the _if_local forms
  LookupCache* cache = nullptr;
};

// address: unquoted ("internal") form. Keys are asked in quoted form first, then unquoted if that differs.
Task<Result<std::optional<AddrFound>>> mail_addr_find(const Maps& maps, std::string_view address,
                                                      const AddrFindOptions& options);

// Splits "user+ext" at the first delimiter character: {"user", "+ext"}; names that are never split (owner-x, x-request
// with delimiter "-", mailer-daemon, double-bounce) and an empty user give {whole, ""}.
struct LocalPart {
  std::string_view user, extension;
};
LocalPart split_extension(std::string_view local_part, std::string_view recipient_delimiter);

// "user@domain" + "+ext" = "user+ext@domain".
std::string add_extension(std::string_view address, std::string_view extension);

// A table's result as addresses: splits at commas outside quotes, puts the original user before a bare "@domain", adds
// the extension if asked. Appending $myorigin and the like is the caller's rewriting.
std::vector<std::string> result_addresses(std::string_view result, std::string_view original,
                                          std::string_view extension);

// Local part with RFC 5322 quoting where it needs it: the form tables are written in.
std::string quote_local_part(std::string_view address);

}  // namespace dovetail::lookup
