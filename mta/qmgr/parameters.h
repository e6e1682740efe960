// What qmgr reads of main.cf, for all mail and for each transport. Manual: qmgr(8), postconf(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"
#include "conf/units.h"

namespace dovetail::mta {

struct QmgrParameters {
  int qmgr_message_active_limit = 0, qmgr_message_recipient_limit = 0, qmgr_message_recipient_minimum = 0;
  int default_process_limit = 0;
  conf::Seconds minimal_backoff_time{}, maximal_backoff_time{}, queue_run_delay{}, transport_retry_time{};
  conf::Seconds maximal_queue_lifetime{}, bounce_queue_lifetime{}, delay_warning_time{};
  std::vector<std::string> defer_transports;
  bool confirm_delay_cleared = false;
  std::string hash_queue_names, rewrite_service_name, bounce_service_name, defer_service_name, trace_service_name;
  std::string retry_transport = "retry", default_filter_nexthop, address_verify_service_name;
  int hash_queue_depth = 0;
};
Result<QmgrParameters> read_qmgr_parameters(const conf::MainCf& cf);

// <transport>_destination_... with default_destination_... behind it.
struct TransportParameters {
  int recipient_limit = 50;        // per delivery; 0: no limit
  int concurrency_limit = 20;      // per destination; 0: none
  int initial_concurrency = 5;
  int failed_cohort_limit = 1;     // 0: a destination is never given up
  conf::Seconds rate_delay{};      // between deliveries to one destination; forces a concurrency of 1
  std::string positive_feedback = "1", negative_feedback = "1";
};
Result<TransportParameters> read_transport_parameters(const conf::MainCf& cf, const std::string& transport);

// How much the window moves for one delivery: "number", "number / number", "number / concurrency",
// "number / sqrt_concurrency"; 1 for anything malformed or outside 0..1.
double feedback(const std::string& form, double window);

}  // namespace dovetail::mta
