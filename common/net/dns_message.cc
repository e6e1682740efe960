// SPDX-License-Identifier: Apache-2.0
#include "common/net/dns_message.h"

#include "common/base/text.h"

namespace dovetail::net {
namespace {

constexpr size_t kHeader = 12;
constexpr size_t kMaxName = 255;

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8 & 255);
  out += static_cast<char>(value & 255);
}

bool put_dns_name(std::string& out, std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.size() > 253) return false;
  for (auto label : base::split(name, '.')) {
    if (name.empty()) break;
    if (label.empty() || label.size() > 63) return false;
    out += static_cast<char>(label.size());
    out += label;
  }
  out += '\0';
  return true;
}

// Reads forward through one message; after the first overrun everything reads as 0 and ok() is
// false.
class DnsReader {
 public:
  explicit DnsReader(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  void go(size_t at) { at_ = at; }

  unsigned u8() {
    if (at_ >= bytes_.size()) ok_ = false;
    return ok_ ? static_cast<unsigned char>(bytes_[at_++]) : 0;
  }
  unsigned u16() {
    unsigned high = u8();
    return high << 8 | u8();
  }
  uint32_t u32() {
    uint32_t high = u16();
    return high << 16 | u16();
  }
  std::string_view take(size_t count) {
    if (count > bytes_.size() - std::min(at_, bytes_.size())) ok_ = false;
    if (!ok_) return {};
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  std::string name();

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

std::string DnsReader::name() {
  std::string out;
  size_t resume = 0, lowest = at_;
  for (;;) {
    unsigned length = u8();
    if (!ok_ || length == 0) break;
    if ((length & 0xC0) == 0xC0) {
      size_t target = (length & 0x3F) << 8 | u8();
      if (resume == 0) resume = at_;
      if (target >= lowest) ok_ = false;  // forward or in a circle
      lowest = at_ = target;
      continue;
    }
    if (length > 63) ok_ = false;
    auto label = take(length);
    if (!ok_) break;
    if (!out.empty()) out += '.';
    out += label;
    if (out.size() > kMaxName) ok_ = false;
  }
  if (resume) at_ = resume;
  return out;
}

void read_dns_data(DnsReader& reader, DnsRecord& record, size_t length) {
  size_t end = reader.at() + length;
  switch (record.type) {
    case kDnsMx:
      record.preference = static_cast<uint16_t>(reader.u16());
      record.data = reader.name();
      break;
    case kDnsNs:
    case kDnsCname:
    case kDnsPtr:
      record.data = reader.name();
      break;
    case kDnsTxt:
      while (reader.ok() && reader.at() < end) record.data += reader.take(reader.u8());
      break;
    default:
      record.data = reader.take(length);
  }
  reader.go(end);
}

bool is_sane(const DnsRecord& record) {
  if (record.type == kDnsA) return record.data.size() == 4;
  if (record.type == kDnsAaaa) return record.data.size() == 16;
  return true;
}

}  // namespace

std::optional<std::string> build_dns_query(std::string_view name, uint16_t type, uint16_t id,
                                           bool want_authenticated) {
  std::string out;
  put16(out, id);
  put16(out, 0x0100u | (want_authenticated ? 0x0020u : 0u));  // RD, AD (RFC 6840 5.7)
  put16(out, 1);
  put16(out, 0);
  put16(out, 0);
  put16(out, 1);  // EDNS0
  if (!put_dns_name(out, name)) return std::nullopt;
  put16(out, type);
  put16(out, 1);
  out += '\0';  // OPT: root name
  put16(out, 41);
  put16(out, 1232);  // payload that survives without fragments
  put16(out, 0);
  put16(out, 0);
  put16(out, 0);
  return out;
}

std::optional<DnsMessage> parse_dns_message(std::string_view bytes) {
  if (bytes.size() < kHeader) return std::nullopt;
  DnsReader reader(bytes);
  DnsMessage message;
  reader.u16();
  unsigned flags = reader.u16();
  message.rcode = static_cast<int>(flags & 15);
  message.authenticated = flags & 0x0020;
  message.truncated = flags & 0x0200;
  unsigned questions = reader.u16(), answers = reader.u16();
  reader.u32();
  for (unsigned i = 0; i < questions && reader.ok(); ++i) {
    reader.name();
    reader.u32();
  }
  for (unsigned i = 0; i < answers && reader.ok(); ++i) {
    DnsRecord record;
    record.name = reader.name();
    record.type = static_cast<uint16_t>(reader.u16());
    reader.u16();
    record.ttl = reader.u32();
    read_dns_data(reader, record, reader.u16());
    if (!reader.ok() || !is_sane(record)) return std::nullopt;
    message.answers.push_back(std::move(record));
  }
  if (!reader.ok()) return std::nullopt;
  return message;
}

std::string reverse_dns_name(std::string_view address_bytes) {
  std::string out;
  for (size_t i = address_bytes.size(); i-- > 0;) {
    unsigned byte = static_cast<unsigned char>(address_bytes[i]);
    if (address_bytes.size() == 4)
      out += format("{}.", byte);
    else
      out += format("{:x}.{:x}.", byte & 15, byte >> 4);
  }
  return out + (address_bytes.size() == 4 ? "in-addr.arpa" : "ip6.arpa");
}

}  // namespace dovetail::net
