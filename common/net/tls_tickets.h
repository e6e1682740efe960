// Keys of TLS session tickets (RFC 5077 and 8446 4.6.1): made by the parent, the same in all its processes and generations,
// so that a client may resume with any of them. Tickets are written with the newest key and read with the one before, too.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.h"

namespace dovetail::net {

class TicketKeys {
 public:
  static constexpr size_t kNameSize = 16, kKeySize = 32;
  struct Key {
    std::array<unsigned char, kNameSize> name{};
    Secret cipher, mac;  // kKeySize bytes each
  };

  // The parent's part. A new key becomes the newest; what is older than the one before it is forgotten.
  void rotate();
  Secret encode() const;

  // The child's part: takes over these keys; false and unchanged if the bytes are not encode()'s.
  bool decode(std::string_view bytes);
  const Key* newest() const { return keys_.empty() ? nullptr : &keys_.front(); }
  const Key* find(const unsigned char* name) const;

 private:
  static constexpr size_t kKept = 2;
  std::vector<Key> keys_;  // newest first
};

}  // namespace dovetail::net
