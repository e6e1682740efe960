// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/args.h"

#include "common/base/text.h"

namespace dovetail::mda::imap {

bool Arg::is(std::string_view name) const {
  return is_atom() && base::iequals(text, name);
}

const std::string* ArgReader::atom() {
  if (at_end() || !args_[next_].is_atom()) return nullptr;
  return &args_[next_++].text;
}

const std::string* ArgReader::astring() {
  if (at_end() || !args_[next_].is_astring()) return nullptr;
  return &args_[next_++].text;
}

const Args* ArgReader::list() {
  if (at_end() || !args_[next_].is_list()) return nullptr;
  return &args_[next_++].list;
}

bool ArgReader::accept(std::string_view name) {
  if (at_end() || !args_[next_].is(name)) return false;
  ++next_;
  return true;
}

std::optional<uint64_t> ArgReader::number() {
  if (at_end() || args_[next_].type != Arg::Type::atom) return std::nullopt;
  auto value = base::parse_number<uint64_t>(args_[next_].text);
  if (value) ++next_;
  return value;
}

}  // namespace dovetail::mda::imap
