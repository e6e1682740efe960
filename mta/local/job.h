// What a delivery child is asked to do and how it ended: lists of common/proto/attr over the child's socket. After the job
// the front sends the message, ready as it shall stand in the file or go to the command, in pieces: four bytes of length
// (big endian) and the bytes; length 0 ends it. A socket that closes before that end is a front that died: nothing is kept.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/mail/dsn.h"
#include "common/proto/attr.h"

namespace dovetail::mta {

struct Job {
  enum class Kind { read_file, mbox, maildir, command, serve };
  Kind kind = Kind::read_file;

  // read_file: the first of these that exists; :include: and .forward
  std::vector<std::string> paths;
  // mbox, maildir (its directory, with the final slash)
  std::string path;
  std::string locks;                // words of mailbox_delivery_lock
  bool lock_file_optional = false;  // outside the spool a directory may forbid lock files
  bool in_spool = false;
  int lock_attempts = 20;
  int64_t lock_delay = 1, stale_lock = 500;  // seconds
  int64_t size_limit = 0;
  bool strict_ownership = true;
  std::string hostname;  // in Maildir names
  // command, serve
  std::string command;                   // with a shell where it needs one
  std::string shell;                     // local_command_shell
  std::vector<std::string> argv;         // instead: never a shell
  std::vector<std::string> environment;  // NAME=value; all there is
  std::string directory;
  int64_t time_limit = 1000;

  proto::Attributes encode() const;
  static Job decode(const proto::Attributes& from);
};

struct JobResult {
  bool done = false;
  mail::DsnText failure;  // of what is not done
  std::string output;     // of a command that succeeded
  std::string
      system;  // the system's word for the failure, where the text shall be made by the front ("EACCES" cases)
  // read_file
  bool found = false;
  std::string content;
  uint32_t owner = 0, group = 0;
  std::vector<std::string> warnings;

  proto::Attributes encode() const;
  static JobResult decode(const proto::Attributes& from);
};

}  // namespace dovetail::mta
