// Which databases there are, and whether their servers accept connections.
// SPDX-License-Identifier: Apache-2.0
#include "check/sql/databases.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "check/site.h"
#include "check/tables.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/ext_file.h"
#include "conf/postfix/table_cf.h"

namespace dovetail::check {

namespace {

struct ProbePlan {
  int milliseconds;
  bool greets;  // the server speaks first, at once
};

// Empty: somebody is there.
std::string try_to_connect(const sockaddr* address, socklen_t length, const ProbePlan& plan) {
  Fd fd(socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::strerror(errno);
  if (connect(fd.get(), address, length) != 0 && errno != EINPROGRESS) return std::strerror(errno);
  pollfd waiting{fd.get(), POLLOUT, 0};
  if (poll(&waiting, 1, plan.milliseconds) == 0) return std::strerror(ETIMEDOUT);
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error || !plan.greets) return error ? std::strerror(error) : "";
  waiting.events = POLLIN;
  return poll(&waiting, 1, plan.milliseconds) > 0 ? "" : "accepts connections and says nothing";
}

std::string try_host(const std::string& host, unsigned port, const ProbePlan& plan) {
  if (host.starts_with('/')) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (host.size() >= sizeof(address.sun_path)) return "path is too long";
    std::memcpy(address.sun_path, host.data(), host.size());
    return try_to_connect(reinterpret_cast<sockaddr*>(&address), sizeof(address), plan);
  }
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) return gai_strerror(status);
  std::string error = "no address";
  for (auto* one = found; one && !error.empty(); one = one->ai_next)
    error = try_to_connect(one->ai_addr, one->ai_addrlen, plan);
  freeaddrinfo(found);
  return error;
}

// "inet:h:3306", "unix:/s", "h:3306", "h" of hosts = ...
std::string plain_host(std::string_view word) {
  // A URI says more than its hosts; the library reads it.
  if (word.starts_with("postgresql:") || word.starts_with("postgres:")) return {};
  if (word.starts_with("inet:")) return std::string(word.substr(5));
  if (word.starts_with("unix:")) return std::string(word.substr(5));
  return std::string(word);
}

// Connector/C reads "localhost" as its default socket; only the library knows where that is.
bool is_default_socket(const SqlSource& source, const std::string& host) {
  return source.driver == "mysql" && host == "localhost";
}

std::pair<std::string, unsigned> host_and_port(const SqlSource& source, const std::string& host) {
  // PostgreSQL's are folders.
  if (host.starts_with('/') && source.driver == "pgsql" && host.find(".s.PGSQL") == host.npos)
    return {format("{}/.s.PGSQL.{}", host, source.port), 0};
  if (host.starts_with('/')) return {host, 0};
  auto [name, port] = base::cut_last(host, ':');
  auto number = port ? base::parse_number<unsigned>(*port) : std::nullopt;
  return {std::string(number ? name : std::string_view(host)), number.value_or(source.port)};
}

}  // namespace

namespace {

struct ConnectWord {
  const char* table;         // in a mysql_table(5) file
  std::string_view connect;  // in connect of a dovecot-sql.conf.ext
  std::string SqlSource::*field;
};
// clang-format off
constexpr ConnectWord connect_words[] = {
    {"option_file",   "option_file",  &SqlSource::option_file},
    {"option_group",  "option_group", &SqlSource::option_group},
    {"tls_key_file",  "ssl_key",      &SqlSource::tls_key_file},
    {"tls_cert_file", "ssl_cert",     &SqlSource::tls_cert_file},
    {"tls_CAfile",    "ssl_ca",       &SqlSource::tls_ca_file},
    {"tls_CApath",    "ssl_ca_path",  &SqlSource::tls_ca_path},
    {"tls_ciphers",   "ssl_cipher",   &SqlSource::tls_ciphers},
};
// clang-format on

}  // namespace

SqlSource parse_connect(std::string_view driver, std::string_view connect) {
  SqlSource source;
  source.driver = driver;
  if (driver == "pgsql") source.port = 5432;
  if (driver == "sqlite") {
    source.path = base::trim(connect);
    return source;
  }
  for (auto word : base::words(connect, " ")) {
    auto [name, value] = base::cut(word, '=');
    if (!value) continue;
    if (name == "host" || name == "hostaddr") source.hosts.emplace_back(*value);
    if (name == "user") source.user = *value;
    if (name == "dbname") source.dbname = *value;
    if (name == "password") source.password = Secret(*value);
    if (name == "port") source.port = base::parse_number<unsigned>(*value).value_or(source.port);
    if (name == "ssl_verify_server_cert") source.tls_verify_cert = *value == "yes";
    for (auto& known : connect_words) {
      if (name == known.connect) source.*known.field = *value;
    }
  }
  // Without a file the group is not read.
  if (source.option_file.empty())
    source.option_group.clear();
  else if (source.option_group.empty())
    source.option_group = "client";
  return source;
}

// Shared with the thread that tries, which may outlive the check.
struct Databases::Probe {
  std::mutex lock;
  std::condition_variable done;
  bool finished = false;
  std::string error;

  const std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();

  std::string wait(base::Milliseconds patience) {
    std::unique_lock<std::mutex> hold(lock);
    if (done.wait_until(hold, begin + patience, [this] { return finished; })) return error;
    return format("no answer within {} ms", patience.count());
  }
};

Databases::Databases(Site& site) : site_(site) {
  if (site.has_dovecot()) read_dovecot();
  for (auto& one : dovecot_) {
    for (auto& host : one.source.hosts) {
      auto [name, port] = host_and_port(one.source, host);
      probe(one.source, name, port);
    }
  }
}

Databases::~Databases() = default;

void Databases::read_dovecot() {
  std::vector<std::string> seen;
  for (auto& name : site_.view().names("passdb")) {
    auto prefix = "passdb/" + name;
    if (site_.dovecot_get(prefix + "/driver") != "sql") continue;
    auto path = site_.dovecot_get(prefix + "/args");
    auto settings = conf::dovecot::read_ext_file(path);
    if (!settings) {
      bool denied = access(path.c_str(), R_OK) != 0 && errno == EACCES;
      unreadable_.push_back({site_.dovecot_at(prefix + "/args"), settings.error().text, denied});
      continue;
    }
    DovecotSql one;
    std::string driver, connect;
    int connect_line = 0;
    for (auto& setting : *settings) {
      Place place{path, static_cast<int>(setting.line)};
      auto value = setting.value.reveal();
      if (setting.key == "driver") driver = value;
      if (setting.key == "connect") {
        connect = value;
        connect_line = place.line;
      }
      if (setting.key == "default_pass_scheme") {
        one.default_scheme = value;
        one.scheme_place = place;
      }
      if (setting.key == "password_query") {
        one.password_query = value;
        one.password_place = place;
      }
      if (setting.key == "user_query") one.user_query = value;
    }
    one.source = parse_connect(driver, connect);
    base::wipe(connect);
    one.source.place = {path, connect_line};
    dovecot_.push_back(std::move(one));
  }
}

const SqlSource* Databases::source_of(const TableRef& table) {
  auto known = tables_.find(table.text());
  if (known != tables_.end()) return known->second ? &*known->second : nullptr;
  auto& made = tables_[table.text()];
  if (table.type != "mysql" && table.type != "pgsql" && table.type != "sqlite") return nullptr;
  auto cf = conf::TableCf::open(site_.main_cf(), table.type, table.name);
  if (!cf) return nullptr;
  made.emplace();
  made->driver = table.type;
  made->place = {table.name, 0};
  made->path = cf->get("dbpath");
  made->user = cf->get("user");
  made->dbname = cf->get("dbname");
  if (table.type == "pgsql") made->port = 5432;
  made->password = Secret(cf->get("password"));
  for (auto& word : connect_words) (*made).*word.field = cf->get(word.table);
  if (made->option_group.empty()) made->option_group = "client";
  made->tls_verify_cert = cf->get("tls_verify_cert") == "yes";
  auto hosts = cf->get("hosts", table.type == "mysql" ? "localhost" : "");
  for (auto word : base::words(hosts, " \t\r\n,")) {
    auto host = plain_host(word);
    if (!host.empty()) made->hosts.push_back(std::move(host));
  }
  if (table.type == "sqlite") made->hosts.clear();
  return &*made;
}

std::shared_ptr<Databases::Probe> Databases::probe(const SqlSource& source, const std::string& host,
                                                   unsigned port) {
  auto& known = probes_[format("{} {}", host, port)];
  if (known) return known;
  known = std::make_shared<Probe>();
  ProbePlan plan{static_cast<int>(site_.options().patience.count()), source.driver == "mysql"};
  std::thread([probe = known, host, port, plan] {
    auto error = try_host(host, port, plan);
    std::lock_guard<std::mutex> hold(probe->lock);
    probe->error = error;
    probe->finished = true;
    probe->done.notify_all();
  }).detach();
  return known;
}

std::string Databases::absent(const SqlSource& source, const std::string& host) {
  auto [name, port] = host_and_port(source, host);
  if (is_default_socket(source, name)) return {};
  auto error = probe(source, name, port)->wait(site_.options().patience);
  if (error.empty()) return error;
  return format("{}{}: {}", name, port ? format(" port {}", port) : "", error);
}

void Databases::expect(const TableRef& table) {
  auto* source = source_of(table);
  if (!source) return;
  for (auto& host : source->hosts) {
    auto [name, port] = host_and_port(*source, host);
    if (!is_default_socket(*source, name)) probe(*source, name, port);
  }
}

std::optional<std::string> Databases::down(const TableRef& table) {
  auto* source = source_of(table);
  return source ? down(*source) : std::nullopt;
}

std::optional<std::string> Databases::down(const SqlSource& source) {
  if (auto known = refused_.find(source.place.file); known != refused_.end()) return known->second;
  if (source.hosts.empty()) return std::nullopt;
  std::vector<std::string> reasons;
  for (auto& host : source.hosts) {
    auto reason = absent(source, host);
    if (reason.empty()) return std::nullopt;
    reasons.push_back(std::move(reason));
  }
  return base::join(reasons, ", ");
}

Result<SqlRows> Databases::rows(const TableRef& table, const std::string& query) {
  auto* source = source_of(table);
  if (!source) return config_error("not an SQL table");
  return rows(*source, query);
}

Result<SqlRows> Databases::rows(const SqlSource& source, const std::string& query) {
  if (source.driver == "sqlite") return sqlite_rows(source, query);
  if (source.driver != "mysql")
    return config_error(format("driver {} is not known to this check", source.driver));
  Result<SqlRows> answer = temporary("no host");
  for (auto& host : source.hosts) {
    if (!absent(source, host).empty()) continue;
    auto [name, port] = host_and_port(source, host);
    SqlSource one = source;
    one.port = port;
    answer = mysql_rows(one, name, query);
    if (answer) return answer;
  }
  // Who was not let in is not let in the next time; a query that is wrong says nothing of the next one.
  if (answer.error().fault == Fault::temporary) refused_[source.place.file] = answer.error().text;
  return answer;
}

std::vector<SqlSource> Databases::sources() const {
  std::vector<SqlSource> all;
  for (auto& [name, source] : tables_) {
    if (source) all.push_back(*source);
  }
  for (auto& one : dovecot_) all.push_back(one.source);
  return all;
}

}  // namespace dovetail::check
