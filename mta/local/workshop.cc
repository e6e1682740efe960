// SPDX-License-Identifier: Apache-2.0
#include "mta/local/workshop.h"

#include <cstdlib>

#include "common/base/text.h"
#include "common/service/confine.h"
#include "conf/bind.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::mta {

using namespace std::chrono_literals;

namespace {

JobResult broken_off(std::string why) {
  JobResult result;
  result.failure = {"4.3.0", std::move(why)};
  return result;
}

std::string piece_header(size_t size) {
  std::string out;
  for (int shift : {24, 16, 8, 0}) out += static_cast<char>(size >> shift & 0xff);
  return out;
}

struct LockTimes {
  int attempts = 20;
  conf::Seconds delay{}, stale{};
  bool strict = true;
};
constexpr conf::Bind<LockTimes> kLockBindings[] = {
    {"deliver_lock_attempts", &LockTimes::attempts},
    {"deliver_lock_delay", &LockTimes::delay},
    {"stale_lock_time", &LockTimes::stale},
    {"strict_mailbox_ownership", &LockTimes::strict},
};

}  // namespace

Result<std::unique_ptr<Workshop>> Workshop::open(service::Context& context) {
  auto& cf = *context.main_cf;
  auto owner = service::find_user(cf.get("mail_owner"));
  if (!owner) return owner.error();
  auto group = service::find_group(cf.get("setgid_group"));
  if (!group) return group.error();
  RightsPolicy policy;
  policy.mail_owner = owner->uid;
  policy.mail_group = owner->gid;
  policy.setgid_group = *group;
  policy.spool_directory = cf.get("mail_spool_directory");
  while (policy.spool_directory.size() > 1 && policy.spool_directory.back() == '/')
    policy.spool_directory.pop_back();
  if (auto nobody = service::find_user(cf.get("default_privs"))) {
    policy.default_uid = nobody->uid;
    policy.default_gid = nobody->gid;
  }
  auto parent = RightsParent::start(std::move(policy));
  if (!parent) return parent.error();
  std::unique_ptr<Workshop> out(new Workshop(context));
  out->parent_ = std::move(*parent);
  return out;
}

Result<void> Workshop::confine_front() const {
  auto owner = service::find_user(context_.main_cf->get("mail_owner"));
  if (!owner) return owner.error();
  service::Rights rights;
  rights.user = *owner;
  return service::confine(rights);
}

Task<JobResult> Workshop::talk(Fd child, const Job& job, FormedMessage* message, net::Pool* disk) {
  Conn conn(context_.loop, std::move(child));
  bool told = true;
  try {
    proto::put_attributes(conn, job.encode());
    for (bool more = message != nullptr; more;) {
      auto read = [message] { return message->next(); };
      auto piece = co_await disk->run(read);
      // Without the end mark the child throws away what it has.
      if (!piece) co_return broken_off("queue file: " + piece.error().text);
      conn.put(piece_header(piece->size()));
      conn.put(*piece);
      more = !piece->empty();
      co_await conn.flush_above(0);
    }
    if (!message) conn.put(piece_header(0));
    co_await conn.flush();
  } catch (const IoError&) {
    told = false;  // it may have said why before it left
  }
  try {
    auto answer = co_await proto::read_attributes(conn);
    if (answer) co_return JobResult::decode(*answer);
  } catch (const IoError&) {
  }
  co_return broken_off(told ? "delivery process ended without an answer"
                            : "delivery process broke off");
}

Task<JobResult> Workshop::run(DeliveryRights rights, Job job,
                              std::unique_ptr<FormedMessage> message, net::Pool* disk) {
  auto child = parent_->spawn(rights);
  if (!child) {
    context_.log.warning("{}", child.error().text);
    co_return broken_off("mail system configuration error");
  }
  auto result = co_await talk(std::move(*child), job, message.get(), disk);
  for (auto& warning : result.warnings) context_.log.warning("{}", base::printable(warning));
  co_return result;
}

Task<JobResult> Workshop::serve(DeliveryRights rights, Job job, Fd client) {
  auto child = parent_->spawn(rights, client.get());
  if (!child) co_return broken_off(child.error().text);
  client.reset();
  auto result = co_await talk(std::move(*child), job, nullptr, nullptr);
  co_return result;
}

Result<Job> Workshop::mailbox_job(std::string_view lock_parameter, int64_t size_limit) const {
  auto& cf = *context_.main_cf;
  auto times = conf::read(cf, kLockBindings);
  if (!times) return times.error();
  Job job;
  job.locks = cf.get(lock_parameter);
  for (auto word : base::words(job.locks, ", \t\r\n")) {
    if (word != "fcntl" && word != "flock" && word != "dotlock") {
      return config_error(format("unknown {} value: {}", lock_parameter, word));
    }
  }
  job.lock_attempts = times->attempts;
  job.lock_delay = times->delay.count();
  job.stale_lock = times->stale.count();
  job.strict_ownership = times->strict;
  job.size_limit = size_limit;
  job.hostname = cf.get("myhostname");
  return job;
}

std::vector<std::string> Workshop::command_environment() const {
  std::vector<std::string> out;
  bool has_path = false;
  for (auto word : base::words(context_.main_cf->get("export_environment"), ", \t\r\n")) {
    auto [name, value] = base::cut(word, '=');
    std::string key(name);
    const char* own = value ? nullptr : std::getenv(key.c_str());
    if (!value && !own) continue;
    out.push_back(format("{}={}", key, value ? std::string(*value) : std::string(own)));
    has_path |= key == "PATH";
  }
  if (!has_path) out.push_back("PATH=/usr/bin:/bin");
  return out;
}

Result<void> WorkshopRole::prepare(service::Context& context) {
  auto workshop = Workshop::open(context);
  if (!workshop) return workshop.error();
  workshop_ = std::move(*workshop);
  auto prepared = AgentRole::prepare(context);
  if (!prepared) return prepared;
  return workshop_->confine_front();
}

Outcome outcome_of(const JobResult& result, std::string relay, std::string sent_text) {
  Outcome outcome;
  outcome.relay = std::move(relay);
  if (result.done) {
    outcome.status = Status::sent;
    outcome.dsn = {"2.0.0", std::move(sent_text)};
    outcome.trace_action = "delivered";
    return outcome;
  }
  outcome.dsn = result.failure;
  outcome.dsn.text = base::printable(outcome.dsn.text);
  outcome.status = outcome.dsn.status.starts_with("5") ? Status::bounced : Status::deferred;
  return outcome;
}

}  // namespace dovetail::mta
