// The grammar of aliases and .forward files, the forms of a message, exit statuses, pipe's arguments, jobs on their socket,
// mailboxes on disk: rows of data; no rights are needed.
// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "common/base/text.h"
#include "mta/local/address_list.h"
#include "mta/local/exit_status.h"
#include "mta/local/message_pieces.h"
#include "mta/local/message_text.h"
#include "mta/local/pipe_arguments.h"
#include "mta/local/rights.h"
#include "mta/local/worker.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::mta;

namespace {

std::string shown_list(const std::vector<Destination>& list) {
  constexpr char kLetters[] = "ACFIM";
  std::string out;
  for (auto& d : list) out += format("{}{}<{}>", out.empty() ? "" : " ", kLetters[d.kind], d.text);
  return out;
}

// Gives a job its message from a thread, as the front does.
struct FakeFront {
  explicit FakeFront(std::string text, bool complete = true) {
    ::signal(SIGPIPE, SIG_IGN);  // as run_worker() does: a command need not read its mail
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    theirs = Fd(pair[1]);
    writer = std::thread([fd = pair[0], text = std::move(text), complete] {
      Fd own(fd);
      for (size_t at = 0; at < text.size(); at += 7) {
        auto piece = text.substr(at, 7);
        std::string header{0, 0, 0, static_cast<char>(piece.size())};
        (void)base::write_all(fd, header + piece);
      }
      if (complete) (void)base::write_all(fd, std::string(4, '\0'));
    });
  }
  ~FakeFront() { writer.join(); }
  Fd theirs;
  std::thread writer;
};

struct TestDirectory {
  TestDirectory()
      : path(format("{}/local-test-{}", std::filesystem::temp_directory_path().string(),
                    ::getpid())) {
    std::filesystem::create_directories(path);
  }
  ~TestDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};

JobResult run_job(const Job& job, const std::string& text, bool complete = true) {
  FakeFront front(text, complete);
  MessagePieces message(std::move(front.theirs));
  auto none = static_cast<gid_t>(-1);
  auto result = job.kind == Job::Kind::mbox      ? append_mbox(job, message, none, Fd())
                : job.kind == Job::Kind::maildir ? deliver_maildir(job, message)
                                                 : run_command(job, message);
  while (!message.ended()) message.next();
  return result;
}

Job command_job(std::string command) {
  Job job;
  job.kind = Job::Kind::command;
  job.command = std::move(command);
  job.environment = {"PATH=/usr/bin:/bin", "WHO=me"};
  return job;
}

}  // namespace

TEST_CASE("alias values name addresses, commands, files, lists and mailboxes") {
  struct Row {
    const char *value, *want;
  };
  // clang-format off
  const Row rows[] = {
      {"alice, bob", "A<alice> A<bob>"},
      {"\"|cat, x >/dev/null\"", "C<cat, x >/dev/null>"},
      {"|/bin/true", "C</bin/true>"},
      {"/var/tmp/file", "F</var/tmp/file>"},
      {"\"/var/tmp/a b\"", "F</var/tmp/a b>"},
      {":include:/etc/list", "I</etc/list>"},
      {"\":include: /etc/list\"", "I</etc/list>"},
      {"\\bob, carol", "M<bob> A<carol>"},
      {"Bob Smith <bob@x.test> (home), carol", "A<bob@x.test> A<carol>"},
      {"\"a b\"@x.test", "A<a b@x.test>"},
      {"\"|echo \\\"hi\\\"\"", "C<echo \"hi\">"},
      {"", ""}, {" , ,", ""},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.value);
    CHECK(shown_list(parse_alias_value(row.value)) == row.want);
  }
}

TEST_CASE("a .forward has comments, lines and continuations") {
  CHECK(shown_list(parse_forward("# mine\ncarol, \\bob\n\n\"|vacation\n \"\n/mbox\n")) ==
        "A<carol> M<bob> C<vacation> F</mbox>");
  CHECK(shown_list(parse_forward("a@x.test\r\nb@x.test")) == "A<a@x.test> A<b@x.test>");
  CHECK(parse_forward("# nothing\n\n").empty());
}

TEST_CASE("lines are quoted where the form asks for it") {
  TextForm plain, mbox, smtp;
  mbox.quote_from = true;
  smtp.dot_stuff = true;
  smtp.eol = "\r\n";
  std::string out;
  for (auto* form : {&plain, &mbox, &smtp}) {
    for (auto line : {"From here", ">From", ".", "from x", ""}) append_in_form(out, line, *form);
  }
  CHECK(out ==
        "From here\n>From\n.\nfrom x\n\n>From here\n>From\n.\nfrom x\n\nFrom "
        "here\r\n>From\r\n..\r\nfrom x\r\n\r\n");
}

TEST_CASE("a line in pieces is quoted once, at its beginning, and ended once") {
  TextForm form;
  form.quote_from = form.dot_stuff = true;
  std::string out;
  append_in_form(out, "From here", form, true, false);
  append_in_form(out, "From there", form, false, false);
  append_in_form(out, "From everywhere", form, false, true);
  append_in_form(out, ".dot", form, true, false);
  append_in_form(out, ".", form, false, true);
  CHECK(out == ">From hereFrom thereFrom everywhere\n..dot.\n");
}

TEST_CASE("the lines before a message") {
  MailHeaders all{true, true, true, true};
  auto text = lines_before(all, "a b@x.test", "Orig@y.test", "bob@y.test", "\n");
  CHECK(text.starts_with("From \"a b\"@x.test  "));
  CHECK(text.find("\nReturn-Path: <\"a b\"@x.test>\nX-Original-To: Orig@y.test\nDelivered-To: "
                  "bob@y.test\n") != text.npos);
  CHECK(from_line("", 0).starts_with("From MAILER-DAEMON  "));
  CHECK(lines_before({}, "a", "b", "c", "\n").empty());
}

TEST_CASE("exit statuses become delivery statuses") {
  struct Row {
    int wait_status;
    const char *output, *want;
  };
  // clang-format off
  const Row rows[] = {
      {0, "noise", ""},
      {1 << 8, "", "5.3.0 Command died with status 1: \"cmd\""},
      {1 << 8, "why ", "5.3.0 Command died with status 1: \"cmd\". Command output: why "},
      {67 << 8, "no such thing ", "5.1.1 user unknown. Command output: no such thing "},
      {69 << 8, "", "5.3.0 service unavailable"},
      {75 << 8, "", "4.3.0 temporary failure"},
      {77 << 8, "", "5.7.0 permission denied"},
      {1 << 8, "5.7.7 go away", "5.7.7 go away"},
      {69 << 8, "4.2.2 full", "4.2.2 full"},
      {75 << 8, "2.0.0 fine", "4.3.0 temporary failure. Command output: 2.0.0 fine"},
      {9, "", "4.3.0 Command died with signal 9: \"cmd\""},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.wait_status << row.output);
    auto got = judge_exit(row.wait_status, "cmd", row.output);
    CHECK((got ? got->status + " " + got->text : "") == row.want);
  }
  CHECK(show_output("a\nb\tc\x80") == "a b_c_");
}

TEST_CASE("a shell is used only for what needs one") {
  for (auto plain : {"/bin/cat", "procmail -a x@y.test", "/usr/bin/env a b:c"})
    CHECK(!needs_shell(plain));
  for (auto shell : {"cat >/dev/null", "exit 1", "A=b cmd", "a; b", "echo $HOME", "cd /tmp", ""})
    CHECK(needs_shell(shell));
}

TEST_CASE("pipe's words and macros") {
  auto service = parse_pipe_service({"flags=DRhu", "user=vmail:mail", "eol=\\r\\n", "size=100",
                                     "argv=/bin/x", "-f", "${sender}", "-d",
                                     "${user}+${extension}@${domain}", "$nexthop", "{ a b }"});
  REQUIRE(service);
  CHECK(service->user == "vmail");
  CHECK(service->group == "mail");
  CHECK(service->eol == "\r\n");
  CHECK(service->size_limit == 100);
  mail::Envelope envelope;
  envelope.sender = "";
  PipeRequest request{"QID", "next", 42, &envelope, "+"};
  std::vector<mail::Recipient> two(2);
  two[0].address = "Bob+Ext@X.Test";
  two[1].address = "carol@Y.test";
  auto argv = expand_pipe_arguments(*service, request, two);
  REQUIRE(argv);
  std::vector<std::string> want{
      "/bin/x", "-f", "MAILER-DAEMON", "-d", "bob+ext@x.test", "carol+@y.test", "next", "a b"};
  CHECK(*argv == want);
  service->argv = {"x", "${nonsense}"};
  CHECK(expand_pipe_arguments(*service, request, two).error().text ==
        "unknown macro name: nonsense");
}

TEST_CASE("pipe refuses what it does not know") {
  CHECK(parse_pipe_service({"argv=/bin/x"}).error().text == "missing user= command-line attribute");
  CHECK(parse_pipe_service({"user=a"}).error().text == "missing argv= command-line attribute");
  CHECK(parse_pipe_service({"user=a", "what=b", "argv=x"}).error().text ==
        "unknown attribute name: what");
  CHECK(parse_pipe_service({"user=a", "flags=Z", "argv=x"}).error().text == "unknown flag: Z");
}

TEST_CASE("rights of root, the mail system and postdrop are never given") {
  RightsPolicy policy;
  policy.mail_owner = 104;
  policy.mail_group = 107;
  policy.setgid_group = 108;
  CHECK(check_rights(policy, {1000, 1000}));
  DeliveryRights own_mailbox{0, 0, true, "root"};
  CHECK(!check_rights(policy, own_mailbox));
  policy.default_uid = policy.default_gid = 65534;
  CHECK(check_rights(policy, own_mailbox));
  for (auto rights : {DeliveryRights{0, 1000}, DeliveryRights{1000, 0}, DeliveryRights{104, 1000},
                      DeliveryRights{1000, 107}, DeliveryRights{1000, 108}}) {
    CHECK(!check_rights(policy, rights));
  }
}

TEST_CASE("a job and its answer come out as they went in") {
  Job job;
  job.kind = Job::Kind::command;
  job.argv = {"a", "b c"};
  job.environment = {"X=1"};
  job.time_limit = 7;
  job.in_spool = true;
  auto same = Job::decode(job.encode());
  CHECK(same.argv == job.argv);
  CHECK(same.kind == job.kind);
  CHECK(same.time_limit == 7);
  CHECK(same.in_spool);
  JobResult lying;
  lying.failure = {"nonsense", "x"};
  CHECK(JobResult::decode(lying.encode()).failure.status == "4.3.0");
}

TEST_CASE("an mbox grows by whole messages only") {
  TestDirectory dir;
  Job job;
  job.kind = Job::Kind::mbox;
  job.path = dir.path + "/sub/mbox";
  job.locks = "fcntl, dotlock";
  job.lock_file_optional = true;
  REQUIRE(run_job(job, "From a  now\n\nhello\n\n").done);
  CHECK(*base::read_file(job.path) == "From a  now\n\nhello\n\n");
  SECTION("a front that dies leaves nothing") {
    CHECK(!run_job(job, "From b  now\n\nhalf", false).done);
    CHECK(*base::read_file(job.path) == "From a  now\n\nhello\n\n");
  }
  SECTION("the size limit counts the whole file") {
    job.size_limit = 30;
    auto full = run_job(job, "From b  now\n\nhello\n\n");
    CHECK(full.failure.status == "5.2.2");
    CHECK(full.failure.text == "error writing message: File too large");
    CHECK(*base::read_file(job.path) == "From a  now\n\nhello\n\n");
  }
  SECTION("somebody else's lock file is waited for, then it is tried later") {
    REQUIRE(base::replace_file(job.path + ".lock", "", 0600));
    job.lock_attempts = 1;
    auto locked = run_job(job, "From b  now\n\n");
    CHECK(locked.failure.status == "4.2.0");
    CHECK(locked.failure.text.starts_with("unable to create lock file"));
  }
  SECTION("an executable file is none") {
    std::filesystem::permissions(job.path, std::filesystem::perms::owner_exec,
                                 std::filesystem::perm_options::add);
    CHECK(run_job(job, "From b  now\n\n").failure.status == "5.7.1");
  }
  CHECK(!base::file_exists(dir.path + "/sub/nothing.lock"));
}

TEST_CASE("a Maildir gets its message in new/ at once") {
  TestDirectory dir;
  Job job;
  job.kind = Job::Kind::maildir;
  job.path = dir.path + "/Maildir/";
  job.hostname = "mx.test";
  REQUIRE(run_job(job, "Subject: x\n\nhello\n").done);
  auto names = base::list_directory(job.path + "new");
  REQUIRE(names);
  REQUIRE(names->size() == 1);
  CHECK(names->front().ends_with(".mx.test"));
  CHECK(*base::read_file(job.path + "new/" + names->front()) == "Subject: x\n\nhello\n");
  CHECK(!run_job(job, "Subject: half", false).done);
  CHECK(base::list_directory(job.path + "new")->size() == 1);
  CHECK(base::list_directory(job.path + "tmp")->empty());
}

TEST_CASE("commands get the message and are judged") {
  TestDirectory dir;
  auto out = dir.path + "/out";
  CHECK(run_job(command_job(format("cat >{}", out)), "Subject: x\n\nhello\n").done);
  CHECK(*base::read_file(out) == "Subject: x\n\nhello\n");
  CHECK(run_job(command_job("echo $WHO"), "").output == "me ");
  CHECK(run_job(command_job("exit 75"), std::string(300000, 'x')).failure.text ==
        "temporary failure");
  CHECK(run_job(command_job("/no/such/program"), "").failure.status == "4.3.0");
  auto slow = command_job("sleep 5");
  slow.time_limit = 0;
  CHECK(run_job(slow, "").failure.text == "Command time limit exceeded: \"sleep 5\"");
}

TEST_CASE("files that others may write are left aside") {
  TestDirectory dir;
  Job job;
  job.paths = {dir.path + "/absent", dir.path + "/forward"};
  CHECK(!read_user_file(job).found);
  REQUIRE(base::replace_file(job.paths[1], "bob\n", 0644));
  auto good = read_user_file(job);
  CHECK(good.found);
  CHECK(good.content == "bob\n");
  std::filesystem::permissions(job.paths[1], std::filesystem::perms::others_write,
                               std::filesystem::perm_options::add);
  auto bad = read_user_file(job);
  CHECK(!bad.found);
  REQUIRE(bad.warnings.size() == 1);
  CHECK(bad.warnings[0].ends_with("is world writable"));
}
