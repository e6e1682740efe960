// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls_tickets.h"

#include <algorithm>
#include <cstring>

#include "common/base/random.h"

namespace dovetail::net {

void TicketKeys::rotate() {
  Key key;
  auto name = base::random_bytes(kNameSize);
  std::memcpy(key.name.data(), name.data(), kNameSize);
  key.cipher = Secret(base::random_bytes(kKeySize));
  key.mac = Secret(base::random_bytes(kKeySize));
  keys_.insert(keys_.begin(), std::move(key));
  if (keys_.size() > kKept) keys_.resize(kKept);
}

Secret TicketKeys::encode() const {
  std::string bytes;
  bytes.reserve(keys_.size() *
                (kNameSize + 2 * kKeySize));  // a growing string would leave copies behind
  for (auto& key : keys_) {
    bytes.append(reinterpret_cast<const char*>(key.name.data()), kNameSize);
    bytes += key.cipher.reveal();
    bytes += key.mac.reveal();
  }
  return Secret(std::move(bytes));
}

bool TicketKeys::decode(std::string_view bytes) {
  constexpr size_t kOne = kNameSize + 2 * kKeySize;
  if (bytes.empty() || bytes.size() % kOne != 0) return false;
  std::vector<Key> keys;
  for (; !bytes.empty(); bytes.remove_prefix(kOne)) {
    Key key;
    std::memcpy(key.name.data(), bytes.data(), kNameSize);
    key.cipher = Secret(bytes.substr(kNameSize, kKeySize));
    key.mac = Secret(bytes.substr(kNameSize + kKeySize, kKeySize));
    keys.push_back(std::move(key));
  }
  keys_ = std::move(keys);
  return true;
}

const TicketKeys::Key* TicketKeys::find(const unsigned char* name) const {
  auto same = [name](const Key& key) { return std::memcmp(key.name.data(), name, kNameSize) == 0; };
  auto found = std::find_if(keys_.begin(), keys_.end(), same);
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace dovetail::net
