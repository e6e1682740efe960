// main() of qmgr; what it does is in qmgr.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/qmgr/qmgr.h"

int main(int argc, char** argv) {
  dovetail::mta::QmgrRole role;
  return dovetail::service::run_postfix_service(argc, argv, "qmgr", role);
}
