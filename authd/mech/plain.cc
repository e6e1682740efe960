// PLAIN (RFC 4616): authzid NUL authcid NUL password, in one message.
// SPDX-License-Identifier: Apache-2.0
#include "authd/mech/mech.h"

namespace dovetail::authd {

namespace {

class PlainMech : public Mech {
 public:
  MechStep first_challenge() override { return {MechStep::challenge, {}, {}, {}, {}}; }

  MechStep next(const Secret& response) override {
    const auto text = response.reveal();
    const auto first = text.find('\0');
    const auto second = first == text.npos ? first : text.find('\0', first + 1);
    // A third NUL would cut the password short for whoever takes it as a C string.
    if (second == text.npos || text.find('\0', second + 1) != text.npos) {
      return {MechStep::failed, "invalid input", {}, {}, {}};
    }
    MechStep step;
    step.kind = MechStep::credentials;
    step.authzid = text.substr(0, first);
    step.user = text.substr(first + 1, second - first - 1);
    step.password = Secret(text.substr(second + 1));
    if (step.authzid == step.user) step.authzid.clear();
    return step;
  }
};

}  // namespace

std::unique_ptr<Mech> make_plain() {
  return std::make_unique<PlainMech>();
}

}  // namespace dovetail::authd
