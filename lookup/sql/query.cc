// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/query.h"

#include <limits>

#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

constexpr std::string_view kCodes = "sSuUdD123456789%";

std::optional<std::string_view> domain_of(std::string_view address) {
  auto at = address.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  return address.substr(at + 1);
}

std::string_view user_of(std::string_view address) {
  return address.substr(0, address.rfind('@'));
}

// Label number n of a domain, from the right.
std::optional<std::string_view> label_of(std::optional<std::string_view> domain, unsigned n) {
  if (!domain) return std::nullopt;
  auto labels = base::split(*domain, '.');
  if (labels.size() < n) return std::nullopt;
  return labels[labels.size() - n];
}

// What one code stands for; nullopt: nothing.
std::optional<std::string_view> part_for(char code, std::string_view value, std::string_view key) {
  std::string_view text = code == 's' || code == 'u' || code == 'd' ? value : key;
  if (base::is_digit(code)) return label_of(domain_of(key), static_cast<unsigned>(code - '0'));
  if (code == 's' || code == 'S') return text;
  if (code == 'd' || code == 'D') return domain_of(text);
  auto user = user_of(text);
  if (user.empty() && domain_of(text)) return std::nullopt;
  return user;
}

}  // namespace

Result<SqlTemplate> SqlTemplate::parse(std::string_view owner, std::string_view what,
                                       std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') continue;
    ++at;
    if (at >= text.size() || kCodes.find(text[at]) == std::string_view::npos) {
      return config_error(
          format("db_common_parse: {}: Invalid {} template: {}", owner, what, text));
    }
  }
  SqlTemplate parsed;
  parsed.text_ = text;
  return parsed;
}

std::optional<std::string> SqlTemplate::expand(std::string_view value, const std::string_view* key,
                                               const Quote& quote) const {
  std::string out;
  for (size_t at = 0; at < text_.size(); ++at) {
    if (text_[at] != '%') {
      out += text_[at];
      continue;
    }
    char code = text_[++at];
    if (code == '%') {
      out += '%';
      continue;
    }
    auto part = part_for(code, value, key ? *key : value);
    if (!part) return std::nullopt;
    out += quote ? quote(*part) : std::string(*part);
  }
  return out;
}

Result<conf::TableCf> open_table_cf(const OpenContext& context, std::string_view type,
                                    const std::string& source) {
  if (source.find('/') != std::string::npos) {
    auto file = base::open_file(source, O_RDONLY);
    if (!file) return config_error(file.error().text);
  }
  auto cf = conf::TableCf::open(context.main_cf, type, source);
  if (cf) return cf;
  return config_error(cf.error().text);
}

Result<std::string> required(const conf::TableCf& cf, std::string_view parameter) {
  auto value = cf.get(parameter);
  if (value.empty())
    return config_error(format("{}: bad string length 0 < 1: {} = ", cf.name(), parameter));
  return value;
}

namespace {

// The form before "query" existed.
Result<std::string> legacy_query(const conf::TableCf& cf, bool functions) {
  auto function = functions ? cf.get("select_function") : std::string();
  if (!function.empty()) return format("SELECT {}('%s')", function);
  auto table = required(cf, "table");
  if (!table) return table.error();
  auto select = required(cf, "select_field");
  if (!select) return select.error();
  auto where = required(cf, "where_field");
  if (!where) return where.error();
  return format("SELECT {} FROM {} WHERE {}='%s' {}", *select, *table, *where,
                cf.get("additional_conditions"));
}

}  // namespace

Result<SqlQuery> SqlQuery::read(const OpenContext& context, const conf::TableCf& cf,
                                bool functions) {
  SqlQuery sql;
  sql.owner = cf.name();
  std::string text = cf.get("query");
  if (text.empty()) {
    auto legacy = legacy_query(cf, functions);
    if (!legacy) return legacy.error();
    text = std::move(*legacy);
  }
  auto query = SqlTemplate::parse(sql.owner, "query", text);
  if (!query) return query.error();
  sql.query = std::move(*query);
  auto result_format = SqlTemplate::parse(sql.owner, "result", cf.get("result_format", "%s"));
  if (!result_format) return result_format.error();
  sql.result_format = std::move(*result_format);
  auto limit = cf.get_int("expansion_limit", 0, 0, std::numeric_limits<int>::max());
  if (!limit) return config_error(limit.error().text);
  sql.expansion_limit = *limit;
  if (auto domains = sql.read_domain(context, cf); !domains) return domains.error();
  return sql;
}

Result<void> SqlQuery::read_domain(const OpenContext& context, const conf::TableCf& cf) {
  auto text = cf.get("domain");
  if (text.empty()) return {};
  auto list =
      MatchList::open(context.loop, context.main_cf, "domain", text, false, context.options);
  if (!list) return list.error();
  domain = std::move(*list);
  has_domain_list = true;
  return {};
}

Task<Result<bool>> SqlQuery::wants(std::string_view key) const {
  if (!has_domain_list) co_return true;
  auto at = domain_of(key);
  // "@domain" is no address: only those of the domain are asked for.
  if (!at || at->empty() || key.front() == '@') co_return false;
  auto matched = co_await domain.match_string(*at);
  co_return matched;
}

bool SqlResult::add(std::string_view value) {
  if (value.empty()) {
    log_.warning("table \"{}\": empty lookup result for: \"{}\" -- ignored", table_,
                 base::printable(key_, true));
    return true;
  }
  auto formatted = query_.result_format.expand(value, &key_, {});
  if (!formatted) return true;
  if (any_) joined_ += ',';
  joined_ += *formatted;
  any_ = true;
  return query_.expansion_limit == 0 || ++count_ <= query_.expansion_limit;
}

Found SqlResult::found() && {
  if (!any_ || joined_.empty()) return std::nullopt;
  return std::move(joined_);
}

}  // namespace dovetail::lookup
