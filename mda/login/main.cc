// imap-login, pop3-login: one program under two names. Manual: imap-login(8).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/file.h"
#include "common/service/run_dovecot.h"
#include "mda/login/login_role.h"

int main(int argc, char** argv) {
  std::string name(dovetail::base::basename(argc > 0 ? argv[0] : "imap-login"));
  if (name != "pop3-login") name = "imap-login";
  dovetail::mda::LoginRole role(name.substr(0, name.find('-')));
  return dovetail::service::run_dovecot_service(argc, argv, name, role);
}
