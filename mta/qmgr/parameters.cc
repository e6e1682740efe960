// SPDX-License-Identifier: Apache-2.0
#include "mta/qmgr/parameters.h"

#include <cmath>
#include <cstdlib>

#include "common/base/text.h"
#include "conf/bind.h"

namespace dovetail::mta {

namespace {

// clang-format off
constexpr conf::Bind<QmgrParameters> kQmgrBindings[] = {
    {"qmgr_message_active_limit",      &QmgrParameters::qmgr_message_active_limit},
    {"qmgr_message_recipient_limit",   &QmgrParameters::qmgr_message_recipient_limit},
    {"qmgr_message_recipient_minimum", &QmgrParameters::qmgr_message_recipient_minimum},
    {"default_process_limit",          &QmgrParameters::default_process_limit},
    {"minimal_backoff_time",           &QmgrParameters::minimal_backoff_time},
    {"maximal_backoff_time",           &QmgrParameters::maximal_backoff_time},
    {"queue_run_delay",                &QmgrParameters::queue_run_delay},
    {"transport_retry_time",           &QmgrParameters::transport_retry_time},
    {"maximal_queue_lifetime",         &QmgrParameters::maximal_queue_lifetime},
    {"bounce_queue_lifetime",          &QmgrParameters::bounce_queue_lifetime},
    {"delay_warning_time",             &QmgrParameters::delay_warning_time},
    {"defer_transports",               &QmgrParameters::defer_transports},
    {"confirm_delay_cleared",          &QmgrParameters::confirm_delay_cleared},
    {"hash_queue_names",               &QmgrParameters::hash_queue_names},
    {"hash_queue_depth",               &QmgrParameters::hash_queue_depth},
    {"default_filter_nexthop",         &QmgrParameters::default_filter_nexthop},
    {"address_verify_service_name",    &QmgrParameters::address_verify_service_name},
    {"rewrite_service_name",           &QmgrParameters::rewrite_service_name},
    {"bounce_service_name",            &QmgrParameters::bounce_service_name},
    {"defer_service_name",             &QmgrParameters::defer_service_name},
    {"trace_service_name",             &QmgrParameters::trace_service_name},
};
// clang-format on

// A factor of a feedback form: a number, or the window itself.
double feedback_term(std::string_view word, double window) {
  if (word == "concurrency") return window;
  if (word == "sqrt_concurrency") return std::sqrt(window);
  std::string text(word);
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' ? value : -1;
}

}  // namespace

Result<QmgrParameters> read_qmgr_parameters(const conf::MainCf& cf) { return conf::read(cf, kQmgrBindings); }

Result<TransportParameters> read_transport_parameters(const conf::MainCf& cf, const std::string& transport) {
  TransportParameters out;
  struct Row {
    std::string_view suffix;
    int TransportParameters::*field;
  };
  for (auto& row : {Row{"_destination_recipient_limit", &TransportParameters::recipient_limit},
                    Row{"_destination_concurrency_limit", &TransportParameters::concurrency_limit},
                    Row{"_initial_destination_concurrency", &TransportParameters::initial_concurrency},
                    Row{"_destination_concurrency_failed_cohort_limit", &TransportParameters::failed_cohort_limit}}) {
    auto value = conf::read_int(cf, transport + std::string(row.suffix));
    if (!value) return value.error();
    out.*row.field = *value;
  }
  auto delay = conf::read_time(cf, transport + "_destination_rate_delay");
  if (!delay) return delay.error();
  out.rate_delay = *delay;
  if (out.rate_delay.count() > 0) out.concurrency_limit = 1;
  out.positive_feedback = cf.get(transport + "_destination_concurrency_positive_feedback");
  out.negative_feedback = cf.get(transport + "_destination_concurrency_negative_feedback");
  return out;
}

double feedback(const std::string& form, double window) {
  auto [above, below] = base::cut(form, '/');
  double base = feedback_term(base::trim(above), window);
  if (base < 0 || base > 1) return 1;
  if (!below) return base;
  double divisor = feedback_term(base::trim(*below), window);
  return divisor > 0 ? base / divisor : 1;
}

}  // namespace dovetail::mta
