// main() of local; what it does is in local.cc and destinations.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/local/local.h"

int main(int argc, char** argv) {
  dovetail::mta::LocalRole role;
  return dovetail::service::run_postfix_service(argc, argv, "local", role);
}
