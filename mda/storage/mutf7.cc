// See mutf7.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/mutf7.h"

#include <cstdint>

#include "common/base/text.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view kMutf7Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

void append_utf8_character(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

// The UTF-16 behind one "&...-" as UTF-8; false if it is not what an encoder writes.
bool decode_mutf7_run(std::string_view run, std::string& out) {
  uint32_t bits = 0, high = 0;
  int count = 0;
  for (char c : run) {
    size_t value = kMutf7Alphabet.find(c);
    if (value == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if ((count += 6) < 16) continue;
    count -= 16;
    uint32_t unit = bits >> count & 0xFFFF;
    bits &= (1u << count) - 1;
    if (high != 0) {
      if (unit < 0xDC00 || unit > 0xDFFF) return false;
      append_utf8_character(out, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
      high = 0;
    } else if (unit >= 0xD800 && unit < 0xDC00) {
      high = unit;
    } else if (unit < 0x80 || (unit >= 0xDC00 && unit < 0xE000)) {
      return false;  // ASCII stands for itself
    } else {
      append_utf8_character(out, unit);
    }
  }
  return high == 0 && count < 6 && bits == 0;
}

}  // namespace

std::optional<std::string> mutf7_to_utf8(std::string_view text) {
  std::string out;
  bool after_run = false;
  while (!text.empty()) {
    char c = text.front();
    if (static_cast<unsigned char>(c) >= 128 || c < ' ' || c == 127) return std::nullopt;
    text.remove_prefix(1);
    if (c != '&') {
      out += c;
      after_run = false;
      continue;
    }
    size_t end = text.find('-');
    if (end == std::string_view::npos) return std::nullopt;
    if (end == 0) {
      out += '&';
      after_run = false;
    } else if (after_run || !decode_mutf7_run(text.substr(0, end), out)) {
      return std::nullopt;
    } else {
      after_run = true;  // two runs side by side would be one
    }
    text.remove_prefix(end + 1);
  }
  return out;
}

std::optional<std::string> utf8_to_mutf7(std::string_view text) {
  if (!base::is_utf8(text)) return std::nullopt;
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  bool in_run = false;
  auto put_unit = [&](uint32_t unit) {
    bits = bits << 16 | unit;
    for (count += 16; count >= 6; count -= 6) out += kMutf7Alphabet[bits >> (count - 6) & 0x3F];
    bits &= (1u << count) - 1;
  };
  auto end_run = [&] {
    if (!in_run) return;
    if (count > 0) out += kMutf7Alphabet[bits << (6 - count) & 0x3F];
    out += '-';
    bits = 0;
    count = 0;
    in_run = false;
  };
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 128) {
      end_run();
      out += text[i++];
      if (byte == '&') out += '-';
      continue;
    }
    int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    uint32_t c = byte & (0x3Fu >> more);
    for (++i; more > 0; --more) c = c << 6 | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
    if (!in_run) out += '&';
    in_run = true;
    if (c >= 0x10000) {
      put_unit(0xD800 + ((c - 0x10000) >> 10));
      put_unit(0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      put_unit(c);
    }
  }
  end_run();
  return out;
}

}  // namespace dovetail::mda
