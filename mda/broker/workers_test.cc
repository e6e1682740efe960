// What becomes of the jobs of a worker that dies. The test program itself, under another name, is the worker: it does
// what the jobs say.
// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "common/service/service.h"
#include "tests/catch.h"

namespace dovetail::mda {
namespace {

using service::ControlMessage;

constexpr const char* kFakeName = "fake-worker";

void fake_say(const std::string& verb, const ControlMessage& job) {
  ControlMessage said{verb, {}};
  if (job.fields.contains("id")) said.fields["id"] = job.get("id");
  auto bytes = said.encode();
  (void)!::write(service::kControlFd, bytes.data(), bytes.size());
}

// Ends the worker as often as its field says: a file beside the program counts.
void fake_delivery(const ControlMessage& job) {
  auto deaths = job.get("deaths");
  auto fd = ::open(deaths.c_str(), O_WRONLY | O_APPEND);
  auto left = ::lseek(fd, 0, SEEK_END);
  fake_say("ready", job);
  if (left > 0) {
    (void)!::ftruncate(fd, left - 1);
    ::raise(SIGKILL);
  }
  fake_say("answer", job);
  ::close(fd);
}

// A job "first" does what its field "then" says and ends the process, with the next job unread; any other is done.
[[noreturn]] void fake_worker() {
  std::array<char, 4096> buffer;
  for (;;) {
    pollfd wait{service::kControlFd, POLLIN, 0};
    ::poll(&wait, 1, -1);
    ssize_t n = ::recv(service::kControlFd, buffer.data(), buffer.size(), 0);
    if (n <= 0) ::_exit(0);
    auto job = ControlMessage::decode(std::string_view(buffer.data(), static_cast<size_t>(n)));
    if (job.verb == "hello") continue;
    if (job.verb == "deliver") fake_delivery(job);
    if (job.verb == "deliver") continue;
    fake_say("taken", job);
    if (job.verb != "first") {
      fake_say("ended", job);
      continue;
    }
    if (job.get("then") == "answer") fake_say("answer", job);
    ::poll(&wait, 1, -1);
    ::raise(SIGKILL);
  }
}

struct FakeStart {
  FakeStart() {
    if (std::string_view(program_invocation_short_name) == kFakeName) fake_worker();
  }
};
const FakeStart fake_start;

struct Ends {
  std::array<std::string, 2> words;
  int left = 2;
};

Task<> wait_for(net::Event& event) {
  co_await event.wait();
}

// The worker's last word for a delivery on which so many workers die; "lost" if there is none.
std::string end_of_delivery(size_t deaths) {
  char directory[] = "/tmp/workers_test-XXXXXX";
  REQUIRE(::mkdtemp(directory) != nullptr);
  auto program = std::string(directory) + "/" + kFakeName;
  std::filesystem::create_symlink(std::filesystem::read_symlink("/proc/self/exe"), program);
  auto counter = std::string(directory) + "/deaths";
  auto fd = base::open_file(counter, O_WRONLY | O_CREAT);
  REQUIRE((fd && base::write_all(fd->get(), std::string(deaths, 'x'))));
  std::string word;
  {
    Loop loop;
    net::Event over(loop);
    WorkerStart start;
    start.program = program;
    Workers workers(loop, Logger("test"), start);
    auto done = [&](const ControlMessage* said) {
      word = said ? said->verb : "lost";
      over.set();
    };
    ControlMessage message{"deliver", {}};
    message.fields["deaths"] = counter;
    REQUIRE(
        workers.give({::getuid(), ::getgid(), {}, ""}, "frank", message, base::Fd(::dup(0)), done));
    net::run_until_done(loop, wait_for(over));
  }
  std::filesystem::remove_all(directory);
  return word;
}

// Both jobs are with the first worker, and it is dead, before the loop turns.
Ends ends_of_two_jobs(const std::string& then) {
  char directory[] = "/tmp/workers_test-XXXXXX";
  REQUIRE(::mkdtemp(directory) != nullptr);
  auto program = std::string(directory) + "/" + kFakeName;
  std::filesystem::create_symlink(std::filesystem::read_symlink("/proc/self/exe"), program);
  Ends ends;
  {
    Loop loop;
    net::Event all(loop);
    WorkerStart start;
    start.program = program;
    Workers workers(loop, Logger("test"), start);
    auto done = [&](size_t job) {
      return [&ends, &all, job](const ControlMessage* said) {
        ends.words[job] = said ? said->verb : "lost";
        if (--ends.left == 0) all.set();
      };
    };
    MailIdentity identity{::getuid(), ::getgid(), {}, ""};
    ControlMessage first{"first", {}};
    first.fields["then"] = then;
    auto one = workers.give(identity, "frank", first, base::Fd(::dup(0)), done(0));
    auto two = workers.give(identity, "frank", {"second", {}}, base::Fd(::dup(0)), done(1));
    REQUIRE(one);
    REQUIRE(two);
    CHECK(one->pid == two->pid);
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(one->pid), &info, WEXITED | WNOWAIT) == 0);
    net::run_until_done(loop, wait_for(all));
  }
  std::filesystem::remove_all(directory);
  return ends;
}

TEST_CASE("a job that a killed worker has not taken goes to the next one, said it ready or not") {
  auto ends = ends_of_two_jobs("nothing");
  CHECK(ends.words[0] == "lost");
  CHECK(ends.words[1] == "ended");
}

TEST_CASE("a delivery whose worker is killed goes to the next one, once") {
  CHECK(end_of_delivery(0) == "answer");
  CHECK(end_of_delivery(1) == "answer");
  CHECK(end_of_delivery(2) == "lost");
}

TEST_CASE("the answer of a worker killed with a job unread is heard") {
  auto ends = ends_of_two_jobs("answer");
  CHECK(ends.words[0] == "answer");
  CHECK(ends.words[1] == "ended");
}

}  // namespace
}  // namespace dovetail::mda
