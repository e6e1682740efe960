// Binds main.cf parameters to the fields of a struct, by a table of constants:
//
//   struct SmtpdParameters { std::string smtpd_banner; int smtpd_recipient_limit; conf::Seconds
//   smtpd_timeout; bool ...; }; inline constexpr conf::Bind<SmtpdParameters> smtpd_bindings[] = {
//       {"smtpd_banner", &SmtpdParameters::smtpd_banner},
//   };
//   Result<SmtpdParameters> parameters = conf::read(main_cf, smtpd_bindings);
//
// Name, type, default, unit and range come from conf/postfix/parameters.h; errors have the
// incumbent's words. A name that is not in the table, or a field of another kind than the
// parameter, is an error too (found by the first unit test that reads).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"
#include "conf/units.h"

namespace dovetail::conf {

// One parameter, checked. int and bool also accept the types that may be expressions; string
// accepts every type (raw ones unexpanded); a vector is the string split as a list.
Result<std::string> read_string(const MainCf& cf, std::string_view name);
Result<long> read_long(const MainCf& cf, std::string_view name);
Result<int> read_int(const MainCf& cf, std::string_view name);
Result<bool> read_bool(const MainCf& cf, std::string_view name);
Result<Seconds> read_time(const MainCf& cf, std::string_view name);
Result<std::vector<std::string>> read_list(const MainCf& cf, std::string_view name);

template <class T>
struct Bind {
  using Field = std::variant<std::string T::*, int T::*, long T::*, bool T::*, Seconds T::*,
                             std::vector<std::string> T::*>;
  std::string_view name;
  Field field;
};

template <class V>
Result<void> keep(Result<V> from, V& to) {
  if (!from) return from.error();
  to = std::move(*from);
  return {};
}
inline Result<void> read_field(const MainCf& cf, std::string_view name, std::string& to) {
  return keep(read_string(cf, name), to);
}
inline Result<void> read_field(const MainCf& cf, std::string_view name, int& to) {
  return keep(read_int(cf, name), to);
}
inline Result<void> read_field(const MainCf& cf, std::string_view name, long& to) {
  return keep(read_long(cf, name), to);
}
inline Result<void> read_field(const MainCf& cf, std::string_view name, bool& to) {
  return keep(read_bool(cf, name), to);
}
inline Result<void> read_field(const MainCf& cf, std::string_view name, Seconds& to) {
  return keep(read_time(cf, name), to);
}
inline Result<void> read_field(const MainCf& cf, std::string_view name,
                               std::vector<std::string>& to) {
  return keep(read_list(cf, name), to);
}

// Fills the fields a table names; the first error ends it. For a struct with several tables.
template <class T, std::size_t N>
Result<void> read_into(T& to, const MainCf& cf, const Bind<T> (&table)[N]) {
  for (const Bind<T>& row : table) {
    Result<void> done =
        std::visit([&](auto field) { return read_field(cf, row.name, to.*field); }, row.field);
    if (!done) return done.error();
  }
  return {};
}

template <class T, std::size_t N>
Result<T> read(const MainCf& cf, const Bind<T> (&table)[N]) {
  T values{};
  if (auto done = read_into(values, cf, table); !done) return done.error();
  return values;
}

}  // namespace dovetail::conf
