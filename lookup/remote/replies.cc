// SPDX-License-Identifier: Apache-2.0
#include "lookup/remote/replies.h"

#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

constexpr size_t kLengthDigits = 9;

}  // namespace

std::optional<Result<Netstring>> parse_netstring(std::string_view bytes, size_t limit) {
  auto bad = [](const char* why) { return Result<Netstring>(temporary(why)); };
  size_t length = 0, at = 0;
  for (; at < bytes.size() && base::is_digit(bytes[at]); ++at) {
    if (at >= kLengthDigits) return bad("input exceeds size limit");
    length = length * 10 + static_cast<size_t>(bytes[at] - '0');
    if (length > limit) return bad("input exceeds size limit");
  }
  if (at == bytes.size()) return std::nullopt;
  if (at == 0 || bytes[at] != ':') return bad("input format error");
  ++at;
  if (bytes.size() - at <= length) return std::nullopt;
  if (bytes[at + length] != ',') return bad("input format error");
  return Result<Netstring>(Netstring{bytes.substr(at, length), at + length + 1});
}

std::string netstring(std::string_view text) {
  return format("{}:{},", text.size(), text);
}

SocketmapReply parse_socketmap_reply(std::string_view payload) {
  using Status = SocketmapReply::Status;
  struct Word {
    std::string_view word;
    Status status;
  };
  // clang-format off
  static constexpr Word kWords[] = {
      {"OK", Status::ok}, {"NOTFOUND", Status::not_found}, {"TEMP", Status::temporary},
      {"TIMEOUT", Status::timeout}, {"PERM", Status::permanent},
  };
  // clang-format on
  auto [word, text] = base::cut(payload, ' ');
  SocketmapReply reply;
  reply.text = text.value_or("");
  for (auto& row : kWords) {
    if (row.word == word) reply.status = row.status;
  }
  // A result needs its blank; without one the incumbent finds nothing.
  if (reply.status == Status::ok && !text) reply.status = Status::not_found;
  return reply;
}

TcpReply parse_tcp_reply(std::string_view line) {
  using Status = TcpReply::Status;
  TcpReply reply;
  bool code = line.size() >= 4 && base::is_digit(line[0]) && base::is_digit(line[1]) &&
              base::is_digit(line[2]) && base::is_space(line[3]);
  if (!code) return reply;
  for (size_t at = 4; at < line.size(); ++at) {
    if (line[at] != '%') {
      reply.text += line[at];
      continue;
    }
    auto byte = base::unhex(line.substr(at + 1, 2));
    if (!byte || byte->size() != 1) return TcpReply();
    reply.text += *byte;
    at += 2;
  }
  auto number = line.substr(0, 3);
  reply.status = number == "200"   ? Status::found
                 : number == "500" ? Status::not_found
                 : number == "400" ? Status::temporary
                                   : Status::bad_code;
  return reply;
}

std::string tcp_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && c != '%') {
      encoded += c;
      continue;
    }
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

MemcacheHeader parse_memcache_header(std::string_view line, size_t limit) {
  MemcacheHeader header;
  if (line == "END") {
    header.kind = MemcacheHeader::Kind::end;
    return header;
  }
  auto words = base::split(line, ' ');
  bool value = (words.size() == 4 || words.size() == 5) && words[0] == "VALUE";
  if (!value) return header;
  auto bytes = base::parse_number<uint32_t>(words[3]);
  if (!bytes || *bytes > limit) return header;
  header.kind = MemcacheHeader::Kind::value;
  header.bytes = *bytes;
  return header;
}

bool is_memcache_key(std::string_view key) {
  if (key.empty()) return false;
  for (char c : key) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7f) return false;
  }
  return true;
}

}  // namespace dovetail::lookup
