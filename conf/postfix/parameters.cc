// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/parameters.h"

#include <algorithm>
#include <vector>

#include "conf/postfix/parameter_rows.h"

namespace dovetail::conf {
namespace {

// clang-format off
constexpr TransportFamily kTransportFamilies[] = {
    {"_delivery_slot_cost",                           "default_delivery_slot_cost"},
    {"_delivery_slot_discount",                       "default_delivery_slot_discount"},
    {"_delivery_slot_loan",                           "default_delivery_slot_loan"},
    {"_destination_concurrency_failed_cohort_limit",  "default_destination_concurrency_failed_cohort_limit"},
    {"_destination_concurrency_limit",                "default_destination_concurrency_limit"},
    {"_destination_concurrency_negative_feedback",    "default_destination_concurrency_negative_feedback"},
    {"_destination_concurrency_positive_feedback",    "default_destination_concurrency_positive_feedback"},
    {"_destination_rate_delay",                       "default_destination_rate_delay"},
    {"_destination_recipient_limit",                  "default_destination_recipient_limit"},
    {"_extra_recipient_limit",                        "default_extra_recipient_limit"},
    {"_initial_destination_concurrency",              "initial_destination_concurrency"},
    {"_minimum_delivery_slots",                       "default_minimum_delivery_slots"},
    {"_recipient_limit",                              "default_recipient_limit"},
    {"_recipient_refill_delay",                       "default_recipient_refill_delay"},
    {"_recipient_refill_limit",                       "default_recipient_refill_limit"},
    {"_time_limit",                                   "command_time_limit", true},
    {"_transport_rate_delay",                         "default_transport_rate_delay"},
};
// clang-format on

std::vector<Parameter> join_parameter_parts() {
  std::vector<Parameter> all;
  for (auto part : {rows::part_a_to_k(), rows::part_l_to_o(), rows::part_p_to_r(), rows::part_s(),
                    rows::part_smtp(), rows::part_smtpd(), rows::part_t_to_z()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace

std::span<const Parameter> parameters() {
  static const std::vector<Parameter> all = join_parameter_parts();
  return all;
}

const Parameter* find_parameter(std::string_view name) {
  auto all = parameters();
  auto at = std::lower_bound(all.begin(), all.end(), name,
                             [](const Parameter& p, std::string_view n) { return p.name < n; });
  return at != all.end() && at->name == name ? &*at : nullptr;
}

std::span<const TransportFamily> transport_families() {
  return kTransportFamilies;
}

std::optional<TransportParameter> find_transport_parameter(std::string_view name) {
  const TransportFamily* best = nullptr;
  for (const TransportFamily& family : kTransportFamilies) {
    bool matches = name.size() > family.suffix.size() && name.ends_with(family.suffix);
    if (matches && (!best || family.suffix.size() > best->suffix.size())) best = &family;
  }
  if (!best) return std::nullopt;
  return TransportParameter{best, name.substr(0, name.size() - best->suffix.size())};
}

}  // namespace dovetail::conf
