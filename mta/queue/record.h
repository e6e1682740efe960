// The records a queue file is made of: a type byte, a length in 7-bit groups (least significant
// first), the data. Which types may stand where is the reader's (queue_file.h, pickup, postdrop);
// the meaning of each type is in the table of record_name(). Format of Postfix 3.5 - 3.10.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace dovetail::mta {

using RecordType = char;

// clang-format off
inline constexpr RecordType
    kRecSize = 'C',        kRecTime = 'T',        kRecCreateTime = 'c',  kRecFullName = 'F',    kRecInspector = 'I',
    kRecFilter = 'L',      kRecFrom = 'S',        kRecDone = 'D',        kRecRcpt = 'R',        kRecOrigRcpt = 'O',
    kRecCancelled = '/',   kRecWarn = 'W',        kRecAttr = 'A',        kRecVerp = 'V',        kRecMilterCount = 'm',
    kRecMessage = 'M',     kRecContinued = 'L',   kRecNormal = 'N',      kRecPointer = 'p',     kRecPadding = 'w',
    kRecKilled = 'K',      kRecExtracted = 'X',   kRecReturnReceipt = 'r', kRecErrorsTo = 'e',  kRecPriority = 'P',
    kRecRedirect = '>',    kRecDsnRet = '<',      kRecDsnEnvid = 'i',    kRecDsnOrcpt = 'o',    kRecDsnNotify = 'n',
    kRecFlags = 'f',       kRecDelay = 'd',       kRecEnd = 'E';
// Which types may stand in each segment; maildrop files (from users) allow much less.
inline constexpr std::string_view
    kEnvelopeTypes = "MCTcFILSDROW/VA>K<ionpfdmw", kContentTypes = "XLNwp", kExtractedTypes = "EDRO/PreAFIL>Konpwm",
    kMaildropEnvelopeTypes = "MFSRVAin", kMaildropContentTypes = "XLN", kMaildropExtractedTypes = "EAR";
// clang-format on

// The name postcat shows: "sender", "named_attribute", ...; "unknown_record_type".
std::string_view record_name(RecordType type);

void append_record(std::string& out, RecordType type, std::string_view data);

struct Record {
  RecordType type = 0;
  std::string data;
  off_t offset = 0;  // of its type byte
};

// Decodes records from bytes that arrive in any pieces: protocol streams and maildrop input. limit
// bounds one record.
class RecordDecoder {
 public:
  enum class State { record, more, bad };
  explicit RecordDecoder(size_t limit) : limit_(limit) {}
  // Takes one record off the front of input and consumes its bytes; more: nothing was consumed.
  State next(std::string_view& input, Record& record);

 private:
  size_t limit_;
};

// Reads records of a file by pread (blocking: run it on a pool), optionally following pointer
// records.
class RecordReader {
 public:
  explicit RecordReader(int fd, off_t offset = 0, bool follow_pointers = true);

  // nullopt: end of file between two records. Errors (fault permanent) read "unexpected EOF in
  // data, record type 83 length 18", "bad length delimiter, record type N", "pointer loop". A 'p'
  // record that is followed is not returned.
  Result<std::optional<Record>> next();
  // Where the next record begins.
  off_t offset() const { return base_ + static_cast<off_t>(used_); }
  void seek(off_t offset);
  // Takes the next `count` bytes if all of them are in memory anyway; then they are read without blocking.
  bool prime(size_t count);

 private:
  Result<std::optional<Record>> read_one();
  Result<int> byte();
  Result<bool> fill();

  int fd_;
  bool follow_;
  off_t base_;  // file offset of buffer_[0]
  size_t used_ = 0;
  std::string buffer_;
  unsigned jumps_ = 0;
};

}  // namespace dovetail::mta
