// SASL mechanisms of the server (RFC 4422), as parsers without I/O: bytes of the client in, a challenge or credentials out.
// Who he is then, and whether the password is right, is the passdb chain's work. One file per mechanism, one row each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/secret.h"

namespace dovetail::authd {

struct MechStep {
  enum Kind { challenge, credentials, failed };
  Kind kind = failed;
  std::string text;     // challenge: raw bytes; failed: words for the log
  std::string authzid;  // credentials: whom to act as, empty: himself
  std::string user;
  Secret password;
};

class Mech {
 public:
  virtual ~Mech() = default;
  // Before anything from the client; a mechanism where the client speaks first gives an empty challenge.
  virtual MechStep first_challenge() = 0;
  virtual MechStep next(const Secret& response) = 0;
};

struct MechInfo {
  std::string_view name;
  std::string_view flags;  // of the MECH line, TAB-separated
  std::unique_ptr<Mech> (*make)();
};

// nullptr: no such mechanism here. Any case.
const MechInfo* find_mech(std::string_view name);

std::unique_ptr<Mech> make_plain();
std::unique_ptr<Mech> make_login();

}  // namespace dovetail::authd
