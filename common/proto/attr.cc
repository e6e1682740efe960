// SPDX-License-Identifier: Apache-2.0
#include "common/proto/attr.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::proto {

Attributes& Attributes::add(std::string_view name, std::string_view value) {
  list_.emplace_back(name, value);
  return *this;
}

Attributes& Attributes::add_number(std::string_view name, int64_t value) {
  return add(name, format("{}", value));
}

const std::string* Attributes::find(std::string_view name) const {
  for (const auto& [key, value] : list_) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view Attributes::get(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::string_view(*value) : std::string_view();
}

std::vector<std::string_view> Attributes::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : list_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

int64_t Attributes::get_number(std::string_view name) const {
  return base::parse_number<int64_t>(base::trim(get(name))).value_or(0);
}

std::string Attributes::encode() const {
  std::string out;
  for (const auto& [name, value] : list_) {
    out += name;
    out += '\0';
    size_t at = out.size();
    out += value;
    std::replace(out.begin() + static_cast<std::ptrdiff_t>(at), out.end(), '\0', '?');
    out += '\0';
  }
  out += '\0';
  return out;
}

std::optional<Attributes> decode_attributes(std::string_view& input) {
  Attributes attributes;
  size_t at = 0;
  for (;;) {
    size_t name_end = input.find('\0', at);
    if (name_end == std::string_view::npos) return std::nullopt;
    if (name_end == at) {
      input.remove_prefix(at + 1);
      return attributes;
    }
    size_t value_end = input.find('\0', name_end + 1);
    if (value_end == std::string_view::npos) return std::nullopt;
    attributes.add(input.substr(at, name_end - at),
                   input.substr(name_end + 1, value_end - name_end - 1));
    at = value_end + 1;
  }
}

Task<Result<Attributes>> read_attributes(Conn& conn, size_t limit) {
  for (;;) {
    std::string_view have = conn.buffered();
    std::string_view rest = have;
    auto attributes = decode_attributes(rest);
    if (attributes) {
      conn.consume(have.size() - rest.size());
      co_return std::move(*attributes);
    }
    if (have.size() > limit) co_return permanent("attribute list is too long");
    co_await conn.fill();
  }
}

void put_attributes(Conn& conn, const Attributes& attributes) {
  conn.put(attributes.encode());
}

}  // namespace dovetail::proto
