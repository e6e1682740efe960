// SPDX-License-Identifier: Apache-2.0
#include "mda/lmtp/message_file.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"
#include "common/service/control.h"

namespace dovetail::mda::lmtp {

namespace {

struct OpenedPair {
  base::Fd write, read;
};

constexpr const char* kFallbackDirectory = "/tmp";

// Opened twice and unlinked at once; the second descriptor is for the workers. A mail_temp_dir that only root may write, as the
// incumbent's process is, is no reason to defer mail.
Result<OpenedPair> open_message_pair(const std::string& directory) {
  auto name = directory + "/dovecot.lmtp.XXXXXX";
  OpenedPair made;
  made.write = base::Fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!made.write && errno == EACCES && directory != kFallbackDirectory)
    return open_message_pair(kFallbackDirectory);
  if (!made.write) return errno_error(format("mkstemp({}) failed", name), errno);
  auto read = base::open_file(name, O_RDONLY);
  if (::unlink(name.c_str()) != 0) return errno_error(format("unlink({}) failed", name), errno);
  if (!read) return read.error();
  made.read = std::move(*read);
  return made;
}

}  // namespace

void MessageFile::add(std::string_view bytes) {
  size_ += bytes.size();
  if (state_) pending_.append(bytes);
}

Task<> MessageFile::flush() {
  std::string bytes;
  if (head_.empty()) head_ = pending_.substr(0, kHead);
  bytes.swap(pending_);
  if (!state_) co_return;
  if (!write_) {
    auto open = [directory = directory_] { return open_message_pair(directory); };
    auto opened = co_await pool_.run(open);
    if (!opened) {
      state_ = opened.error();
      co_return;
    }
    write_ = std::move(opened->write);
    read_ = std::move(opened->read);
  }
  auto write = [fd = write_.get(), text = std::move(bytes)] { return base::write_all(fd, text); };
  auto written = co_await pool_.run(write);
  if (!written) state_ = written.error().wrap("write to mail_temp_dir");
}

Task<Result<base::Fd>> MessageFile::finish() {
  if (!write_ && state_ && pending_.size() <= in_memory_) {
    auto memory = service::sealed_memory("lmtp message", pending_);
    if (memory) co_return std::move(*memory);
  }
  co_await flush();
  if (!state_) co_return state_.error();
  co_return std::move(read_);
}

std::string find_message_id(std::string_view head) {
  size_t at = 0;
  while (at < head.size()) {
    auto end = head.find('\n', at);
    if (end == head.npos) end = head.size();
    auto line = base::trim_right(head.substr(at, end - at), "\r");
    if (line.empty()) return {};
    if (base::istarts_with(line, "message-id:")) {
      std::string value(line.substr(11));
      // Long ids stand on the next line.
      for (at = end + 1; at < head.size() && (head[at] == ' ' || head[at] == '\t'); at = end + 1) {
        end = std::min(head.find('\n', at), head.size());
        value += head.substr(at, end - at);
      }
      std::erase_if(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
      return std::string(base::trim(value));
    }
    at = end + 1;
  }
  return {};
}

}  // namespace dovetail::mda::lmtp
