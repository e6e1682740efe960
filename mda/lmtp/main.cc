// lmtp: takes mail for local users from the MTA. Manual: dovecot-lmtp(8).
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_dovecot.h"
#include "mda/lmtp/lmtp_role.h"

int main(int argc, char** argv) {
  dovetail::mda::lmtp::LmtpRole role;
  return dovetail::service::run_dovecot_service(argc, argv, "lmtp", role);
}
