// SPDX-License-Identifier: Apache-2.0
#include "mda/doveadm/mail_command.h"

#include <sys/socket.h>
#include <unistd.h>

#include <fnmatch.h>
#include <getopt.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/net/conn.h"
#include "common/proto/auth_master.h"
#include "common/service/confine.h"
#include "mda/broker/identity.h"
#include "mda/imap/criterion.h"
#include "mda/imap/match.h"
#include "mda/imap/session.h"
#include "mda/worker/mail_user.h"

namespace dovetail::mda::doveadm {

namespace {

constexpr int kNotPermitted = 200;  // of a child for one of many users

Task<> list_users(proto::AuthMaster& auth, const std::string& mask, Words& names,
                  std::optional<Error>& wrong) {
  proto::AuthInfo info;
  info.service = "doveadm";
  auto found = co_await auth.list(mask, std::move(info));
  auth.close();
  if (found)
    names = std::move(*found);
  else
    wrong = found.error();
}

}  // namespace

int MailCommand::failed(std::string_view text, int status) const {
  fmt::print(stderr, "doveadm({}): Error: {}\n", user_, text);
  return status;
}

// "[ALREADYEXISTS] Mailbox already exists": the code chooses the status (sysexits.h), the text is told.
int MailCommand::store_failed(std::string_view doing, const Error& error) const {
  std::string_view text = error.text;
  int status = error.fault == Fault::permanent ? kUsageError : kTempFail;
  if (text.starts_with('[')) {
    auto [code, rest] = base::cut(text.substr(1), ']');
    text = base::trim_left(rest.value_or(""));
    if (code == "ALREADYEXISTS") status = kDataError;
    if (code == "NONEXISTENT") status = kNotFound;
    if (code == "NOPERM") status = kNoPermission;
  }
  bool inbox = text == "INBOX can't be deleted";
  if (inbox) status = kDataError;
  return failed(format("{}: {}{}", doing, text, inbox ? "." : ""), status);
}

// Options come before the arguments; words that follow may begin with a dash.
std::optional<int> MailCommand::parse_options(Words& arguments, Users& users) {
  Words words{"doveadm"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  auto known = format("+Au:F:S:{}", letters());
  optind = 0;
  for (int c; (c = getopt(static_cast<int>(words.size()), argv.data(), known.c_str())) != -1;) {
    switch (c) {
      case 'u':
        user_ = optarg;
        users.many = user_.find_first_of("*?") != std::string::npos;
        break;
      case 'A':
        users.all = users.many = true;
        break;
      case 'F':
        users.file = optarg;
        users.many = true;
        break;
      case 'S':  // the same store is opened here
        break;
      case '?':
        return usage_error(command_);
      default:
        take_option(static_cast<char>(c), optarg != nullptr ? optarg : "");
    }
  }
  arguments.assign(words.begin() + optind, words.end());
  return std::nullopt;
}

std::string MailCommand::auth_socket(const conf::dovecot::View& view) const {
  auto path = view.get("auth_socket_path");
  return path.starts_with("/") ? path : view.get("base_dir") + "/" + path;
}

Result<Words> MailCommand::user_names(const Users& users) {
  Words names;
  if (!users.file.empty()) {
    auto text = base::read_file(users.file);
    if (!text) return text.error();
    for (auto line : base::split(*text, '\n')) {
      if (!base::trim(line).empty()) names.emplace_back(base::trim(line));
    }
    return names;
  }
  conf::dovecot::Tree tree;
  auto view = load_view(options_, tree);
  if (!view) return config_error("");
  Loop loop;
  proto::AuthMaster auth(loop, auth_socket(*view), Logger("doveadm"));
  std::string mask = users.all ? "*" : user_;
  std::optional<Error> wrong;
  net::run_until_done(loop, list_users(auth, mask, names, wrong));
  if (wrong) return *wrong;
  std::erase_if(
      names, [&](const std::string& name) { return fnmatch(mask.c_str(), name.c_str(), 0) != 0; });
  return names;
}

// Each user in a process of his own; the first status that is not 0 is the command's.
int MailCommand::run_for(const Words& users, const Words& arguments) {
  int status = kOk;
  for (auto& name : users) {
    std::fflush(stdout);
    pid_t child = ::fork();
    if (child < 0) return fatal(errno_error("fork() failed", errno).text, kTempFail);
    if (child == 0) {
      user_ = name;
      printer_->set_user(name);
      printer_->columns(columns());
      int done = run_one(arguments);
      std::fflush(stdout);
      ::_exit(done);
    }
    printer_->without_title();
    int ended = 0;
    while (::waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
    int one = WIFEXITED(ended) ? WEXITSTATUS(ended) : kTempFail;
    if (one == kNoUser)
      fmt::print(stderr, "doveadm({}): Info: User no longer exists, skipping\n", name);
    if (one == kNotPermitted) continue;  // has been said; the others' mail is there all the same
    if (status == kOk && one != kNoUser) status = one;
  }
  return status;
}

int MailCommand::run_one(Words arguments) {
  loop_ = std::make_unique<Loop>();
  pool_ = std::make_unique<net::Pool>(*loop_, 2);
  net::run_until_done(*loop_, prepare_and_work(std::move(arguments)));
  printer_->finish();
  return status_;
}

int MailCommand::run(Words arguments) {
  Users users;
  if (auto status = parse_options(arguments, users)) return *status;
  if (auto status = check(arguments)) return *status;
  auto printer = Printer::create(options_.formatter, form());
  if (!printer) {
    fmt::print(stderr, "doveadm: Fatal: {}\n", printer.error().text);
    return kTempFail;
  }
  printer_ = std::move(*printer);
  if (users.many) {
    quiet_missing_ = true;
    auto names = user_names(users);
    if (!names)
      return fatal(format("Failed to iterate through some users: {}", names.error().text),
                   kTempFail);
    return run_for(*names, arguments);
  }
  if (user_.empty()) {
    const char* name = ::getenv("USER");
    if (!name || !*name)
      return fatal("USER environment is missing and -u option not used", kUsageError);
    user_ = name;
  }
  printer_->columns(columns());
  return run_one(std::move(arguments));
}

Result<void> MailCommand::become_user(const conf::dovecot::View& view, const std::string& name,
                                      const proto::AuthFields& fields) {
  auto identity = mail_identity(name, fields, view);
  if (!identity) return identity.error();
  auto user = service::find_user(std::to_string(identity->uid));
  if (!user) return user.error();
  service::Rights rights;
  rights.user = *user;
  rights.group = identity->gid;
  rights.extra_groups = identity->groups;
  rights.root = identity->chroot;
  return service::confine(rights);
}

Task<> MailCommand::prepare_and_work(Words arguments) {
  conf::dovecot::Tree tree;
  auto view = load_view(options_, tree);
  if (!view) {
    status_ = kConfigError;
    co_return;
  }
  Logger log(format("doveadm({})", user_));
  proto::AuthMaster auth(*loop_, auth_socket(*view), log);
  proto::AuthInfo info;
  info.service = "doveadm";
  auto found = co_await auth.user(user_, std::move(info));
  auth.close();
  if (!found) {
    status_ = failed("User lookup failed: " + found.error().text, kTempFail);
    co_return;
  }
  if (!*found) {
    status_ = quiet_missing_ ? kNoUser : failed("User doesn't exist", kNoUser);
    co_return;
  }
  user_ = (*found)->name;
  auto became = become_user(*view, user_, (*found)->fields);
  if (!became) {
    status_ = failed(became.error().text, quiet_missing_ ? kNotPermitted : kTempFail);
    co_return;
  }
  MailUser user;
  user.user = user_;
  user.service = "doveadm";
  for (auto& field : (*found)->fields)
    user.userdb.push_back({field.name, field.flag ? "yes" : field.value});
  auto complete = complete_mail_user(tree, std::move(user));
  auto settings = complete ? store_settings(*complete) : Result<StoreSettings>(complete.error());
  if (!settings) {
    status_ = failed(settings.error().text, kTempFail);
    co_return;
  }
  auto store = Store::create(*loop_, *pool_, std::move(*settings), log);
  if (!store) {
    status_ = failed(store.error().text, kTempFail);
    co_return;
  }
  store_ = std::move(*store);
  status_ = co_await work(std::move(arguments));
  store_.reset();
}

// --- mailboxes and messages

Task<std::shared_ptr<Mailbox>> MailCommand::open_mailbox(std::string name, std::string_view cannot,
                                                         int& status) {
  auto box = co_await store_->open(name);
  if (!box)
    status = store_failed(cannot, box.error());
  else if (!*box)
    status = failed(format("{}: Mailbox doesn't exist: {}", cannot, name), kNotFound);
  else
    co_return std::move(*box);
  co_return nullptr;
}

Task<Result<std::vector<std::string>>> MailCommand::selected_mailboxes(const SearchQuery& query) {
  ListQuery list;
  std::vector<std::string> names;
  for (auto& mask : query.masks) {
    if (mask.find_first_of("*%") != mask.npos)
      list.patterns.push_back(mask);
    else
      names.push_back(mask);
  }
  if (query.masks.empty()) list.patterns.push_back("*");
  if (list.patterns.empty()) co_return names;
  list.on_disk_only = true;
  auto entries = co_await store_->list().list(std::move(list));
  if (!entries) co_return entries.error();
  for (auto& entry : *entries) {
    if (entry.exists) names.push_back(entry.name);
  }
  co_return names;
}

// The IMAP search does the work: a session without a client holds the mailbox.
Task<Result<std::vector<Uid>>> MailCommand::search(std::shared_ptr<Mailbox> box,
                                                   const SearchQuery& query) {
  imap::ArgReader reader(query.criteria);
  auto criterion = imap::parse_criteria(reader);
  if (!criterion) co_return criterion.error();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    co_return errno_error("socketpair() failed", errno);
  }
  base::Fd other(ends[1]);
  Conn conn(*loop_, base::Fd(ends[0]));
  imap::SessionEnvironment environment;
  environment.store = store_;
  environment.pool = pool_.get();
  environment.settings = std::make_shared<imap::ImapSettings>();
  imap::Session session(conn, std::move(environment));
  imap::Selected selected;
  selected.box = box;
  selected.view = box->view();
  session.selected = std::move(selected);
  auto matcher = imap::Matcher::create(session, std::move(*criterion), "UTF-8");
  if (!matcher) co_return matcher.error();
  auto uids = co_await (*matcher)->find();
  co_return uids;
}

std::optional<int> QueryCommand::check_query(const Words& words) {
  auto query = parse_search_query(words, base::wall_now().seconds);
  if (!query) return fatal(query.error().text, kTempFail);
  query_ = std::move(*query);
  return std::nullopt;
}

Task<int> QueryCommand::work(Words) {
  auto names = co_await selected_mailboxes(query_);
  if (!names) co_return failed(names.error().text, kTempFail);
  for (auto& name : *names) {
    int status = kOk;
    if (cannot(name).empty()) {
      auto there = co_await store_->list().exists(name);
      if (there && !*there) continue;
    }
    auto box = co_await open_mailbox(name, cannot(name), status);
    if (!box) co_return status;
    auto uids = co_await search(box, query_);
    if (!uids) co_return fatal(uids.error().text, kTempFail);
    auto done = co_await found(box, std::move(*uids));
    if (!done) co_return store_failed(format("Mailbox {}", name), done.error());
  }
  co_return kOk;
}

}  // namespace dovetail::mda::doveadm
