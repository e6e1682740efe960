// main() of spawn; what it does is in spawn.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/local/spawn.h"

int main(int argc, char** argv) {
  dovetail::mta::SpawnRole role;
  return dovetail::service::run_postfix_service(argc, argv, "spawn", role);
}
