// A query for one key turned into a query for all of them: "SELECT a FROM t WHERE email='%s' AND active=1" becomes
// "SELECT email, a FROM t WHERE active=1". Both suites' placeholders: %s %u %d %1 (Postfix), %u %n %d %Lu %{user} (Dovecot).
// What is too involved for that (OR, UNION, placeholders outside of WHERE) is left alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::check {

struct ListingQuery {
  std::string text;
  // The first columns: what the key was compared with; whole addresses, or local part and domain apart.
  enum class Part { whole, local, domain };
  std::vector<Part> parts;

  size_t keys() const { return parts.size(); }
  // The address a row stands for; a lone domain is itself.
  std::string key_of(const std::vector<std::optional<std::string>>& row) const;
};

std::optional<ListingQuery> listing_query(std::string_view query, bool dovecot = false);

}  // namespace dovetail::check
