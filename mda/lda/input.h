// The message dovecot-lda was given: standard input or a file, copied to an unlinked file so that it can be read again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/file.h"

namespace dovetail::mda::lda {

struct Input {
  base::Fd fd;
  uint64_t offset = 0;      // behind an mbox "From " line
  std::string from_sender;  // of that line
  std::string message_id;
};

// Takes everything up to the end; an empty message is an Error.
Result<Input> read_input(int from, const std::string& mail_temp_dir);

}  // namespace dovetail::mda::lda
