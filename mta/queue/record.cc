// SPDX-License-Identifier: Apache-2.0
#include "mta/queue/record.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

constexpr size_t kReadSize = 16384;
// A file of ours has no pointers, one edited by Milters a few; a loop has no end.
constexpr unsigned kMaxPointerJumps = 20000;

struct RecordName {
  RecordType type;
  std::string_view name;
};
// clang-format off
constexpr RecordName record_names[] = {
    {kRecSize, "message_size"},           {kRecTime, "message_arrival_time"},   {kRecCreateTime, "queue_file_create_time"},
    {kRecFullName, "sender_fullname"},    {kRecInspector, "content_inspector"}, {kRecFilter, "content_filter"},
    {kRecFrom, "sender"},                 {kRecDone, "done_recipient"},         {kRecRcpt, "recipient"},
    {kRecOrigRcpt, "original_recipient"}, {kRecCancelled, "canceled_recipient"}, {kRecWarn, "warning_message_time"},
    {kRecAttr, "named_attribute"},        {kRecVerp, "verp_delimiters"},        {kRecMilterCount, "milter_count"},
    {kRecMessage, "message_content"},     {kRecNormal, "regular_text"},         {kRecPointer, "pointer_record"},
    {kRecPadding, "padding"},             {kRecKilled, "killed_record"},        {kRecExtracted, "extracted_info"},
    {kRecReturnReceipt, "return_receipt"}, {kRecErrorsTo, "errors_to"},         {kRecPriority, "priority"},
    {kRecRedirect, "redirect_to"},        {kRecDsnRet, "dsn_return_flags"},     {kRecDsnEnvid, "dsn_envelope_id"},
    {kRecDsnOrcpt, "dsn_orig_recipient"}, {kRecDsnNotify, "dsn_notify_flags"},  {kRecFlags, "flags"},
    {kRecDelay, "delay"},                 {kRecEnd, "message_file_end"},
};
// clang-format on

std::string type_number(RecordType type) {
  return format("record type {}", static_cast<int>(static_cast<unsigned char>(type)));
}

}  // namespace

std::string_view record_name(RecordType type) {
  for (const RecordName& row : record_names) {
    if (row.type == type) return row.name;
  }
  return "unknown_record_type";
}

void append_record(std::string& out, RecordType type, std::string_view data) {
  out += type;
  size_t length = data.size();
  do {
    unsigned group = length & 0x7f;
    length >>= 7;
    out += static_cast<char>(length ? group | 0x80 : group);
  } while (length);
  out += data;
}

RecordDecoder::State RecordDecoder::next(std::string_view& input, Record& record) {
  if (input.size() < 2) return State::more;
  size_t length = 0, at = 1;
  for (unsigned shift = 0;; shift += 7) {
    if (at == input.size()) return State::more;
    auto group = static_cast<unsigned char>(input[at++]);
    length |= static_cast<size_t>(group & 0x7f) << shift;
    if (length > limit_ || shift > 28) return State::bad;
    if (!(group & 0x80)) break;
  }
  if (input.size() - at < length) return State::more;
  record.type = input[0];
  record.data = input.substr(at, length);
  input.remove_prefix(at + length);
  return State::record;
}

RecordReader::RecordReader(int fd, off_t offset, bool follow_pointers)
    : fd_(fd), follow_(follow_pointers), base_(offset) {}

void RecordReader::seek(off_t offset) {
  if (offset >= base_ && offset <= base_ + static_cast<off_t>(buffer_.size())) {
    used_ = static_cast<size_t>(offset - base_);
    return;
  }
  base_ = offset;
  used_ = 0;
  buffer_.clear();
}

bool RecordReader::prime(size_t count) {
  off_t from = offset();
  std::string bytes(count, '\0');
  iovec part{bytes.data(), bytes.size()};
  ssize_t got = preadv2(fd_, &part, 1, from, RWF_NOWAIT);
  if (got != static_cast<ssize_t>(count)) return false;
  buffer_ = std::move(bytes);
  base_ = from;
  used_ = 0;
  return true;
}

// More bytes behind those in the buffer; false: end of file.
Result<bool> RecordReader::fill() {
  if (used_ > 0) {
    buffer_.erase(0, used_);
    base_ += static_cast<off_t>(used_);
    used_ = 0;
  }
  size_t have = buffer_.size();
  buffer_.resize(have + kReadSize);
  ssize_t got;
  do {
    got = pread(fd_, buffer_.data() + have, kReadSize, base_ + static_cast<off_t>(have));
  } while (got < 0 && errno == EINTR);
  int error = errno;
  buffer_.resize(have + (got > 0 ? static_cast<size_t>(got) : 0));
  if (got < 0) return errno_error("read queue file", error);
  return got > 0;
}

// The next byte, -1 at the end of the file.
Result<int> RecordReader::byte() {
  if (used_ == buffer_.size()) {
    Result<bool> more = fill();
    if (!more) return more.error();
    if (!*more) return -1;
  }
  return static_cast<unsigned char>(buffer_[used_++]);
}

Result<std::optional<Record>> RecordReader::read_one() {
  Record record;
  record.offset = offset();
  Result<int> type = byte();
  if (!type) return type.error();
  if (*type < 0) return std::optional<Record>();
  record.type = static_cast<RecordType>(*type);
  size_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    Result<int> group = byte();
    if (!group) return group.error();
    if (*group < 0) return permanent("unexpected EOF in length, " + type_number(record.type));
    length |= static_cast<size_t>(*group & 0x7f) << shift;
    if (shift > 28) return permanent("bad length delimiter, " + type_number(record.type));
    if (!(*group & 0x80)) break;
  }
  while (buffer_.size() - used_ < length) {
    Result<bool> more = fill();
    if (!more) return more.error();
    if (!*more)
      return permanent(
          format("unexpected EOF in data, {} length {}", type_number(record.type), length));
  }
  record.data = buffer_.substr(used_, length);
  used_ += length;
  return std::optional<Record>(std::move(record));
}

Result<std::optional<Record>> RecordReader::next() {
  for (;;) {
    auto record = read_one();
    if (!record || !*record || !follow_ || (*record)->type != kRecPointer) return record;
    auto target = base::parse_number<off_t>(base::trim((*record)->data));
    if (!target || *target < 0)
      return permanent("malformed pointer record value: " + base::printable((*record)->data));
    if (++jumps_ > kMaxPointerJumps) return permanent("too many reverse jump records");
    if (*target > 0) seek(*target);
  }
}

}  // namespace dovetail::mta
