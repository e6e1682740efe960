// mail-worker: started by the broker, never by hand.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_dovecot.h"
#include "mda/worker/worker_role.h"

int main(int argc, char** argv) {
  dovetail::mda::WorkerRole role;
  return dovetail::service::run_dovecot_service(argc, argv, "imap", role);
}
