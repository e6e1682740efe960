// SPDX-License-Identifier: Apache-2.0
#include "lookup/mail_addr_find.h"

#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

// RFC 5322 3.2.3 atext and the dot; bytes above 127 are words too (RFC 6531).
bool needs_quotes(std::string_view local_part) {
  constexpr std::string_view kSpecial = "()<>[]:;@\\,\" \t\r\n";
  if (local_part.empty() || local_part.front() == '.' || local_part.back() == '.') return true;
  if (local_part.find("..") != std::string_view::npos) return true;
  for (char c : local_part) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 32 || byte == 127 || kSpecial.find(c) != std::string_view::npos) return true;
  }
  return false;
}

struct AddressParts {
  std::string_view local_part;
  std::string_view domain;
  bool has_domain = false;
};

AddressParts address_parts(std::string_view address) {
  auto [local_part, domain] = base::cut_last(address, '@');
  if (!domain) return {address, {}, false};
  return {local_part, *domain, true};
}

// One key in quoted, then in unquoted form.
Task<Result<Found>> find_key(const Maps& maps, std::string_view key, Keys part,
                             LookupCache* cache) {
  std::string quoted = quote_local_part(key);
  auto found = co_await maps.lookup(quoted, part, cache);
  if (!found || *found || quoted == key) co_return found;
  auto unquoted = co_await maps.lookup(key, part, cache);
  co_return unquoted;
}

struct FindKey {
  std::string key;
  Keys part = Keys::fixed;
  bool lost_extension = false;
};

// Keys that depend on the address alone, in their order; those of local domains come between the two halves.
struct FindKeys {
  std::vector<FindKey> first, local, last;
};

void add_parents(std::vector<FindKey>& keys, std::string_view domain, unsigned forms, bool lost) {
  for (auto dot = domain.find('.'); dot != std::string_view::npos;
       dot = domain.find('.', dot + 1)) {
    if (forms & find_parents)
      keys.push_back({std::string(domain.substr(dot + 1)), Keys::fixed, lost});
    if (forms & find_dot_parents)
      keys.push_back({std::string(domain.substr(dot)), Keys::fixed, lost});
  }
}

FindKeys keys_of(const AddressParts& parts, const LocalPart& split, unsigned forms) {
  FindKeys keys;
  std::string user(split.user);
  std::string whole(parts.local_part);
  std::string at_domain = parts.has_domain ? "@" + std::string(parts.domain) : std::string();
  bool extended = !split.extension.empty();
  if (forms & find_full) keys.first.push_back({whole + at_domain, Keys::pattern, false});
  if ((forms & find_no_extension) && extended)
    keys.first.push_back({user + at_domain, Keys::fixed, true});
  auto pair = [&](std::vector<FindKey>& to, std::string_view tail) {
    to.push_back({whole + std::string(tail), Keys::fixed, false});
    if (extended) to.push_back({user + std::string(tail), Keys::fixed, true});
  };
  if (!parts.has_domain) return keys;
  if (forms & find_local_part_if_local) pair(keys.local, "");
  if (forms & find_local_part_at_if_local) pair(keys.local, "@");
  if (forms & find_at_domain) keys.last.push_back({at_domain, Keys::fixed, extended});
  if (forms & find_domain) keys.last.push_back({std::string(parts.domain), Keys::fixed, extended});
  add_parents(keys.last, parts.domain, forms, extended);
  if (forms & find_local_part_at) pair(keys.last, "@");
  return keys;
}

Task<Result<std::optional<AddrFound>>> find_first(const Maps& maps,
                                                  const std::vector<FindKey>& keys,
                                                  std::string_view extension, LookupCache* cache) {
  for (auto& form : keys) {
    auto found = co_await find_key(maps, form.key, form.part, cache);
    if (!found) co_return found.error();
    if (!*found) continue;
    AddrFound hit{std::move(**found), form.lost_extension ? std::string(extension) : std::string(),
                  form.key};
    co_return std::optional<AddrFound>(std::move(hit));
  }
  co_return std::optional<AddrFound>();
}

}  // namespace

Task<Result<std::optional<AddrFound>>> mail_addr_find(const Maps& maps, std::string_view address,
                                                      const AddrFindOptions& options) {
  if (maps.empty() || address.empty()) co_return std::optional<AddrFound>();
  auto parts = address_parts(address);
  auto split = split_extension(parts.local_part, options.recipient_delimiter);
  auto keys = keys_of(parts, split, options.forms);
  auto found = co_await find_first(maps, keys.first, split.extension, options.cache);
  if (!found || *found) co_return found;
  if (!keys.local.empty() && options.local) {
    auto local = co_await options.local->is_local(parts.domain);
    if (!local) co_return local.error();
    if (*local) {
      auto by_user = co_await find_first(maps, keys.local, split.extension, options.cache);
      if (!by_user || *by_user) co_return by_user;
    }
  }
  auto last = co_await find_first(maps, keys.last, split.extension, options.cache);
  co_return last;
}

LocalPart split_extension(std::string_view local_part, std::string_view recipient_delimiter) {
  LocalPart whole{local_part, {}};
  if (recipient_delimiter.empty()) return whole;
  if (base::iequals(local_part, "mailer-daemon") || base::iequals(local_part, "double-bounce"))
    return whole;
  // owner-list and list-request name list managers, not users with extensions.
  if (recipient_delimiter.find('-') != std::string_view::npos) {
    if (base::istarts_with(local_part, "owner-")) return whole;
    if (local_part.size() > 8 &&
        base::iequals(local_part.substr(local_part.size() - 8), "-request"))
      return whole;
  }
  // The user must not be empty: "+ext" is a name of its own.
  auto at = local_part.find_first_of(recipient_delimiter, 1);
  if (local_part.empty() || at == std::string_view::npos) return whole;
  return {local_part.substr(0, at), local_part.substr(at)};
}

std::string add_extension(std::string_view address, std::string_view extension) {
  auto parts = address_parts(address);
  std::string extended(parts.local_part);
  bool quoted = extended.size() > 1 && extended.back() == '"';
  extended.insert(quoted ? extended.size() - 1 : extended.size(), extension);
  if (parts.has_domain) extended += format("@{}", parts.domain);
  return extended;
}

std::vector<std::string> result_addresses(std::string_view result, std::string_view original,
                                          std::string_view extension) {
  std::vector<std::string> addresses;
  auto add = [&](std::string_view word) {
    word = base::trim(word);
    if (word.empty()) return;
    auto address = std::string(word);
    if (word.front() == '@')
      address = std::string(address_parts(original).local_part) + address;
    else if (!extension.empty())
      address = add_extension(address, extension);
    addresses.push_back(std::move(address));
  };
  size_t from = 0;
  bool quoted = false;
  int comment = 0;
  for (size_t at = 0; at < result.size(); ++at) {
    char c = result[at];
    if (c == '\\')
      ++at;
    else if (c == '"' && comment == 0)
      quoted = !quoted;
    else if (c == '(' && !quoted)
      ++comment;
    else if (c == ')' && !quoted && comment > 0)
      --comment;
    else if (c == ',' && !quoted && comment == 0) {
      add(result.substr(from, at - from));
      from = at + 1;
    }
  }
  add(result.substr(std::min(from, result.size())));
  return addresses;
}

std::string quote_local_part(std::string_view address) {
  auto parts = address_parts(address);
  if (!needs_quotes(parts.local_part) || (parts.local_part.empty() && parts.has_domain))
    return std::string(address);
  std::string quoted = "\"";
  for (char c : parts.local_part) {
    if (c == '"' || c == '\\' || c == '\r') quoted += '\\';
    quoted += c;
  }
  quoted += '"';
  if (parts.has_domain) quoted += format("@{}", parts.domain);
  return quoted;
}

}  // namespace dovetail::lookup
