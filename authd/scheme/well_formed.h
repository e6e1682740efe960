// Whether a stored password is one that its scheme could ever verify: the right length, alphabet and encoding. Nothing is
// hashed with the cost the hash asks for, so that thousands take no time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::authd {

struct StoredState {
  enum Kind { good, clear, bad } kind = good;
  std::string reason;  // of bad; never the data
};

// stored: as the passdb gives it, with or without {SCHEME}.
StoredState judge_stored(std::string_view default_scheme, std::string_view stored);

}  // namespace dovetail::authd
