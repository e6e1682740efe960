// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/workers.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "common/base/text.h"
#include "common/service/service.h"

namespace dovetail::mda {

using base::Fd;
using service::ControlMessage;

struct Workers::Worker {
  pid_t pid = 0;
  Slot slot;
  std::shared_ptr<net::Channel> channel;
  std::set<uint64_t> jobs;
  struct Outgoing {
    std::string bytes;
    std::shared_ptr<Fd> fd;
  };
  std::deque<Outgoing> outbox;
  bool sending = false;
  bool ready = false;   // has started well
  bool ending = false;  // takes no new jobs
};

struct Workers::Job {
  std::shared_ptr<Worker> worker;
  Slot slot;
  std::string user;
  ControlMessage message;
  std::shared_ptr<Fd> fd;
  bool taken = false;  // not to be given on any more
  Done done;
  std::string service, session;  // once taken
};

Workers::Workers(Loop& loop, Logger log, WorkerStart start)
    : loop_(loop),
      log_(std::move(log)),
      start_(std::move(start)),
      child_signal_(std::make_unique<net::Signal>(loop, SIGCHLD, [this] { reap(); })) {}

Workers::~Workers() {
  stop();
}

void Workers::stop() {
  workers_.clear();
  for (auto& [pid, worker] : alive_) {
    worker->ending = true;
    ::kill(pid, SIGTERM);
  }
}

// --- jobs

Result<Workers::Given> Workers::give(const MailIdentity& identity, const std::string& user,
                                     ControlMessage message, Fd fd, Done done, bool alone) {
  Error error = temporary("");
  uint64_t id = ++last_id_;
  auto slot = slot_of(identity, user);
  if (alone) slot.owner = format("#{}", id);
  auto worker = find_or_start(slot, user, error);
  if (!worker) return error;
  message.fields["id"] = std::to_string(id);
  Job job{worker, std::move(slot), user, std::move(message), std::make_shared<Fd>(std::move(fd)),
          false,  std::move(done)};
  auto bytes = job.message.encode();
  if (bytes.size() > net::kMaxMessage) return permanent("message for a worker is too large");
  send(worker, std::move(bytes), job.fd);
  worker->jobs.insert(id);
  jobs_.emplace(id, std::move(job));
  return Given{id, worker->pid};
}

void Workers::tell(uint64_t id, const ControlMessage& message) {
  auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  auto said = message;
  said.fields["id"] = std::to_string(id);
  send(job->second.worker, said.encode(), nullptr);
}

void Workers::finish(uint64_t id, const ControlMessage* message) {
  auto job = jobs_.extract(id);
  if (job.empty()) return;
  job.mapped().worker->jobs.erase(id);
  if (job.mapped().done) job.mapped().done(message);
}

// --- what goes over the channel

void Workers::send(const std::shared_ptr<Worker>& worker, std::string bytes,
                   std::shared_ptr<Fd> fd) {
  worker->outbox.push_back({std::move(bytes), std::move(fd)});
  if (!std::exchange(worker->sending, true)) net::spawn(send_all(worker), log_);
}

Task<> Workers::send_all(std::shared_ptr<Worker> worker) {
  auto channel = worker->channel;
  while (!worker->outbox.empty()) {
    auto next = std::move(worker->outbox.front());
    worker->outbox.pop_front();
    std::vector<int> fds;
    if (next.fd && *next.fd) fds.push_back(next.fd->get());
    co_await channel->send(std::move(next.bytes), std::move(fds));
  }
  worker->sending = false;
}

Task<> Workers::listen_to(std::shared_ptr<Worker> worker) {
  auto channel = worker->channel;
  for (;;) {
    auto message = co_await channel->receive();
    auto said = ControlMessage::decode(message.bytes);
    heard(*worker, said);
  }
}

void Workers::heard(Worker& worker, const ControlMessage& message) {
  auto id = base::parse_number<uint64_t>(message.get("id")).value_or(0);
  worker.ready = true;  // whatever it says: it has come as far as talking
  if (message.verb == "idle") {
    worker.ending = true;
    auto known = workers_.find(worker.slot);
    if (known != workers_.end() && known->second.get() == &worker) workers_.erase(known);
  } else if (message.verb == "taken") {
    auto job = jobs_.find(id);
    if (job == jobs_.end()) return;
    job->second.taken = true;
    // It will never be given on: what for that was kept must not last as long as the session, but for whose and what it is,
    // should this process crash.
    job->second.service = job->second.message.get("service");
    job->second.session = job->second.message.get("session");
    job->second.fd.reset();
    job->second.message = ControlMessage();
    job->second.slot = Slot();
  } else if (message.verb == "ended" || message.verb == "answer") {
    finish(id, &message);
  }
}

// --- processes

Workers::Slot Workers::slot_of(const MailIdentity& identity, const std::string& user) {
  using Isolation = WorkerStart::Isolation;
  if (start_.isolation == Isolation::user || containment_.alone(user)) return {identity, 0, user};
  auto at = user.rfind('@');
  if (start_.isolation == Isolation::domain && at != user.npos)
    return {identity, 0, user.substr(at)};
  // As long as an identity has one user only, as system users do, one process is all he can use.
  auto& users = users_[identity];
  if (users.size() < 2) users.insert(user);
  return {identity, users.size() < 2 ? 0 : worker_slot(user, start_.workers_per_identity), {}};
}

std::shared_ptr<Workers::Worker> Workers::find_or_start(const Slot& slot, const std::string& user,
                                                        Error& error) {
  auto known = workers_.find(slot);
  if (known != workers_.end() && !known->second->ending) return known->second;
  auto pause = containment_.wait(user);
  if (pause.count() > 0) {
    error = temporary(format("mail processes of {} crash, the next one starts in {} s",
                             base::printable(user), (pause.count() + 999) / 1000));
    return nullptr;
  }
  auto started = start(slot);
  if (!started) {
    error = started.error();
    return nullptr;
  }
  workers_[slot] = *started;
  alive_[(*started)->pid] = *started;
  net::spawn(listen_to(*started), log_);
  return *started;
}

namespace {

ControlMessage worker_hello(const MailIdentity& identity, std::chrono::seconds idle_kill) {
  ControlMessage hello{"hello", {}};
  std::vector<std::string> groups;
  for (auto group : identity.groups) groups.push_back(std::to_string(group));
  hello.fields["service"] = "imap";
  hello.fields["user"] = std::to_string(identity.uid);
  hello.fields["group"] = std::to_string(identity.gid);
  hello.fields["extra_groups"] = base::join(groups, " ");
  hello.fields["chroot"] = identity.chroot;
  hello.fields["idle_kill"] = std::to_string(idle_kill.count());
  return hello;
}

// Starts the program with the channel as its control descriptor.
Result<pid_t> spawn_worker(const std::string& program, int channel) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  sigdelset(&defaults, SIGKILL);
  sigdelset(&defaults, SIGSTOP);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_adddup2(&files, channel, service::kControlFd);
  std::string name(base::basename(program)), path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* argv[] = {name.data(), nullptr};
  char* environment[] = {path.data(), nullptr};
  pid_t pid = 0;
  int error = posix_spawn(&pid, program.c_str(), &files, &attributes, argv, environment);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return errno_error(program, error);
  return pid;
}

}  // namespace

Result<std::shared_ptr<Workers::Worker>> Workers::start(const Slot& slot) {
  auto ends = net::seqpacket_pair();
  if (!ends) return ends.error();
  auto settings = service::sealed_memory("settings", start_.settings);
  if (!settings) return settings.error();
  auto hello = worker_hello(slot.identity, slot.owner.starts_with("#") ? std::chrono::seconds(1)
                                                                       : start_.idle_kill)
                   .encode();
  std::vector<int> passed{settings->get()};
  auto sent = net::try_send_message(ends->first.get(), hello, passed);
  if (!sent) return sent.error();
  Fd theirs(::fcntl(ends->second.get(), F_DUPFD_CLOEXEC, 100));
  auto pid = spawn_worker(start_.program, theirs.get());
  if (!pid) return pid.error();
  auto worker = std::make_shared<Worker>();
  worker->pid = *pid;
  worker->slot = slot;
  worker->channel = std::make_shared<net::Channel>(loop_, std::move(ends->first));
  return worker;
}

void Workers::reap() {
  for (;;) {
    int status = 0;
    pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    auto found = alive_.find(pid);
    if (found == alive_.end()) continue;
    auto worker = found->second;
    alive_.erase(found);
    worker_gone(worker, status);
  }
}

// What a worker said before it ended may still wait in its channel: an answer must not be taken for lost.
void Workers::hear_last_words(Worker& worker) {
  std::string buffer(4096, '\0');
  for (;;) {
    ssize_t n = ::recv(worker.channel->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    // That the worker left something unread is told once, before what it has said.
    if (n < 0 && (errno == ECONNRESET || errno == EINTR)) continue;
    if (n <= 0) return;
    heard(worker,
          ControlMessage::decode(std::string_view(buffer).substr(0, static_cast<size_t>(n))));
  }
}

// As the incumbent's parent says it in the name of each session that is lost.
void Workers::log_end(const Worker& worker, int status) const {
  auto how = WIFSIGNALED(status) ? format("killed with signal {}", WTERMSIG(status))
                                 : format("returned error {}", WEXITSTATUS(status));
  bool said = false;
  for (auto id : worker.jobs) {
    auto job = jobs_.find(id);
    if (job == jobs_.end() || !job->second.taken) continue;
    auto& service = job->second.service;
    Logger(format("{}({})<{}><{}>", service, base::printable(job->second.user), worker.pid,
                  job->second.session))
        .fatal("master: service({}): child {} {}", service, worker.pid, how);
    said = true;
  }
  if (!said) Logger("imap").fatal("master: service(imap): child {} {}", worker.pid, how);
}

void Workers::blame(const Worker& worker) {
  std::set<std::string> users;
  for (auto id : worker.jobs) {
    auto job = jobs_.find(id);
    if (job != jobs_.end() && job->second.taken) users.insert(job->second.user);
  }
  for (auto& user : containment_.crashed(users)) {
    log_.warning(
        "{}: two mail processes crashed while they served this user: gets processes of his own",
        base::printable(user));
  }
}

void Workers::worker_gone(const std::shared_ptr<Worker>& worker, int status) {
  hear_last_words(*worker);
  auto known = workers_.find(worker->slot);
  if (known != workers_.end() && known->second == worker) workers_.erase(known);
  bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!clean && !(WIFSIGNALED(status) && worker->ending)) {
    log_end(*worker, status);
    blame(*worker);
  }
  worker->channel->close();
  for (auto id : std::set<uint64_t>(worker->jobs)) {
    auto job = jobs_.find(id);
    if (job == jobs_.end()) continue;
    // A job is taken before anything is done for it: what was not taken did not end this worker.
    bool again = worker->ready && !job->second.taken;
    Error error = temporary("");
    auto next = again ? find_or_start(job->second.slot, job->second.user, error) : nullptr;
    if (!next) {
      finish(id, nullptr);
      continue;
    }
    job->second.worker = next;
    job->second.taken = job->second.message.verb == "deliver";
    next->jobs.insert(id);
    send(next, job->second.message.encode(), job->second.fd);
  }
  worker->jobs.clear();
}

}  // namespace dovetail::mda
