// SPDX-License-Identifier: Apache-2.0
#include "mda/doveadm/mail_command.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

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

int MailCommand::failed(std::string_view text, int status) const {
  fmt::print(stderr, "doveadm({}): Error: {}\n", user_, text);
  return status;
}

int MailCommand::run(Words arguments) {
  while (!arguments.empty() && arguments[0].size() > 1 && arguments[0][0] == '-') {
    auto option = arguments[0];
    bool valued = option == "-u" || option == "-S" || option == "-F";
    if (option == "-A" || option == "-S" || option == "-F")
      return fatal(option + " is not supported yet", kUsageError);
    if (valued && arguments.size() < 2) return usage_error(command_);
    if (option == "-u")
      user_ = arguments[1];
    else if (!take_option(option))
      return usage_error(command_);
    arguments.erase(arguments.begin(), arguments.begin() + (valued ? 2 : 1));
  }
  if (auto status = check(arguments)) return *status;
  if (user_.empty()) {
    const char* name = ::getenv("USER");
    if (!name || !*name)
      return fatal("USER environment is missing and -u option not used", kUsageError);
    user_ = name;
  }
  net::run_until_done(loop_, prepare_and_work(std::move(arguments)));
  return status_;
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
  auto path = view->get("auth_socket_path");
  if (!path.starts_with("/")) path = view->get("base_dir") + "/" + path;
  Logger log(format("doveadm({})", user_));
  proto::AuthMaster auth(loop_, path, log);
  proto::AuthInfo info;
  info.service = "doveadm";
  auto found = co_await auth.user(user_, std::move(info));
  auth.close();
  if (!found) {
    status_ = failed("User lookup failed: " + found.error().text, kTempFail);
    co_return;
  }
  if (!*found) {
    status_ = failed("User doesn't exist", kNoUser);
    co_return;
  }
  user_ = (*found)->name;
  auto became = become_user(*view, user_, (*found)->fields);
  if (!became) {
    status_ = failed(became.error().text, kTempFail);
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
  auto store = Store::create(loop_, pool_, std::move(*settings), log);
  if (!store) {
    status_ = failed(store.error().text, kTempFail);
    co_return;
  }
  store_ = std::move(*store);
  status_ = co_await work(std::move(arguments));
  store_.reset();
}

// --- searching

Result<SearchQuery> parse_search_query(const Words& words) {
  SearchQuery query;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "(" || words[i] == ")" || base::iequals(words[i], "or")) {
      return permanent(format("'{}' in a search query is not supported yet", words[i]));
    }
    if (base::iequals(words[i], "mailbox") && i + 1 < words.size())
      query.masks.push_back(words[++i]);
    else
      query.criteria.push_back(words[i]);
  }
  if (query.criteria.empty()) query.criteria.push_back("all");
  return query;
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
  imap::Args args;
  for (auto& word : query.criteria) args.push_back({imap::Arg::Type::atom, word, {}});
  imap::ArgReader reader(args);
  auto criterion = imap::parse_criteria(reader);
  if (!criterion)
    co_return permanent(format("Unknown argument {}", base::upper(query.criteria.front())));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    co_return errno_error("socketpair() failed", errno);
  }
  base::Fd other(ends[1]);
  Conn conn(loop_, base::Fd(ends[0]));
  imap::SessionEnvironment environment;
  environment.store = store_;
  environment.pool = &pool_;
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

}  // namespace dovetail::mda::doveadm
