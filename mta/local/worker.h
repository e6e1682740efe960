// The delivery child: with the recipient's rights already taken, carries out one job (job.h) and ends. Only here are
// mailboxes, .forward files and commands of users opened.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "common/base/file.h"
#include "mta/local/job.h"

namespace dovetail::mta {

class MessagePieces;

// task: the socket to the front; extra: the client of a spawn(8) service, or an opened mailbox; spool_group: the mail spool's group if the child
// has it, else -1.
void run_worker(Fd task, Fd extra, gid_t spool_group);

// The jobs; each reads the message it needs from pieces.
JobResult read_user_file(const Job& job);
// opened: the mailbox itself, where only another could open it.
JobResult append_mbox(const Job& job, MessagePieces& message, gid_t spool_group, Fd opened);
JobResult deliver_maildir(const Job& job, MessagePieces& message);
JobResult run_command(const Job& job, MessagePieces& message);
JobResult serve_command(const Job& job, Fd client);

// The status of a file that cannot be written: full 5.2.2, no room 4.3.0, to be tried again 4.2.0, else 5.2.0.
std::string_view mailbox_fault(int code);

}  // namespace dovetail::mta
