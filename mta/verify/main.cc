// verify: see verify.h.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/verify/verify.h"

int main(int argc, char** argv) {
  dovetail::mta::VerifyRole role;
  return dovetail::service::run_postfix_service(argc, argv, "verify", role);
}
