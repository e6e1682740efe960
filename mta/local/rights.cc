// SPDX-License-Identifier: Apache-2.0
#include "mta/local/rights.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "common/base/text.h"
#include "common/net/fd_pass.h"
#include "mta/local/worker.h"

namespace dovetail::mta {

namespace {

// All that the parent ever reads.
struct RightsRequest {
  uint32_t magic = 0;
  uint32_t uid = 0, gid = 0;
  uint32_t in_spool = 0;
  char mailbox[256] = {};
};
constexpr uint32_t kRightsMagic = 0x44544c31;

void close_all_but(int keep) {
  auto names = base::list_directory("/proc/self/fd");
  if (!names) return;
  for (auto& name : *names) {
    auto fd = base::parse_number<int>(name);
    if (fd && *fd > 2 && *fd != keep) ::close(*fd);
  }
}

bool is_mailbox_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos;
}

// Where only root may write, the empty mailbox is made for the user; never through a link, never over what is there.
void create_mailbox(const std::string& path, uid_t uid, gid_t gid) {
  auto made = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (made && ::fchown(made->get(), uid, gid) != 0) ::unlink(path.c_str());
}

struct SpoolRights {
  gid_t group = static_cast<gid_t>(-1);
};

SpoolRights prepare_spool(const RightsPolicy& policy, const DeliveryRights& rights) {
  struct stat spool;
  SpoolRights out;
  if (!rights.in_spool || ::stat(policy.spool_directory.c_str(), &spool) != 0 ||
      (spool.st_mode & S_IWOTH))
    return out;
  if (spool.st_mode & S_IWGRP) {
    out.group = spool.st_gid;
  } else if (is_mailbox_name(rights.mailbox)) {
    create_mailbox(policy.spool_directory + "/" + rights.mailbox, rights.uid, rights.gid);
  }
  return out;
}

bool is_root_mailbox(const DeliveryRights& rights) {
  return rights.uid == 0 && rights.in_spool && rights.mailbox == "root";
}

// In the child, still root: the rights, for good.
bool take_rights(const DeliveryRights& rights, const SpoolRights& spool) {
  std::vector<gid_t> groups{rights.gid};
  if (spool.group != static_cast<gid_t>(-1)) groups.push_back(spool.group);
  if (::setgroups(groups.size(), groups.data()) != 0) return false;
  if (::setresgid(rights.gid, rights.gid, rights.gid) != 0) return false;
  if (::setresuid(rights.uid, rights.uid, rights.uid) != 0) return false;
  return ::setuid(0) != 0;
}

[[noreturn]] void run_rights_child(const RightsPolicy& policy, const RightsRequest& request,
                                   std::vector<Fd> fds) {
  DeliveryRights rights{
      request.uid, request.gid, request.in_spool != 0,
      std::string(request.mailbox, strnlen(request.mailbox, sizeof request.mailbox))};
  ::signal(SIGCHLD, SIG_DFL);
  ::umask(077);
  SpoolRights spool;
  if (::geteuid() == 0) {
    if (!check_rights(policy, rights)) _exit(1);
    spool = prepare_spool(policy, rights);
    if (is_root_mailbox(rights)) {
      auto path = policy.spool_directory + "/root";
      auto opened = base::open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
      if (!opened) _exit(1);
      fds.resize(1);
      fds.push_back(std::move(*opened));
      rights.uid = policy.default_uid;
      rights.gid = policy.default_gid;
    }
    if (!take_rights(rights, spool)) _exit(1);
  }
  run_worker(std::move(fds[0]), fds.size() > 1 ? std::move(fds[1]) : Fd(), spool.group);
  _exit(0);
}

// One request: the struct and one or two descriptors. False: the front is gone.
bool receive_request(int socket, RightsRequest& request, std::vector<Fd>& fds) {
  iovec part{&request, sizeof request};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  for (auto* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    int numbers[2];
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(numbers, CMSG_DATA(c), count * sizeof(int));
    for (size_t i = 0; i < count; ++i) fds.emplace_back(numbers[i]);
  }
  if (got != sizeof request || request.magic != kRightsMagic) fds.clear();
  return true;
}

[[noreturn]] void run_rights_parent(const RightsPolicy& policy, int socket) {
  close_all_but(socket);
  ::signal(SIGCHLD,
           SIG_IGN);  // children are reaped by the kernel; their word comes over their sockets
  ::signal(SIGHUP,
           SIG_IGN);  // it ends with the front, when the mail that is under way is delivered
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_DUMPABLE, 0);
  for (;;) {
    RightsRequest request;
    std::vector<Fd> fds;
    if (!receive_request(socket, request, fds)) _exit(0);
    if (fds.empty()) continue;
    pid_t child = ::fork();
    if (child != 0) continue;  // also if there is none: the front sees its socket closed
    ::close(socket);
    run_rights_child(policy, request, std::move(fds));
  }
}

}  // namespace

Result<void> check_rights(const RightsPolicy& policy, const DeliveryRights& rights) {
  if (is_root_mailbox(rights) && policy.default_uid != 0 && policy.default_gid != 0) return {};
  if (rights.uid == 0 || rights.gid == 0)
    return config_error("delivery with root's rights is refused");
  if (rights.uid == policy.mail_owner || rights.gid == policy.mail_group) {
    return config_error("delivery with the rights of mail_owner is refused");
  }
  if (rights.gid == policy.setgid_group)
    return config_error("delivery with the rights of setgid_group is refused");
  return {};
}

Result<RightsParent> RightsParent::start(RightsPolicy policy) {
  auto pair = net::seqpacket_pair();
  if (!pair) return pair.error();
  // The pair does not wait; the parent's end must.
  int flags = ::fcntl(pair->second.get(), F_GETFL);
  ::fcntl(pair->second.get(), F_SETFL, flags & ~O_NONBLOCK);
  pid_t parent = ::fork();
  if (parent < 0) return errno_error("fork", errno);
  if (parent == 0) {
    pair->first.reset();
    run_rights_parent(policy, pair->second.get());
  }
  RightsParent out;
  out.policy_ = std::move(policy);
  out.socket_ = std::move(pair->first);
  out.switches_ = ::geteuid() == 0;
  return out;
}

Result<void> RightsParent::check(const DeliveryRights& rights) const {
  return switches_ ? check_rights(policy_, rights) : Result<void>();
}

Result<Fd> RightsParent::spawn(const DeliveryRights& rights, int extra) const {
  auto allowed = check(rights);
  if (!allowed) return allowed.error();
  RightsRequest request;
  request.magic = kRightsMagic;
  request.uid = rights.uid;
  request.gid = rights.gid;
  request.in_spool = rights.in_spool;
  if (rights.mailbox.size() >= sizeof request.mailbox) return permanent("mailbox name too long");
  std::memcpy(request.mailbox, rights.mailbox.data(), rights.mailbox.size());
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return errno_error("socketpair", errno);
  Fd ours(pair[0]), theirs(pair[1]);
  std::string_view bytes(reinterpret_cast<const char*>(&request), sizeof request);
  std::vector<int> fds{theirs.get()};
  if (extra >= 0) fds.push_back(extra);
  auto sent = net::try_send_message(socket_.get(), bytes, fds);
  if (!sent) return sent.error();
  if (!*sent) return temporary("too many deliveries at once");
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  return ours;
}

}  // namespace dovetail::mta
