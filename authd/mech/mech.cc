// SPDX-License-Identifier: Apache-2.0
#include "authd/mech/mech.h"

#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr MechInfo mechanisms[] = {
    {"PLAIN", "plaintext", make_plain},
    {"LOGIN", "plaintext", make_login},
};

}  // namespace

const MechInfo* find_mech(std::string_view name) {
  for (const auto& mech : mechanisms) {
    if (base::iequals(mech.name, name)) return &mech;
  }
  return nullptr;
}

}  // namespace dovetail::authd
