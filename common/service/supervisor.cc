// SPDX-License-Identifier: Apache-2.0
#include "common/service/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "common/base/text.h"
#include "common/service/service.h"
#include "common/service/tally.h"

namespace dovetail::service {

using base::Fd;

struct Supervisor::Child {
  pid_t pid = 0;
  std::optional<unsigned> cell;
  std::shared_ptr<net::Channel> channel;
  bool ready = false;
  bool asked = false;
  bool full = false;
};

struct Supervisor::Service {
  ServiceSpec spec;
  std::vector<std::shared_ptr<Fd>> listeners;
  std::list<Child> children;
  std::vector<event*> watches;
  std::unique_ptr<net::Timer> throttle, wakeup;
  std::vector<pid_t> may_make_room;  // still to be asked, oldest last
  Supervisor* owner = nullptr;
  bool current = true;
  bool throttled = false;
  bool used = false;
  bool woken = false;  // a wake-up waits for the next process

  ~Service() {
    for (auto* watch : watches) event_free(watch);
  }
};

Supervisor::Supervisor(Loop& loop, Owner& owner)
    : loop_(loop), owner_(owner), child_signal_(std::make_unique<net::Signal>(loop, SIGCHLD, [this] { reap(); })) {}

Supervisor::~Supervisor() = default;

// --- configuration

Result<Supervisor::Bound> Supervisor::bind_all(const std::vector<ServiceSpec>& specs) {
  Bound bound;
  for (auto& spec : specs) {
    for (auto& listener : spec.listeners) {
      auto key = listener.key();
      if (bound.count(key)) return config_error(format("duplicate listener: {}", key));
      if (auto kept = bound_.find(key); kept != bound_.end()) {
        bound.insert(*kept);
        continue;
      }
      auto fd = bind_listener(listener);
      if (!fd) return fd.error().wrap(spec.name);
      // Above all numbers that children expect: a dup2 in the child must not overwrite a source.
      int high = ::fcntl(fd->get(), F_DUPFD_CLOEXEC, 100);
      if (high < 0) return errno_error("fcntl F_DUPFD_CLOEXEC", errno);
      bound.emplace(key, std::make_shared<Fd>(high));
    }
  }
  return bound;
}

Result<void> Supervisor::configure(std::vector<ServiceSpec> specs) {
  auto bound = bind_all(specs);
  if (!bound) return bound.error();
  std::map<std::string, bool> had_children;
  for (auto& service : services_) {
    if (!service->current) continue;
    had_children[service->spec.name] = !service->children.empty();
    service->current = false;
    service->wakeup.reset();
    service->throttle.reset();
    unwatch(*service);
    for (auto& child : service->children) {
      child.asked = true;
      (void)net::try_send_message(child.channel->fd(), ControlMessage{"drain", {}}.encode(), {});
    }
  }
  for (auto& [key, fd] : bound_) {
    bool path = base::istarts_with(key, "unix:") || base::istarts_with(key, "fifo:") || base::istarts_with(key, "dgram:");
    if (path && !bound->count(key)) ::unlink(key.substr(key.find(':') + 1).c_str());
  }
  bound_ = std::move(*bound);
  for (auto& spec : specs) {
    auto service = std::make_unique<Service>();
    service->spec = std::move(spec);
    service->owner = this;
    for (auto& listener : service->spec.listeners) service->listeners.push_back(bound_[listener.key()]);
    services_.push_back(std::move(service));
    auto& added = *services_.back();
    if (added.spec.at_start || had_children[added.spec.name]) start(added);
    adopt(added);
  }
  services_.remove_if([](auto& service) { return !service->current && service->children.empty(); });
  return {};
}

void Supervisor::adopt(Service& service) {
  watch(service);
  if (service.spec.wakeup.count() == 0 || service.spec.processes == 0) return;
  schedule_wakeup(service);
  if (!service.spec.wakeup_if_used) deliver_wakeup(service);  // the queue is looked at when the system starts
}

// Whether the next client should find a new process.
bool Supervisor::wants_process(const Service& service) const {
  if (service.throttled || !service.current || stopping_ || service.spec.processes == 0) return false;
  if (service.children.size() >= std::max(service.spec.processes, service.spec.processes_max)) return service.children.empty();
  return std::all_of(service.children.begin(), service.children.end(), [](auto& child) { return child.full || child.asked; });
}

// Each process serves one client and there may be no more processes: the next client is one too many.
bool Supervisor::overflows(const Service& service) const {
  if (!service.spec.drops_oldest || service.throttled || !service.current || stopping_) return false;
  return !service.children.empty() && service.children.size() >= std::max(service.spec.processes, service.spec.processes_max) &&
         std::all_of(service.children.begin(), service.children.end(), [](auto& child) { return child.full; });
}

void Supervisor::overflow(Service& service) {
  unwatch(service);  // until one has gone
  owner_.limit_reached(service.spec);
  ask_for_room(service);
}

// Whoever has waited longest is asked first, also in generations that drain.
void Supervisor::ask_for_room(Service& service) {
  std::vector<Child*> all;
  for (auto& any : services_) {
    if (any->spec.name != service.spec.name) continue;
    for (auto& child : any->children) all.push_back(&child);
  }
  auto& left = service.may_make_room;
  if (left.empty()) std::transform(all.rbegin(), all.rend(), std::back_inserter(left), [](auto* child) { return child->pid; });
  if (left.empty()) return;
  for (auto* child : all) {
    if (child->pid != left.back()) continue;
    (void)net::try_send_message(child->channel->fd(), ControlMessage{"make_room", {}}.encode(), {});
  }
  left.pop_back();
}

void Supervisor::watch(Service& service) {
  if (!wants_process(service) && !overflows(service)) return unwatch(service);
  if (!service.watches.empty()) return;
  for (auto& listener : service.listeners) {
    auto call = [](int, short, void* self) {
      auto& of = *static_cast<Service*>(self);
      of.used = true;
      if (of.owner->wants_process(of)) of.owner->start(of);
      else of.owner->overflow(of);
    };
    auto* made = event_new(loop_.base(), listener->get(), EV_READ, call, &service);
    event_add(made, nullptr);
    service.watches.push_back(made);
  }
}

void Supervisor::unwatch(Service& service) {
  for (auto* watch : service.watches) event_free(watch);
  service.watches.clear();
}

// --- children

void Supervisor::start(Service& service) {
  if (stopping_ || service.throttled || !service.current) return;
  unwatch(service);
  size_t wanted = std::max<size_t>(service.spec.processes, service.children.size() + (service.children.empty() ? 0 : 1));
  wanted = std::min<size_t>(wanted, std::max(service.spec.processes, service.spec.processes_max));
  while (service.children.size() < wanted) {
    auto started = start_child(service);
    if (started) continue;
    owner_.cannot_start(service.spec, started.error());
    service.throttled = true;
    service.throttle = std::make_unique<net::Timer>(loop_, [this, &service] {
      service.throttled = false;
      watch(service);
      if (service.spec.at_start) start(service);
    });
    service.throttle->start(std::chrono::seconds(2));
    return;
  }
}

namespace {

// posix_spawn's three objects with their ends.
struct SpawnPlan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnPlan() {
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
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

std::vector<char*> c_strings(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

// The memory files that go with a hello; its field "memory" names them in their order.
Result<std::vector<Fd>> Supervisor::memory_for(Service& service, Child& child, ControlMessage& hello) {
  std::vector<Fd> files;
  std::string names;
  auto add = [&](const char* name, std::string_view bytes) -> Result<void> {
    auto memory = sealed_memory(name, bytes);
    if (!memory) return memory.error();
    files.push_back(std::move(*memory));
    names += format("{} ", name);
    return {};
  };
  Result<void> added;
  if (!service.spec.settings.empty()) added = add("settings", service.spec.settings);
  if (added && service.spec.wants_tickets && !tickets_.empty()) added = add("tickets", tickets_.reveal());
  if (!added) return added.error();
  auto& tally = tallies_[service.spec.name];
  if (!tally) {
    auto made = Tally::create();
    if (!made) return made.error();
    tally = std::move(*made);
  }
  child.cell = tally->take_cell();
  if (child.cell) {
    Fd shared(::fcntl(tally->fd(), F_DUPFD_CLOEXEC, 100));
    files.push_back(std::move(shared));
    names += "tally";
    hello.fields["cell"] = std::to_string(*child.cell);
    hello.fields["clients_max"] = std::to_string(service.spec.clients_max);
  }
  hello.fields["memory"] = names;
  return files;
}

Result<void> Supervisor::start_child(Service& service) {
  auto ends = net::seqpacket_pair();
  if (!ends) return ends.error();
  auto hello = service.spec.hello;
  hello.verb = "hello";
  for (size_t i = 0; i < service.listeners.size(); ++i) {
    hello.fields[format("listener.{}", i)] = service.spec.listeners[i].label;
  }
  if (std::exchange(service.woken, false)) hello.fields["wakeup"] = "1";
  Child child;
  auto memory = memory_for(service, child, hello);
  if (!memory) return memory.error();
  std::vector<int> passed;
  for (auto& fd : *memory) passed.push_back(fd.get());
  auto sent = net::try_send_message(ends->first.get(), hello.encode(), passed);
  if (!sent) return sent.error();
  Fd theirs(::fcntl(ends->second.get(), F_DUPFD_CLOEXEC, 100));
  SpawnPlan plan;
  // Whoever started the system waits for the end of its output: no child may hold that open.
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fd == STDERR_FILENO && keep_standard_error_) continue;
    posix_spawn_file_actions_addopen(&plan.files, fd, "/dev/null", O_RDWR, 0);
  }
  posix_spawn_file_actions_adddup2(&plan.files, theirs.get(), kControlFd);
  for (size_t i = 0; i < service.listeners.size(); ++i) {
    posix_spawn_file_actions_adddup2(&plan.files, service.listeners[i]->get(), kFirstListenerFd + static_cast<int>(i));
  }
  auto argv = service.spec.argv;
  auto environment = service.spec.environment;
  int error = posix_spawn(&child.pid, service.spec.path.c_str(), &plan.files, &plan.attributes, c_strings(argv).data(),
                          c_strings(environment).data());
  if (error != 0) {
    if (child.cell) tallies_[service.spec.name]->give_back(*child.cell);
    return errno_error(service.spec.path, error);
  }
  child.channel = std::make_shared<net::Channel>(loop_, std::move(ends->first));
  net::spawn(listen_to(&service, child.channel, child.pid), Logger("master"));
  service.children.push_back(std::move(child));
  return {};
}

Task<> Supervisor::listen_to(Service* service, std::shared_ptr<net::Channel> channel, pid_t pid) {
  // The service may be gone before this coroutine: it is looked at only while the child is known to it.
  for (;;) {
    auto message = co_await channel->receive();
    heard(service, pid, std::move(message));
  }
}

void Supervisor::heard(Service* service, pid_t pid, net::FdMessage message) {
  for (auto& known : services_) {
    if (known.get() != service) continue;
    for (auto& child : service->children) {
      if (child.pid != pid) continue;
      auto said = ControlMessage::decode(message.bytes);
      if (said.verb == "ready") child.ready = true;
      else if (said.verb == "idle") child.asked = true;
      else if (said.verb == "full" || said.verb == "room") child.full = said.verb == "full";
      else if (said.verb == "limit") {
        owner_.limit_reached(service->spec);
        if (service->spec.drops_oldest && said.number("made_room") == 0) ask_for_room(*service);
        return;
      } else if (said.verb == "no_room") {
        auto* current = find(service->spec.name);
        if (current && !current->may_make_room.empty()) ask_for_room(*current);
        return;
      }
      else owner_.child_said(service->spec, pid, said, std::move(message.fds));
      return watch(*service);
    }
  }
}

void Supervisor::reap() {
  for (;;) {
    int status = 0;
    pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) break;
    for (auto& service : services_) {
      auto child = service->children.begin();
      while (child != service->children.end() && child->pid != pid) ++child;
      if (child == service->children.end()) continue;
      child_gone(*service, child, status);
      break;
    }
  }
  services_.remove_if([](auto& service) { return !service->current && service->children.empty(); });
  if (stopping_ && children() == 0 && stopped_) std::exchange(stopped_, nullptr)();
}

void Supervisor::child_gone(Service& service, std::list<Child>::iterator child, int status) {
  bool ready = child->ready, asked = child->asked || stopping_;
  pid_t pid = child->pid;
  if (child->cell) tallies_[service.spec.name]->give_back(*child->cell);
  child->channel->close();
  service.children.erase(child);
  auto pause = owner_.child_ended({service.spec, pid, status, ready, asked});
  if (!service.current || stopping_) return;
  if (pause.count() > 0) {
    service.throttled = true;
    service.throttle = std::make_unique<net::Timer>(loop_, [this, &service] {
      service.throttled = false;
      if (service.spec.at_start) start(service);
      else watch(service);
    });
    service.throttle->start(pause);
    return;
  }
  bool failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  if (service.spec.at_start || (failed && !service.children.empty())) start(service);
  else watch(service);
}

// --- wake-ups

void Supervisor::schedule_wakeup(Service& service) {
  service.wakeup = std::make_unique<net::Timer>(loop_, [this, &service] {
    if (!service.spec.wakeup_if_used || service.used) deliver_wakeup(service);
    service.wakeup->start(service.spec.wakeup);
  });
  service.wakeup->start(service.spec.wakeup);
}

void Supervisor::deliver_wakeup(Service& service) {
  if (service.children.empty()) {
    service.woken = true;
    start(service);
    return;
  }
  for (auto& child : service.children) {
    (void)net::try_send_message(child.channel->fd(), ControlMessage{"wakeup", {}}.encode(), {});
  }
}

Supervisor::Service* Supervisor::find(std::string_view name) {
  for (auto& service : services_) {
    if (service->current && service->spec.name == name) return service.get();
  }
  return nullptr;
}

void Supervisor::wake(std::string_view name) {
  if (auto* service = find(name)) deliver_wakeup(*service);
}

bool Supervisor::start_now(std::string_view name) {
  auto* service = find(name);
  if (!service) return false;
  start(*service);
  return !service->children.empty();
}

bool Supervisor::tell(std::string_view name, const ControlMessage& message, const std::vector<int>& fds) {
  auto* service = find(name);
  if (!service || service->children.empty()) return false;
  bool told = false;
  for (auto& child : service->children) {
    auto sent = net::try_send_message(child.channel->fd(), message.encode(), fds);
    told |= sent && *sent;
  }
  return told;
}

void Supervisor::tell_process(pid_t pid, const ControlMessage& message) {
  for (auto& service : services_) {
    for (auto& child : service->children) {
      if (child.pid == pid) (void)net::try_send_message(child.channel->fd(), message.encode(), {});
    }
  }
}

void Supervisor::broadcast(const ControlMessage& message) {
  for (auto& service : services_) {
    for (auto& child : service->children) (void)net::try_send_message(child.channel->fd(), message.encode(), {});
  }
}

void Supervisor::hand_out(Service& service, const char* verb, std::string_view bytes) {
  for (auto& child : service.children) {
    auto memory = sealed_memory(verb, bytes);  // each its own: processes with one file share its offset
    auto sent = memory ? net::try_send_message(child.channel->fd(), ControlMessage{verb, {}}.encode(), {memory->get()})
                       : Result<bool>(memory.error());
    if (!sent) owner_.cannot_start(service.spec, sent.error().wrap(format("new {} for process {}", verb, child.pid)));
  }
}

void Supervisor::renew(std::string_view name, std::string settings) {
  auto* service = find(name);
  if (!service) return;
  base::wipe(service->spec.settings);
  service->spec.settings = std::move(settings);
  hand_out(*service, "settings", service->spec.settings);
}

void Supervisor::set_tickets(Secret keys) {
  tickets_ = std::move(keys);
  for (auto& service : services_) {
    if (service->spec.wants_tickets) hand_out(*service, "tickets", tickets_.reveal());
  }
}

// --- the end

void Supervisor::stop(std::chrono::milliseconds patience, std::function<void()> then) {
  stopping_ = true;
  stopped_ = std::move(then);
  for (auto& service : services_) {
    service->wakeup.reset();
    service->throttle.reset();
    unwatch(*service);
    for (auto& child : service->children) child.asked = true;
  }
  broadcast(ControlMessage{"stop", {}});
  stop_timer_ = std::make_unique<net::Timer>(loop_, [this] {
    for (pid_t pid : pids()) ::kill(pid, SIGKILL);
  });
  stop_timer_->start(patience);
  if (children() == 0 && stopped_) std::exchange(stopped_, nullptr)();
}

size_t Supervisor::children() const { return pids().size(); }

std::vector<pid_t> Supervisor::pids() const {
  std::vector<pid_t> all;
  for (auto& service : services_) {
    for (auto& child : service->children) all.push_back(child.pid);
  }
  return all;
}

}  // namespace dovetail::service
