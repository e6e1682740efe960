// main() of pipe; what it does is in pipe.cc.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/local/pipe.h"

int main(int argc, char** argv) {
  dovetail::mta::PipeRole role;
  return dovetail::service::run_postfix_service(argc, argv, "pipe", role);
}
