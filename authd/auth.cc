// auth, and with -w auth-worker.
// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include <unistd.h>

#include "authd/auth_role.h"
#include "common/base/text.h"
#include "common/service/run_dovecot.h"

int main(int argc, char** argv) {
  const bool worker = argc > 1 && std::string_view(argv[1]) == "-w";
  if (worker) {
    dovetail::authd::AuthWorkerRole role;
    return dovetail::service::run_dovecot_service(
        argc, argv, dovetail::format("auth-worker({})", getpid()), role);
  }
  dovetail::authd::AuthRole role;
  return dovetail::service::run_dovecot_service(argc, argv, "auth", role);
}
