// main() of smtp and lmtp, one program under two names; what it does is in smtp.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/smtp/smtp.h"

int main(int argc, char** argv) {
  dovetail::mta::SmtpRole role;
  return dovetail::service::run_postfix_service(argc, argv, "smtp", role);
}
