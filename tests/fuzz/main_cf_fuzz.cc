// Feeds any bytes to the readers of main.cf, master.cf and table files, and expands what they found.
// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

#include <string_view>

#include "conf/bind.h"
#include "conf/expand.h"
#include "conf/postfix/main_cf.h"
#include "conf/postfix/master_cf.h"
#include "conf/postfix/table_cf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dovetail::conf;
  // Nested references multiply; the administrator may do that, the fuzzer should not wait for it.
  if (size > 2048) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto cf = MainCf::parse("/fuzz", text)) {
    int values = 0;
    for (const auto& [name, value] : cf->entries()) {
      if (++values > 8) break;
      (void)scan_names(value, [](std::string_view) {});
      (void)split_list(value);
    }
    (void)read_time(*cf, "queue_run_delay");
    (void)read_int(*cf, "smtpd_recipient_limit");
  }
  (void)parse_master_cf("/fuzz/master.cf", text);
  (void)TableCf::parse("/fuzz/table.cf", text);
  return 0;
}
