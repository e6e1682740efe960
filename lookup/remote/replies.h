// What servers of tables answer, taken apart: netstrings and the words in them (socketmap:), reply lines of tcp: with their
// %XX, lines of memcached. Nothing here waits; every length is checked against the limit it is given.
// Manuals: socketmap_table(5), tcp_table(5), memcache_table(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace dovetail::lookup {

struct Netstring {
  std::string_view text;
  size_t size = 0;  // with its length and comma
};
// nullopt: more bytes are needed. The Errors are the incumbent's words.
std::optional<Result<Netstring>> parse_netstring(std::string_view bytes, size_t limit);
std::string netstring(std::string_view text);

// "OK value", "NOTFOUND ", "TEMP why" ...
struct SocketmapReply {
  enum class Status { ok, not_found, temporary, timeout, permanent, unknown };
  Status status = Status::unknown;
  std::string_view text;
};
SocketmapReply parse_socketmap_reply(std::string_view payload);

struct TcpReply {
  enum class Status { found, not_found, temporary, bad_code, malformed };
  Status status = Status::malformed;
  std::string text;
};
TcpReply parse_tcp_reply(std::string_view line);
// Everything but visible ASCII, and '%', as %XX.
std::string tcp_encode(std::string_view text);

// The header line of a value: "VALUE key flags bytes [cas]"; the number of bytes, if it is one within the limit.
struct MemcacheHeader {
  enum class Kind { value, end, other };
  Kind kind = Kind::other;
  size_t bytes = 0;
};
MemcacheHeader parse_memcache_header(std::string_view line, size_t limit);
// Whether memcached can be asked for a key at all: no blanks, no control characters.
bool is_memcache_key(std::string_view key);

}  // namespace dovetail::lookup
