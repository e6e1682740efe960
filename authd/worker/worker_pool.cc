// SPDX-License-Identifier: Apache-2.0
#include "authd/worker/worker_pool.h"

#include "common/base/text.h"
#include "common/net/listen.h"

namespace dovetail::authd {

namespace {

constexpr size_t kWorkerLine = 65536;
constexpr base::Milliseconds kIdleWorker{60'000};

struct NamedPassdbResult {
  std::string_view word;
  PassdbResult result;
};
constexpr NamedPassdbResult worker_results[] = {
    {"ok", PassdbResult::ok},           {"mismatch", PassdbResult::mismatch},
    {"unknown", PassdbResult::unknown}, {"disabled", PassdbResult::disabled},
    {"expired", PassdbResult::expired},
};

std::vector<FieldTemplate> fields_from(const proto::AuthFields& fields) {
  std::vector<FieldTemplate> out;
  for (const auto& field : fields) out.push_back({field.name, field.value});
  return out;
}

// pam, shadow, passwd: they block, so a worker asks them. It also writes their log lines.
class WorkerPassdb : public Passdb {
 public:
  WorkerPassdb(WorkerPool* workers, std::string driver, std::string args)
      : workers_(workers), driver_(std::move(driver)), args_(std::move(args)) {}
  std::string_view driver() const override { return driver_; }
  std::string default_scheme() const override { return "CRYPT"; }
  bool verifies_itself() const override { return driver_ == "pam"; }

  net::Task<PassdbReply> lookup(const Request& request) override {
    auto reply = co_await ask("PASS", request);
    co_return reply;
  }
  net::Task<PassdbReply> verify(const Request& request) override {
    auto reply = co_await ask("VERIFY", request);
    co_return reply;
  }

 private:
  net::Task<PassdbReply> ask(std::string_view command, const Request& request) {
    PassdbReply reply;
    if (!workers_) co_return reply;
    auto answer = co_await workers_->ask(worker_question_line(command, driver_, args_, request));
    for (const auto& row : worker_results) {
      if (row.word == answer.result) reply.result = row.result;
    }
    reply.fields = fields_from(answer.fields);
    co_return reply;
  }

  WorkerPool* workers_;
  std::string driver_, args_;
};

class WorkerUserdb : public Userdb {
 public:
  WorkerUserdb(WorkerPool* workers, std::string args) : workers_(workers), args_(std::move(args)) {}
  std::string_view driver() const override { return "passwd"; }
  bool can_list() const override { return true; }

  net::Task<UserdbReply> lookup(const Request& request) override {
    UserdbReply reply;
    if (!workers_) co_return reply;
    auto answer = co_await workers_->ask(worker_question_line("USER", "passwd", args_, request));
    if (answer.result == "ok") reply.result = UserdbResult::ok;
    if (answer.result == "unknown") reply.result = UserdbResult::unknown;
    reply.fields = fields_from(answer.fields);
    co_return reply;
  }

  net::Task<Result<std::vector<std::string>>> list() override {
    if (!workers_) co_return temporary("passwd: no auth-worker");
    Request nobody;
    auto answer = co_await workers_->ask(worker_question_line("LIST", "passwd", args_, nobody));
    if (answer.result != "ok") co_return temporary("passwd: listing users failed");
    co_return std::move(answer.users);
  }

 private:
  WorkerPool* workers_;
  std::string args_;
};

}  // namespace

WorkerPool::WorkerPool(net::Loop& loop, std::string path, unsigned max_count, Logger log)
    : loop_(loop),
      path_(std::move(path)),
      max_count_(max_count == 0 ? 1 : max_count),
      log_(std::move(log)),
      freed_(loop),
      idle_timer_(loop, [this] { close_idle(); }) {}

net::Task<std::unique_ptr<net::Conn>> WorkerPool::take() {
  if (!idle_.empty()) {
    auto conn = std::move(idle_.back().conn);
    idle_.pop_back();
    co_return std::move(conn);
  }
  auto address = SockAddr::unix_path(path_);
  if (!address) {
    log_.error("auth-worker: connect({}) failed: File name too long", path_);
    co_return nullptr;
  }
  auto fd = co_await net::connect_to(loop_, *address, base::Milliseconds(5000));
  if (!fd) {
    log_.error("auth-worker: connect({}) failed: {}", path_, fd.error().text);
    co_return nullptr;
  }
  auto conn = std::make_unique<net::Conn>(loop_, std::move(*fd));
  conn->set_timeout(base::Milliseconds(1000 * (kWorkerSeconds + 5)));
  try {
    auto greeting = co_await conn->read_line(kWorkerLine);
    if (greeting.text == kWorkerGreeting) co_return std::move(conn);
    log_.error("auth-worker: {} is not a worker of this version", path_);
  } catch (const IoError& io) {
    log_.error("auth-worker: {}: {}", path_, io.message());
  }
  co_return nullptr;
}

net::Task<WorkerAnswer> WorkerPool::talk(net::Conn& conn, std::string line) {
  WorkerAnswer answer;
  conn.put(line);
  base::wipe(line);
  for (;;) {
    auto reply = co_await conn.read_line(kWorkerLine);
    const auto words = base::split(reply.text, '\t');
    if (words[0] == "USER" && words.size() == 2) {
      answer.users.push_back(proto::tab_unescape(words[1]));
      continue;
    }
    answer.result = words[0];
    answer.fields = proto::AuthFields::parse(words, 1);
    co_return answer;
  }
}

net::Task<WorkerAnswer> WorkerPool::ask(std::string line) {
  while (busy_ >= max_count_) co_await freed_.wait();
  ++busy_;
  WorkerAnswer answer;
  // A worker may have gone since its last question (idle_kill, reload): a second try gets a new one.
  for (int attempt = 0; attempt < 2 && answer.result.empty(); ++attempt) {
    const bool fresh = idle_.empty();
    auto conn = co_await take();
    if (!conn) break;
    std::string why;
    try {
      answer = co_await talk(*conn, line);
      idle_.push_back({std::move(conn), base::monotonic_now()});
      idle_timer_.start(kIdleWorker);
    } catch (const IoError& io) {
      why = io.message();
    }
    if (why.empty() || !fresh) continue;
    log_.error("auth-worker: worker was lost in the middle of a request: {}", why);
    break;
  }
  base::wipe(line);
  --busy_;
  freed_.set();
  co_return answer;
}

void WorkerPool::close_idle() {
  const auto now = base::monotonic_now();
  std::erase_if(idle_,
                [now](const Worker& worker) { return now - worker.idle_since >= kIdleWorker; });
  if (!idle_.empty()) idle_timer_.start(kIdleWorker);
}

std::unique_ptr<Passdb> make_worker_passdb(WorkerPool* workers, std::string driver,
                                           std::string args) {
  return std::make_unique<WorkerPassdb>(workers, std::move(driver), std::move(args));
}

std::unique_ptr<Userdb> make_worker_userdb(WorkerPool* workers, std::string args) {
  return std::make_unique<WorkerUserdb>(workers, std::move(args));
}

}  // namespace dovetail::authd
