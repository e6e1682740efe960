// proxymap: see proxymap.h.
// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"
#include "mta/proxymap/proxymap.h"

int main(int argc, char** argv) {
  dovetail::mta::ProxymapRole role;
  return dovetail::service::run_postfix_service(argc, argv, "proxymap", role);
}
