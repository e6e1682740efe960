// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/rewrite.h"

#include <optional>

#include "common/base/text.h"
#include "common/mail/address.h"

namespace dovetail::mta {

namespace {

// One trailing dot of a domain goes, but not of "user@." or "user@host..".
std::string_view without_trailing_dot(std::string_view domain) {
  if (domain.size() < 2 || domain.back() != '.' || domain[domain.size() - 2] == '.') return domain;
  return domain.substr(0, domain.size() - 1);
}

std::string complete_domain(std::string_view domain, const RewriteParameters& parameters,
                            const std::string& suffix) {
  bool is_literal = !domain.empty() && domain[0] == '[';
  bool bare = !domain.empty() && !is_literal && domain.find('.') == std::string_view::npos;
  if (parameters.append_dot_mydomain && bare && !suffix.empty())
    return format("{}.{}", domain, suffix);
  return std::string(is_literal ? domain : without_trailing_dot(domain));
}

std::string finish_rewrite(std::string_view local, std::optional<std::string_view> domain,
                           const RewriteParameters& parameters, bool remote) {
  const std::string& origin =
      remote ? parameters.remote_header_rewrite_domain : parameters.myorigin;
  const std::string& suffix =
      remote ? parameters.remote_header_rewrite_domain : parameters.mydomain;
  if (!domain) {
    if (!parameters.append_at_myorigin || origin.empty()) return std::string(local);
    domain = origin;
  }
  return format("{}@{}", local, complete_domain(*domain, parameters, suffix));
}

// Where nothing says "@domain": site!user and user%domain do.
std::string rewrite_without_domain(std::string_view local, const RewriteParameters& parameters,
                                   bool remote) {
  size_t bang = local.find('!');
  if (parameters.swap_bangpath && bang != std::string_view::npos && bang > 0)
    return finish_rewrite(local.substr(bang + 1), local.substr(0, bang), parameters, remote);
  size_t percent = local.rfind('%');
  if (parameters.allow_percent_hack && percent != std::string_view::npos)
    return finish_rewrite(local.substr(0, percent), local.substr(percent + 1), parameters, remote);
  return finish_rewrite(local, std::nullopt, parameters, remote);
}

std::string_view without_source_route(std::string_view address) {
  if (address.empty() || address[0] != '@') return address;
  size_t colon = address.find(':');
  if (colon == std::string_view::npos || colon + 1 == address.size()) return address;
  return address.substr(colon + 1);
}

}  // namespace

std::string rewrite_address(std::string_view internal, const RewriteParameters& parameters,
                            bool remote) {
  if (internal.empty()) return {};
  std::string_view address = without_source_route(internal);
  auto [local, domain] = mail::split_address(address);
  if (domain) return finish_rewrite(local, domain, parameters, remote);
  bool quoted = mail::quote_local_part(local) != local;
  if (quoted) return finish_rewrite(local, std::nullopt, parameters, remote);
  return rewrite_without_domain(local, parameters, remote);
}

std::string rewrite_local_part(std::string_view local, const RewriteParameters& parameters) {
  std::string_view address = without_source_route(local);
  auto [user, domain] = mail::split_address(address);
  if (domain) return finish_rewrite(user, domain, parameters, false);
  return rewrite_without_domain(address, parameters, false);
}

}  // namespace dovetail::mta
