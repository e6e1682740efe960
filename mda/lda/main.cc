// dovecot-lda: stores one message for one user and ends. No daemon needs to run, but for -d the userdb must answer on
// base_dir/auth-userdb. As root it becomes the user before it reads the message. Manual: dovecot-lda(1).
// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/random.h"
#include "common/base/text.h"
#include "common/net/pool.h"
#include "common/proto/auth_master.h"
#include "common/service/confine.h"
#include "common/service/run_dovecot.h"
#include "mda/broker/identity.h"
#include "mda/lda/input.h"
#include "mda/lda/options.h"
#include "mda/worker/mail_user.h"
#include "mda/worker/save_delivery.h"

namespace dovetail::mda::lda {

namespace {

using conf::dovecot::Selector;
using conf::dovecot::Tree;
using conf::dovecot::View;

// What ends the program early.
struct Stop {
  int status = EX_TEMPFAIL;
  std::string text;  // for the log
};

struct Job {
  const Options& options;
  const Tree& tree;
  const View& view;
  Loop& loop;
  Logger log{"lda"};
  MailUser user;
  std::optional<Stop> stop;
};

// Takes the userdb's identity for good. Not root: it must be ours already.
Result<void> become_user(const proto::AuthUser& found, const View& view) {
  auto identity = mail_identity(found.name, found.fields, view);
  if (!identity) return identity.error();
  if (::geteuid() != 0) {
    if (::geteuid() == identity->uid) return {};
    return config_error(format("Not running as root and the userdb's UID {} is not ours ({})",
                               identity->uid, ::geteuid()));
  }
  service::Rights rights;
  rights.user = service::Identity{identity->uid, identity->gid, found.name, "/"};
  rights.group = identity->gid;
  rights.extra_groups = identity->groups;
  rights.root = identity->chroot;
  return service::confine(rights);
}

Task<> find_destination(Job& job) {
  proto::AuthMaster auth(job.loop, job.view.get("base_dir") + "/auth-userdb", job.log);
  proto::AuthInfo info;
  info.service = "lda";
  auto found = co_await auth.user(job.options.user, std::move(info));
  auth.close();
  if (!found) {
    job.stop = Stop{EX_TEMPFAIL, found.error().text};
  } else if (!*found) {
    job.stop = Stop{EX_NOUSER, {}};
  } else if (auto done = become_user(**found, job.view); !done) {
    job.stop = Stop{EX_TEMPFAIL, done.error().text};
  } else {
    job.user.user = (*found)->name;
    for (auto& field : (*found)->fields)
      job.user.userdb.push_back({field.name, field.flag ? "yes" : field.value});
  }
}

void take_caller(Job& job) {
  if (::geteuid() == 0) {
    job.stop = Stop{EX_USAGE, "destination user parameter (-d user) not given"};
    return;
  }
  auto* entry = ::getpwuid(::geteuid());
  auto* name = ::getenv("USER");
  auto* home = ::getenv("HOME");
  if (name || entry) job.user.user = name ? name : entry->pw_name;
  if (home || entry) job.user.userdb.push_back({"home", home ? home : entry->pw_dir});
  if (job.user.user.empty()) job.stop = Stop{EX_USAGE, "the caller has no name"};
}

Result<Input> open_input(const Job& job) {
  auto directory = job.user.expanded(job.user.view->get("mail_temp_dir"));
  if (job.options.path.empty()) return read_input(STDIN_FILENO, directory);
  auto file = base::open_file(job.options.path, O_RDONLY);
  if (!file) return file.error();
  return read_input(file->get(), directory);
}

Delivery delivery_of(const Job& job, const Input& input) {
  Delivery delivery;
  delivery.service = "lda";
  delivery.user = job.user.user;
  delivery.session = job.user.session;
  delivery.mailbox = job.options.mailbox;
  delivery.message_id = input.message_id;
  delivery.offset = input.offset;
  if (job.options.sender || !input.from_sender.empty())
    delivery.prefix = format("Return-Path: <{}>\n",
                             base::printable(job.options.sender.value_or(input.from_sender)));
  if (!job.options.original_recipient.empty())
    delivery.prefix +=
        format("Delivered-To: {}\n", base::printable(job.options.original_recipient));
  return delivery;
}

Task<> store_message(Job& job, net::Pool& pool) {
  auto completed = complete_mail_user(job.tree, std::move(job.user));
  if (!completed) {
    job.stop = Stop{EX_TEMPFAIL, completed.error().text};
    co_return;
  }
  job.user = std::move(*completed);
  Logger log(job.user.log_name(::getpid(), job.user.session));
  job.log = log;
  auto input = open_input(job);
  auto settings = store_settings(job.user);
  if (!input || !settings) {
    job.stop = Stop{EX_TEMPFAIL, input ? settings.error().text : input.error().text};
    co_return;
  }
  auto store = Store::create(job.loop, pool, std::move(*settings), log);
  if (!store) {
    job.stop = Stop{EX_TEMPFAIL, store.error().text};
    co_return;
  }
  auto delivery = delivery_of(job, *input);
  auto answer =
      co_await save_delivery(**store, job.user, std::move(delivery), input->fd.get(), log);
  // save_delivery has logged why. A wrong mailbox or a full disk is ours to repair: the MTA keeps the message.
  if (answer.status != DeliveryAnswer::Status::stored) job.stop = Stop{EX_TEMPFAIL, answer.text};
}

Task<> deliver_one(Job& job, net::Pool& pool) {
  if (job.options.user.empty())
    take_caller(job);
  else
    co_await find_destination(job);
  if (job.stop) co_return;
  job.user.service = "lda";
  job.user.session = base::base64(base::random_bytes(16)).substr(0, 22);
  co_await store_message(job, pool);
}

int lda_main(int argc, char** argv) {
  auto options = parse_options(argc, argv);
  if (!options) {
    fmt::print("{}", kUsage);
    return EX_USAGE;
  }
  // Set-uid it would read files of the caller's choice as somebody else.
  if (::getuid() != ::geteuid() || ::getgid() != ::getegid()) {
    fmt::print(stderr,
               "lda: Fatal: dovecot-lda must not be set-uid or set-gid; use dovecot-lda -d as root "
               "or LMTP\n");
    return EX_TEMPFAIL;
  }
  auto tree = conf::dovecot::load(options->config_file);
  // Deferred, not bounced: the administrator can repair this.
  if (!tree) {
    fmt::print(stderr, "lda: Fatal: {}\n", tree.error().text);
    return EX_TEMPFAIL;
  }
  auto view = tree->view(Selector{.protocol = "lda"});
  if (!view) {
    fmt::print(stderr, "lda: Fatal: {}\n", view.error().text);
    return EX_TEMPFAIL;
  }
  base::open_log(service::dovecot_log_target(**view));
  ::umask(0077);
  Loop loop;
  net::Pool pool(loop, 2);
  Job job{*options, *tree, **view, loop};
  net::run_until_done(loop, deliver_one(job, pool));
  if (!job.stop) return 0;
  if (!job.stop->text.empty()) {
    job.log.error("{}", job.stop->text);
    if (options->exit_status_tells) fmt::print(stderr, "{}\n", job.stop->text);
  }
  return job.stop->status;
}

}  // namespace

}  // namespace dovetail::mda::lda

int main(int argc, char** argv) {
  return dovetail::mda::lda::lda_main(argc, argv);
}
