// SPDX-License-Identifier: Apache-2.0
#include "lookup/table.h"

namespace dovetail::lookup {

std::optional<Result<Found>> Table::try_now(std::string_view) {
  return std::nullopt;
}

Result<std::optional<Entry>> Table::next(bool) {
  return config_error("table " + name_ + ": sequence operation is not supported");
}

Task<Result<Found>> InstantTable::lookup(std::string_view key) {
  co_return answer(key);
}

std::optional<Result<Found>> InstantTable::try_now(std::string_view key) {
  return answer(key);
}

}  // namespace dovetail::lookup
