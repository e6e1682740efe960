// SPDX-License-Identifier: Apache-2.0
#include "mda/lda/input.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "mda/lmtp/message_file.h"

namespace dovetail::mda::lda {

namespace {

constexpr size_t kInputHead = 64 * 1024;

Result<base::Fd> open_spool(const std::string& directory) {
  auto name = directory + "/dovecot.lda.XXXXXX";
  base::Fd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return errno_error(format("mkstemp({}) failed", name), errno);
  if (::unlink(name.c_str()) != 0) return errno_error(format("unlink({}) failed", name), errno);
  return fd;
}

}  // namespace

Result<Input> read_input(int from, const std::string& mail_temp_dir) {
  auto spool = open_spool(mail_temp_dir);
  if (!spool) return spool.error();
  Input made;
  std::string head, piece(kInputHead, '\0');
  for (;;) {
    ssize_t got = ::read(from, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read() of the message failed", errno);
    if (got == 0) break;
    std::string_view bytes(piece.data(), static_cast<size_t>(got));
    if (head.size() < kInputHead) head += bytes;
    auto written = base::write_all(spool->get(), bytes);
    if (!written) return written.error();
  }
  if (head.empty()) return temporary("the message is empty");
  // Some MTAs give the mbox separator along.
  if (head.starts_with("From ")) {
    auto end = head.find('\n');
    if (end == head.npos) return temporary("the message is empty");
    made.offset = end + 1;
    auto words = base::words(std::string_view(head).substr(0, end));
    if (words.size() > 1) made.from_sender = std::string(words[1]);
  }
  made.message_id = lmtp::find_message_id(std::string_view(head).substr(made.offset));
  made.fd = std::move(*spool);
  return made;
}

}  // namespace dovetail::mda::lda
