// LOGIN: never standardised, spoken by Outlook and others. "Username:", then "Password:".
// SPDX-License-Identifier: Apache-2.0
#include "authd/mech/mech.h"

#include <optional>

namespace dovetail::authd {

namespace {

class LoginMech : public Mech {
 public:
  MechStep first_challenge() override { return {MechStep::challenge, "Username:", {}, {}, {}}; }

  MechStep next(const Secret& response) override {
    // What stands behind a NUL would be lost in some passdbs and not in others.
    if (response.reveal().find('\0') != std::string_view::npos) {
      return {MechStep::failed, "invalid input", {}, {}, {}};
    }
    if (!user_) {
      user_ = std::string(response.reveal());
      return {MechStep::challenge, "Password:", {}, {}, {}};
    }
    return {MechStep::credentials, {}, {}, std::move(*user_), response};
  }

 private:
  std::optional<std::string> user_;
};

}  // namespace

std::unique_ptr<Mech> make_login() {
  return std::make_unique<LoginMech>();
}

}  // namespace dovetail::authd
