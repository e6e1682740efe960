// sendmail: submits mail through postdrop, which is set-gid; this program has no rights of its own. Queue runs, aliases and
// SMTP on standard input are other programs'. Manual: sendmail(1).
// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "conf/postfix/environment.h"
#include "mta/tools/common/tool.h"
#include "mta/tools/sendmail/stand_alone.h"
#include "mta/tools/sendmail/submission.h"

namespace dovetail::mta {
namespace {

constexpr int kTempFail = 75;

const Logger& sendmail_log() {
  static const Logger log("sendmail");
  return log;
}

[[noreturn]] void sendmail_fatal(const std::string& text) {
  tool_fatal(sendmail_log(), kTempFail, text);
}

// The caller's full name: $NAME, or the first part of his passwd entry with '&' as his capitalised login name.
std::string caller_full_name() {
  if (const char* name = getenv("NAME")) return name;
  const passwd* entry = getpwuid(getuid());
  if (!entry || !entry->pw_gecos) return {};
  std::string login = entry->pw_name, out;
  for (const char* p = entry->pw_gecos; *p && *p != ',' && *p != ';' && *p != '%'; ++p) {
    if (*p != '&') {
      out += *p;
      continue;
    }
    out += login;
    if (!login.empty()) out[out.size() - login.size()] = base::to_upper(login[0]);
  }
  return out;
}

// A running postdrop -r.
struct Postdrop {
  std::string command;
  pid_t pid = -1;
  Fd to, from;

  static Postdrop run(const std::string& path) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
      sendmail_fatal(format("pipe: {}", strerror(errno)));
    Postdrop child{path + " -r"};
    child.pid = fork();
    if (child.pid < 0) sendmail_fatal(format("fork: {}", strerror(errno)));
    if (child.pid == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      execl(path.c_str(), "postdrop", "-r", nullptr);
      sendmail_log().fatal("{}: {}", path, strerror(errno));
      _exit(1);
    }
    close(in[0]);
    close(out[1]);
    child.to = Fd(in[1]);
    child.from = Fd(out[0]);
    return child;
  }

  // Its answer to the E record: NUL-terminated words. A missing status is a failed postdrop.
  void finish(const std::string& user) {
    to.reset();
    auto answer = base::read_all(from.get(), 65536);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      int number = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
      sendmail_log().warning("command \"{}\" exited with {} {}", command,
                             WIFEXITED(status) ? "status" : "signal", number);
    }
    auto words = base::split(answer ? std::string_view(*answer) : std::string_view(), '\0');
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      if (words[i] != "status") continue;
      if (words[i + 1] == "0") return;
      std::string_view reason =
          i + 3 < words.size() && words[i + 2] == "reason" ? words[i + 3] : "mail is not queued";
      sendmail_fatal(format("{}({}): {}", user, getuid(), base::printable(reason)));
    }
    sendmail_fatal(format("{}({}): unable to execute {}: Success", user, getuid(), command));
  }

  void send(std::string& bytes) {
    // A postdrop that is gone has said why; finish() says the rest.
    if (!bytes.empty()) (void)base::write_all(to.get(), bytes).operator bool();
    bytes.clear();
  }
};

struct Submission {
  const conf::MainCf& cf;
  const SendmailOptions& options;
  std::string user;
  SubmissionEnvelope envelope;

  [[noreturn]] void fail(const std::string& text) const {
    sendmail_fatal(format("{}({}): {}", user, getuid(), text));
  }

  ContentRecords::Rules rules() const {
    ContentRecords::Rules rules;
    rules.lone_dot_ends = options.lone_dot_ends;
    rules.extract_recipients = options.extract_recipients;
    rules.fix_line_endings = cf.get("sendmail_fix_line_endings");
    rules.line_length_limit =
        base::parse_number<size_t>(cf.get("line_length_limit")).value_or(2048);
    return rules;
  }

  // -bv sends nothing but a probe about the recipients.
  void put_probe(std::string& out) const {
    append_record(out, kRecNormal, "From: " + envelope.sender);
    append_record(out, kRecNormal, "Subject: probe");
    std::string to = "To:";
    for (size_t i = 0; i < envelope.recipients.size(); ++i)
      (to += i ? ",\n\t" : "\t") += envelope.recipients[i];
    for (std::string_view line : base::split(to, '\n')) append_record(out, kRecNormal, line);
  }

  void copy_content(Postdrop& postdrop, ContentRecords& records, std::string& out) const {
    auto limit = base::parse_number<uint64_t>(cf.get("message_size_limit")).value_or(0);
    uint64_t size = 0;
    std::string chunk(65536, '\0');
    for (;;) {
      ssize_t got = read(STDIN_FILENO, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(format("error reading input: {}", strerror(errno)));
      if (got == 0) break;
      size += static_cast<uint64_t>(got);
      if (limit && size > limit) fail("message file too big");
      if (!records.add(std::string_view(chunk).substr(0, static_cast<size_t>(got)), out)) break;
      postdrop.send(out);
    }
    records.end(out);
  }

  void run() {
    constexpr int kUserVerifyProbe = 1 << 9;
    bool probe = options.trace_flags & kUserVerifyProbe;
    ContentRecords records(rules());
    Postdrop postdrop = Postdrop::run(cf.get("command_directory") + "/postdrop");
    std::string out = envelope_records(options, envelope);
    append_record(out, kRecMessage, "");
    if (probe)
      put_probe(out);
    else
      copy_content(postdrop, records, out);
    append_record(out, kRecExtracted, "");
    auto found = records.recipients();
    for (const std::string& address : found) append_recipient(out, address, options.dsn_notify);
    // postdrop removes the file if no E record comes.
    if (envelope.recipients.empty() && found.empty()) {
      fail(options.extract_recipients
               ? "No recipient addresses found in message header"
               : "Recipient addresses must be specified on the command line or via the -t option");
    }
    append_record(out, kRecEnd, "");
    postdrop.send(out);
    postdrop.finish(user);
    if (options.trace_flags)
      printf("Mail Delivery Status Report will be mailed to <%s>.\n", envelope.sender.c_str());
  }
};

// -XV without delimiters takes main.cf's.
void complete_verp(const conf::MainCf& cf, SendmailOptions& options) {
  if (!options.verp) return;
  if (options.verp->empty()) options.verp = cf.get("default_verp_delimiters");
  std::string allowed = cf.get("verp_delimiter_filter");
  bool good =
      options.verp->size() == 2 && options.verp->find_first_not_of(allowed) == std::string::npos;
  if (!good) sendmail_fatal(format("-V requires two characters from {}", allowed));
}

int submit(const conf::MainCf& cf, const SendmailOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  const passwd* entry = getpwuid(getuid());
  if (!entry) sendmail_fatal(format("no login name found for user ID {}", getuid()));
  Submission submission{cf, options, {}, {}};
  submission.envelope.sender =
      options.sender ? sender_address(*options.sender) : std::string(entry->pw_name);
  submission.user = options.sender ? submission.envelope.sender : entry->pw_name;
  submission.envelope.full_name =
      options.full_name.empty() ? caller_full_name() : options.full_name;
  for (const std::string& word : options.recipients) {
    for (std::string& address : addresses_in(word))
      submission.envelope.recipients.push_back(std::move(address));
  }
  if (options.verp && submission.envelope.sender.empty())
    submission.fail("-V option requires non-null sender address");
  if (submission.envelope.recipients.empty() && !options.extract_recipients)
    submission.fail(
        "Recipient addresses must be specified on the command line or via the -t option");
  submission.run();
  return 0;
}

// Only what import_environment names reaches the programs we run.
void clean_environment(const conf::MainCf& cf) {
  auto chosen = conf::chosen_environment(cf.get("import_environment"), conf::present_environment());
  if (!chosen) sendmail_fatal(chosen.error().text);
  clearenv();
  for (const std::string& entry : *chosen) {
    auto [name, value] = base::cut(entry, '=');
    setenv(std::string(name).c_str(), std::string(value.value_or("")).c_str(), 1);
  }
}

int become(const std::string& path, std::vector<std::string> arguments) {
  replace_by(sendmail_log(), path, arguments);
  return kTempFail;
}

int new_aliases(const conf::MainCf& cf, const SendmailOptions& options) {
  std::vector<std::string> arguments = {"postalias"};
  for (int i = 1; i < options.verbose; ++i) arguments.emplace_back("-v");
  arguments.emplace_back("--");
  size_t fixed = arguments.size();
  std::string tables = cf.get("alias_database");
  for (std::string_view table : base::words(tables, ", \t\r\n")) arguments.emplace_back(table);
  if (arguments.size() == fixed) return 0;
  return become(cf.get("command_directory") + "/postalias", arguments);
}

// Root's sessions are served with mail_owner's rights.
std::vector<std::string> smtpd_arguments() {
  if (geteuid() == 0) return {"smtpd", "-S", "-u"};
  return {"smtpd", "-S"};
}

int run_sendmail(int argc, char** argv) {
  open_tool_log();
  umask(022);
  SendmailOptions options = parse_sendmail_options(sendmail_log(), argc, argv);
  // The programs we run find the same files.
  if (!options.config_directory.empty()) setenv("MAIL_CONFIG", options.config_directory.c_str(), 1);
  conf::MainCf cf = load_tool_configuration(sendmail_log(), {}, kTempFail);
  clean_environment(cf);
  complete_verp(cf, options);
  if (chdir(cf.get("queue_directory").c_str()) != 0)
    sendmail_fatal(format("chdir {}: {}", cf.get("queue_directory"), strerror(errno)));
  std::string commands = cf.get("command_directory") + '/',
              daemons = cf.get("daemon_directory") + '/';
  switch (options.mode) {
    case SendmailMode::submit:
      return submit(cf, options);
    case SendmailMode::mailq:
      return become(commands + "postqueue", {"postqueue", "-p"});
    case SendmailMode::newaliases:
      return new_aliases(cf, options);
    case SendmailMode::daemon:
      return become(commands + "postfix", {"postfix", "start"});
    case SendmailMode::stand_alone:
      return serve_standard_input(sendmail_log(), daemons + "smtpd", smtpd_arguments());
    case SendmailMode::flush:
      return become(commands + "postqueue", {"postqueue", "-f"});
    case SendmailMode::flush_site:
      return become(commands + "postqueue", {"postqueue", "-s", options.flush_argument});
    case SendmailMode::flush_id:
      return become(commands + "postqueue", {"postqueue", "-i", options.flush_argument});
    case SendmailMode::nothing:
      return 0;
  }
  return kTempFail;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_sendmail(argc, argv);
}
