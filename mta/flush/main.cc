// main() of flush; what it does is in flush.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/flush/flush.h"

int main(int argc, char** argv) {
  dovetail::mta::FlushRole role;
  return dovetail::service::run_postfix_service(argc, argv, "flush", role);
}
