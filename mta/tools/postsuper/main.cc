// postsuper: the superuser's hand in the queue. Manual: postsuper(1).
// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "common/base/text.h"
#include "mta/tools/common/tool.h"
#include "mta/tools/postsuper/actions.h"

namespace dovetail::mta {
namespace {

constexpr const char* kPostsuperUsage =
    "usage: postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] [-f queue_id "
    "(expire and/or un-hold)] "
    "[-h queue_id (hold)] [-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id "
    "(requeue)] [-s (structure fix)] "
    "[-S (redundant structure fix)][-v (verbose)] [queue...]";

const Logger& postsuper_log() {
  static const Logger log("postsuper");
  return log;
}

[[noreturn]] void postsuper_fatal(const std::string& text) {
  tool_fatal(postsuper_log(), 1, text);
}

struct SuperLetter {
  char letter;
  SuperAction action;
};
constexpr SuperLetter kSuperLetters[] = {
    {'d', SuperAction::remove}, {'r', SuperAction::requeue}, {'h', SuperAction::hold},
    {'e', SuperAction::expire}, {'H', SuperAction::release}, {'f', SuperAction::expire_and_release},
};

struct SuperRequest {
  SuperAction action;
  std::string queue_id;  // or ALL, or "-"
};

struct PostsuperOptions {
  std::string config_directory;
  std::vector<SuperRequest> requests;
  std::vector<std::string> queues;
  bool purge = false, structure = false;
};

PostsuperOptions parse_postsuper(int argc, char** argv) {
  PostsuperOptions options;
  for (int c; (c = getopt(argc, argv, "+c:d:e:f:h:H:pr:sSv")) != -1;) {
    auto row = std::find_if(std::begin(kSuperLetters), std::end(kSuperLetters),
                            [c](auto& r) { return r.letter == c; });
    if (row != std::end(kSuperLetters)) {
      options.requests.push_back({row->action, optarg});
      continue;
    }
    switch (c) {
      case 'c':
        options.config_directory = optarg;
        break;
      case 'p':
        options.purge = true;
        break;
      case 's':
      case 'S':
        options.structure = true;
        break;
      case 'v':
        break;
      default:
        postsuper_fatal(kPostsuperUsage);
    }
  }
  options.queues.assign(argv + optind, argv + argc);
  for (const std::string& queue : options.queues) {
    auto& known = super_queues();
    if (std::find(known.begin(), known.end(), queue) == known.end())
      postsuper_fatal("invalid directory name: " + queue);
  }
  if (options.requests.empty() && !options.purge && !options.structure)
    options.purge = options.structure = true;
  return options;
}

// Files we make or move stay the mail system's.
void become_mail_owner(const conf::MainCf& cf) {
  if (geteuid() != 0) return;
  const passwd* owner = getpwnam(cf.get("mail_owner").c_str());
  if (!owner) postsuper_fatal("unknown mail_owner " + cf.get("mail_owner"));
  gid_t group = owner->pw_gid;
  if (setgroups(1, &group) != 0 || setgid(group) != 0 || setuid(owner->pw_uid) != 0)
    postsuper_fatal(format("cannot become {}: {}", cf.get("mail_owner"), strerror(errno)));
}

void carry_out(SuperActions& actions, const SuperRequest& request) {
  if (request.queue_id == "ALL") return actions.all(request.action);
  if (request.queue_id != "-") return actions.one(request.action, request.queue_id);
  auto input = base::read_all(STDIN_FILENO);
  if (!input) postsuper_fatal("read standard input: " + input.error().text);
  for (std::string_view line : base::split(*input, '\n')) {
    line = base::trim(line);
    if (!line.empty()) actions.one(request.action, line);
  }
}

void tell_counts(const PostsuperOptions& options, const SuperActions::Counts& counts) {
  auto asked = [&](SuperAction action) {
    return std::any_of(options.requests.begin(), options.requests.end(),
                       [action](auto& r) { return r.action == action; });
  };
  auto tell = [](std::string_view what, unsigned count) {
    postsuper_log().info("{}: {} message{}", what, count, count == 1 ? "" : "s");
  };
  if (asked(SuperAction::requeue)) tell("Requeued", counts.requeued);
  if (asked(SuperAction::remove)) tell("Deleted", counts.removed);
  if (asked(SuperAction::hold)) tell("Placed on hold", counts.held);
  bool expire_or_release = asked(SuperAction::expire_and_release);
  if (asked(SuperAction::expire) || expire_or_release) tell("Force-expired", counts.expired);
  if (asked(SuperAction::release) || (expire_or_release && counts.released))
    tell("Released from hold", counts.released);
}

void check_structure(const PostsuperOptions& options, const QueueDirectories& directories) {
  StructureCheck check{options.purge, options.structure};
  std::vector<std::string_view> queues(options.queues.begin(), options.queues.end());
  if (queues.empty()) queues = super_queues();
  for (std::string_view queue : queues) {
    auto done = check.run(directories, queue, postsuper_log());
    if (!done) postsuper_fatal(done.error().text);
  }
  if (check.renamed == 0) return;
  postsuper_log().info("Renamed to match inode number: {} message{}", check.renamed,
                       check.renamed == 1 ? "" : "s");
  postsuper_log().warning("QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS");
}

int run_postsuper(int argc, char** argv) {
  umask(077);
  open_tool_log();
  PostsuperOptions options = parse_postsuper(argc, argv);
  conf::MainCf cf = load_tool_configuration(postsuper_log(), options.config_directory, 1);
  const passwd* owner = getpwnam(cf.get("mail_owner").c_str());
  if (geteuid() != 0 && !(owner && owner->pw_uid == geteuid()))
    postsuper_fatal("use of this command is reserved for the superuser");
  if (chdir(cf.get("queue_directory").c_str()) != 0)
    postsuper_fatal(format("chdir {}: {}", cf.get("queue_directory"), strerror(errno)));
  become_mail_owner(cf);
  QueueDirectories directories({}, cf.get("hash_queue_names"),
                               base::parse_number<int>(cf.get("hash_queue_depth")).value_or(1));
  SuperActions actions(directories, options.queues, postsuper_log());
  for (const SuperRequest& request : options.requests) carry_out(actions, request);
  if (options.purge || options.structure) check_structure(options, directories);
  tell_counts(options, actions.counts());
  std::string pickup = "public/" + cf.get("pickup_service_name");
  if (actions.counts().requeued && base::file_exists(pickup))
    trigger_daemon(postsuper_log(), pickup, "I");
  return 0;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postsuper(argc, argv);
}
