// SPDX-License-Identifier: Apache-2.0
#include "mta/local/job.h"

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

struct JobText {
  std::string_view name;
  std::string Job::*field;
};
struct JobNumber {
  std::string_view name;
  int64_t Job::*field;
};
struct JobFlag {
  std::string_view name;
  bool Job::*field;
};
struct JobList {
  std::string_view name;
  std::vector<std::string> Job::*field;
};
// clang-format off
constexpr JobText kJobTexts[] = {
    {"path", &Job::path},       {"locks", &Job::locks}, {"hostname", &Job::hostname}, {"command", &Job::command},
    {"shell", &Job::shell},     {"directory", &Job::directory},
};
constexpr JobNumber kJobNumbers[] = {
    {"lock_delay", &Job::lock_delay}, {"stale_lock", &Job::stale_lock}, {"size_limit", &Job::size_limit},
    {"time_limit", &Job::time_limit},
};
constexpr JobFlag kJobFlags[] = {
    {"lock_file_optional", &Job::lock_file_optional}, {"in_spool", &Job::in_spool},
    {"strict_ownership", &Job::strict_ownership},
};
constexpr JobList kJobLists[] = {
    {"file", &Job::paths}, {"arg", &Job::argv}, {"env", &Job::environment},
};
// clang-format on

}  // namespace

proto::Attributes Job::encode() const {
  proto::Attributes out;
  out.add_number("kind", static_cast<int64_t>(kind)).add_number("lock_attempts", lock_attempts);
  for (auto& row : kJobTexts) out.add(row.name, this->*row.field);
  for (auto& row : kJobNumbers) out.add_number(row.name, this->*row.field);
  for (auto& row : kJobFlags) out.add_number(row.name, this->*row.field);
  for (auto& row : kJobLists) {
    for (auto& value : this->*row.field) out.add(row.name, value);
  }
  return out;
}

Job Job::decode(const proto::Attributes& from) {
  Job job;
  job.kind = static_cast<Kind>(from.get_number("kind"));
  job.lock_attempts = static_cast<int>(from.get_number("lock_attempts"));
  for (auto& row : kJobTexts) job.*row.field = from.get(row.name);
  for (auto& row : kJobNumbers) job.*row.field = from.get_number(row.name);
  for (auto& row : kJobFlags) job.*row.field = from.get_number(row.name) != 0;
  for (auto& row : kJobLists) {
    for (auto value : from.get_all(row.name)) (job.*row.field).emplace_back(value);
  }
  return job;
}

proto::Attributes JobResult::encode() const {
  proto::Attributes out;
  out.add_number("done", done)
      .add("dsn", failure.status)
      .add("text", failure.text)
      .add("output", output);
  out.add("system", system).add_number("found", found).add("content", content);
  out.add_number("owner", owner).add_number("group", group);
  for (auto& warning : warnings) out.add("warning", warning);
  return out;
}

JobResult JobResult::decode(const proto::Attributes& from) {
  JobResult result;
  result.done = from.get_number("done") != 0;
  result.failure = {std::string(from.get("dsn")), std::string(from.get("text"))};
  result.output = from.get("output");
  result.system = from.get("system");
  result.found = from.get_number("found") != 0;
  result.content = from.get("content");
  result.owner = static_cast<uint32_t>(from.get_number("owner"));
  result.group = static_cast<uint32_t>(from.get_number("group"));
  for (auto warning : from.get_all("warning")) result.warnings.emplace_back(warning);
  // A child of foreign rights says what it likes; a status must be one.
  if (!result.done && !mail::is_dsn(result.failure.status)) result.failure.status = "4.3.0";
  return result;
}

}  // namespace dovetail::mta
