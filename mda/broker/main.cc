// imap, pop3: the broker of all mail sessions, under the names that `service imap` and `service pop3` execute.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_dovecot.h"
#include "mda/broker/broker_role.h"

int main(int argc, char** argv) {
  dovetail::mda::BrokerRole role;
  return dovetail::service::run_dovecot_service(argc, argv, "imap", role);
}
