// main() of virtual; what it does is in virtual.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/local/virtual.h"

int main(int argc, char** argv) {
  dovetail::mta::VirtualRole role;
  return dovetail::service::run_postfix_service(argc, argv, "virtual", role);
}
