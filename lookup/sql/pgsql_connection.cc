// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/pgsql_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "common/base/text.h"
#include "common/net/address.h"

namespace dovetail::lookup {
namespace {

constexpr base::Seconds kPgConnectTime{10};
constexpr base::Seconds kPgQueryTime{60};
constexpr int kGssSince = 120000;  // library versions that know gssencmode

struct PgResultFree {
  void operator()(pg_result* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<pg_result, PgResultFree>;

// The library's messages are of one or more lines; their ends show as '?', as in the incumbent's log.
std::string one_line(std::string_view text) {
  return base::printable(text, true);
}

// The errno behind a message: the library keeps none.
int errno_in(std::string_view message) {
  for (int number : {ECONNREFUSED, ENOENT, EACCES, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH}) {
    if (message.find(strerror(number)) != std::string_view::npos) return number;
  }
  return EAGAIN;
}

void append_values(const pg_result* result, SqlValues& values) {
  int rows = PQntuples(result), columns = PQnfields(result);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      // NULL and empty are the same to the incumbent's pgsql tables: an empty value, which is a warning.
      values.emplace_back(std::in_place, PQgetvalue(result, row, column),
                          static_cast<size_t>(PQgetlength(result, row, column)));
    }
  }
}

}  // namespace

PgsqlConnection::~PgsqlConnection() {
  watch_.reset();
  if (pg_) PQfinish(pg_);
}

// hostaddr is what is connected to; host stays the name that certificates and password files are about.
void PgsqlConnection::start(const SqlHost& host, const std::string& address) {
  auto& settings = *settings_;
  std::string password(settings.password.reveal());
  std::string port = host.port ? format("{}", host.port) : std::string();
  const auto& place = host.socket_path.empty() ? host.name : host.socket_path;
  bool numeric = host.socket_path.empty() && SockAddr::ip(address, 0);
  std::vector<const char*> names, values;
  auto give = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    names.push_back(name);
    values.push_back(value.c_str());
  };
  if (host.uri) {
    give("dbname", host.name);  // the whole connection string; what it leaves out follows
    if (base::cut(host.name.substr(host.name.find("//") + 2), '/').first.find('@') ==
        std::string_view::npos) {
      give("user", settings.user);
      give("password", password);
    }
  } else {
    give("host", place);
    if (numeric) give("hostaddr", address);
    give("port", port);
    give("dbname", settings.dbname);
    give("user", settings.user);
    give("password", password);
  }
  give("client_encoding", settings.encoding);
  // Its negotiation would block in calls of the Kerberos library.
  static const std::string disable = "disable";
  if (!host.uri && PQlibVersion() >= kGssSince) give("gssencmode", disable);
  names.push_back(nullptr);
  values.push_back(nullptr);
  pg_ = PQconnectStartParams(names.data(), values.data(), 1);
  base::wipe(password);
}

// The only place here where IoError is caught: a connection attempt or query that takes too long is an Error of its own.
Task<bool> PgsqlConnection::wait(Waiting what, bool new_socket) {
  int fd = PQsocket(pg_);
  // While connecting the library may close one socket and open the next under the same number.
  if (new_socket || fd != watched_) {
    watch_.reset();
    watch_.emplace(loop_, fd);
    watched_ = fd;
  }
  auto left = what.until - base::monotonic_now();
  if (left.count() <= 0) co_return false;
  bool in_time = true;
  try {
    if (what.read) {
      watch_->not_readable();
      co_await watch_->readable(left);
    } else {
      watch_->not_writable();
      co_await watch_->writable(left);
    }
  } catch (const IoError& error) {
    if (error.why != IoError::timeout) throw;
    in_time = false;
  }
  co_return in_time;
}

Error PgsqlConnection::failure(std::string text) {
  lost_ = !pg_ || PQstatus(pg_) != CONNECTION_OK;
  error_number_ = EAGAIN;
  return temporary(one_line(text));
}

Task<Result<void>> PgsqlConnection::connect(const SqlHost& host, std::string address) {
  lost_ = true;
  error_number_ = EAGAIN;
  start(host, address);
  if (!pg_) co_return temporary("out of memory");
  auto until = base::monotonic_now() + kPgConnectTime;
  auto step = PQstatus(pg_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (step == PGRES_POLLING_READING || step == PGRES_POLLING_WRITING) {
    Waiting what;
    what.read = step == PGRES_POLLING_READING;
    what.until = until;
    bool in_time = co_await wait(what, true);
    if (!in_time) {
      error_number_ = ETIMEDOUT;
      co_return temporary("timeout expired");
    }
    step = PQconnectPoll(pg_);
  }
  if (step != PGRES_POLLING_OK) {
    error_number_ = errno_in(PQerrorMessage(pg_));
    co_return temporary(one_line(PQerrorMessage(pg_)));
  }
  PQsetnonblocking(pg_, 1);
  lost_ = false;
  co_return Result<void>();
}

std::optional<std::string> PgsqlConnection::escape(std::string_view text) const {
  std::string escaped(text.size() * 2 + 1, '\0');
  int error = 0;
  escaped.resize(PQescapeStringConn(pg_, escaped.data(), text.data(), text.size(), &error));
  if (error) return std::nullopt;
  return escaped;
}

bool PgsqlConnection::closed_by_server() const {
  pollfd check{PQsocket(pg_), POLLIN | POLLRDHUP, 0};
  return ::poll(&check, 1, 0) != 0;
}

// All of the question on its way; the server may have to be heard meanwhile.
Task<bool> PgsqlConnection::send(base::Milliseconds until) {
  for (;;) {
    int left = PQflush(pg_);
    if (left <= 0) co_return left == 0;
    Waiting what;
    what.until = until;
    bool in_time = co_await wait(what, false);
    if (!in_time) co_return false;
  }
}

Task<Result<SqlValues>> PgsqlConnection::query(std::string text) {
  auto until = base::monotonic_now() + kPgQueryTime;
  if (!PQsendQuery(pg_, text.c_str())) {
    auto error = failure(PQerrorMessage(pg_));
    lost_ = true;
    co_return error;
  }
  bool sent = co_await send(until);
  SqlValues values;
  std::optional<Error> refused;
  while (sent) {
    while (PQisBusy(pg_)) {
      Waiting what;
      what.read = true;
      what.until = until;
      bool in_time = co_await wait(what, false);
      if (!in_time) {
        lost_ = true;
        error_number_ = ETIMEDOUT;
        co_return temporary("no answer within a minute");
      }
      if (!PQconsumeInput(pg_)) {
        auto error = failure(PQerrorMessage(pg_));
        lost_ = true;
        co_return error;
      }
    }
    PgResult result(PQgetResult(pg_));
    if (!result) break;
    auto status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK)
      append_values(result.get(), values);
    else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
      refused = temporary(one_line(PQresultErrorMessage(result.get())));
  }
  if (refused || !sent) {
    auto error = failure(refused ? refused->text : PQerrorMessage(pg_));
    if (!sent) lost_ = true;
    co_return error;
  }
  co_return values;
}

}  // namespace dovetail::lookup
