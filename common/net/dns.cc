// SPDX-License-Identifier: Apache-2.0
#include "common/net/dns.h"

#include <ares.h>

#include <map>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "common/net/dns_message.h"
#include "common/net/hosts.h"

namespace dovetail::net {
namespace {

// One question under way. Lives in the asking coroutine's frame; c-ares always calls back, at the
// latest at destruction.
struct AresQuery {
  explicit AresQuery(Loop& loop) : done(loop) {}
  Event done;
  int status = ARES_ETIMEOUT;
  std::string answer;

  static void finished(void* self, int status, int, unsigned char* bytes, int length) {
    auto* query = static_cast<AresQuery*>(self);
    query->status = status;
    if (bytes) query->answer.assign(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
    query->done.set();
  }
};

class AresResolver : public Resolver {
 public:
  explicit AresResolver(Loop& loop);
  ~AresResolver() override;

  Task<DnsAnswer<MxRecord>> mx(std::string name) override;
  Task<DnsAnswer<SockAddr>> a(std::string name) override {
    return addresses(std::move(name), kDnsA);
  }
  Task<DnsAnswer<SockAddr>> aaaa(std::string name) override {
    return addresses(std::move(name), kDnsAaaa);
  }
  Task<DnsAnswer<std::string>> ns(std::string name) override {
    return texts(std::move(name), kDnsNs);
  }
  Task<DnsAnswer<std::string>> txt(std::string name) override {
    return texts(std::move(name), kDnsTxt);
  }
  Task<DnsAnswer<std::string>> ptr(SockAddr address) override {
    return texts(reverse_dns_name(address.address_bytes()), kDnsPtr);
  }
  Task<DnsAnswer<SockAddr>> host_addresses(std::string name, bool ipv4, bool ipv6) override;
  Task<DnsAnswer<std::string>> host_names(SockAddr address) override;

 private:
  Task<DnsAnswer<DnsRecord>> ask(std::string name, uint16_t type);
  Task<DnsAnswer<SockAddr>> addresses(std::string name, uint16_t type);
  Task<DnsAnswer<std::string>> texts(std::string name, uint16_t type);

  static void socket_changed(void* self, ares_socket_t fd, int readable, int writable);
  static void socket_ready(int fd, short what, void* self);
  void arm_timer();

  Loop& loop_;
  ares_channel channel_{};
  std::map<int, event*> sockets_;
  Timer timer_;
  Hosts hosts_;
  bool trusted_ = false;
};

std::string file_or_empty(const std::string& path) {
  auto text = base::read_file(path, 1 << 20);
  return text ? *text : std::string();
}

// AD may be believed from a resolver on this host, or when the administrator says so (resolv.conf
// "options trust-ad").
bool resolver_is_trusted(std::string_view resolv_conf) {
  bool trust_ad = false, any = false, local = true;
  for (auto line : base::split(resolv_conf, '\n')) {
    auto parts = base::words(line.substr(0, line.find_first_of("#;")));
    if (parts.size() < 2) continue;
    if (parts[0] == "options") {
      for (auto word : parts) trust_ad |= word == "trust-ad";
    }
    if (parts[0] != "nameserver") continue;
    auto address = SockAddr::ip(parts[1], 53);
    any = true;
    local = local && address && address->is_loopback();
  }
  return trust_ad || (any && local);
}

AresResolver::AresResolver(Loop& loop)
    : loop_(loop), timer_(loop, [this] {
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        arm_timer();
      }) {
  ares_library_init(ARES_LIB_INIT_ALL);
  ares_options options{};
  options.sock_state_cb = socket_changed;
  options.sock_state_cb_data = this;
  options.timeout = 3000;
  options.tries = 3;
  ares_init_options(&channel_, &options,
                    ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
  if (nsswitch_reads_files(file_or_empty("/etc/nsswitch.conf")))
    hosts_ = Hosts::parse(file_or_empty("/etc/hosts"));
  trusted_ = resolver_is_trusted(file_or_empty("/etc/resolv.conf"));
}

AresResolver::~AresResolver() {
  ares_destroy(channel_);
  for (auto& [fd, watched] : sockets_) event_free(watched);
}

void AresResolver::socket_changed(void* self, ares_socket_t fd, int readable, int writable) {
  auto& resolver = *static_cast<AresResolver*>(self);
  auto found = resolver.sockets_.find(fd);
  if (found != resolver.sockets_.end()) {
    event_free(found->second);
    resolver.sockets_.erase(found);
  }
  if (!readable && !writable) return;
  auto what = static_cast<short>((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);
  auto* watched = event_new(resolver.loop_.base(), fd, what, socket_ready, self);
  event_add(watched, nullptr);
  resolver.sockets_[fd] = watched;
}

void AresResolver::socket_ready(int fd, short what, void* self) {
  auto& resolver = *static_cast<AresResolver*>(self);
  ares_process_fd(resolver.channel_, what & EV_READ ? fd : ARES_SOCKET_BAD,
                  what & EV_WRITE ? fd : ARES_SOCKET_BAD);
  resolver.arm_timer();
}

void AresResolver::arm_timer() {
  timeval time{};
  if (!ares_timeout(channel_, nullptr, &time)) return timer_.stop();
  timer_.start(Milliseconds(time.tv_sec * 1000 + time.tv_usec / 1000 + 1));
}

// RFC 1035 4.1.1 response codes; everything that is not a clear yes or no is temporary.
DnsStatus status_of(int rcode, bool any) {
  if (rcode == 3) return DnsStatus::not_found;
  if (rcode != 0) return DnsStatus::temporary;
  return any ? DnsStatus::ok : DnsStatus::no_data;
}

std::string_view status_words(DnsStatus status) {
  switch (status) {
    case DnsStatus::ok:
      return "";
    case DnsStatus::no_data:
      return "Host found but no data record of requested type";
    case DnsStatus::not_found:
      return "Host not found";
    case DnsStatus::temporary:
      break;
  }
  return "Host not found, try again";
}

Task<DnsAnswer<DnsRecord>> AresResolver::ask(std::string name, uint16_t type) {
  DnsAnswer<DnsRecord> answer;
  answer.error = status_words(DnsStatus::temporary);
  auto id = static_cast<uint16_t>(base::random_below(65536));
  auto question = build_dns_query(name, type, id, true);
  if (!question) {
    answer.status = DnsStatus::not_found;
    answer.error = status_words(answer.status);
    co_return answer;
  }
  AresQuery query(loop_);
  ares_send(channel_, reinterpret_cast<const unsigned char*>(question->data()),
            static_cast<int>(question->size()), AresQuery::finished, &query);
  arm_timer();
  co_await query.done.wait();
  auto message = query.answer.empty() ? std::nullopt : parse_dns_message(query.answer);
  if (!message) co_return answer;
  for (auto& record : message->answers) {
    if (record.type != type) continue;
    answer.ttl = answer.records.empty() ? record.ttl : std::min(answer.ttl, record.ttl);
    answer.records.push_back(std::move(record));
  }
  answer.status = status_of(message->rcode, !answer.records.empty());
  answer.authenticated = message->authenticated && trusted_;
  answer.error = status_words(answer.status);
  co_return answer;
}

template <class T>
DnsAnswer<T> without_records(const DnsAnswer<DnsRecord>& from) {
  DnsAnswer<T> to;
  to.status = from.status;
  to.authenticated = from.authenticated;
  to.ttl = from.ttl;
  to.error = from.error;
  return to;
}

Task<DnsAnswer<MxRecord>> AresResolver::mx(std::string name) {
  auto found = co_await ask(std::move(name), kDnsMx);
  auto answer = without_records<MxRecord>(found);
  for (auto& record : found.records) answer.records.push_back({record.preference, record.data});
  co_return answer;
}

std::optional<SockAddr> address_from(const std::string& bytes) {
  sockaddr_storage storage{};
  auto* any = reinterpret_cast<sockaddr*>(&storage);
  any->sa_family = bytes.size() == 4 ? AF_INET : AF_INET6;
  // sin_addr stands at offset 4, sin6_addr at offset 8 (behind the flow label).
  bytes.copy(reinterpret_cast<char*>(&storage) + (bytes.size() == 4 ? 4 : 8), bytes.size());
  return SockAddr(any, bytes.size() == 4 ? 16 : 28);
}

Task<DnsAnswer<SockAddr>> AresResolver::addresses(std::string name, uint16_t type) {
  auto found = co_await ask(std::move(name), type);
  auto answer = without_records<SockAddr>(found);
  for (auto& record : found.records) answer.records.push_back(*address_from(record.data));
  co_return answer;
}

Task<DnsAnswer<std::string>> AresResolver::texts(std::string name, uint16_t type) {
  auto found = co_await ask(std::move(name), type);
  auto answer = without_records<std::string>(found);
  for (auto& record : found.records) answer.records.push_back(std::move(record.data));
  co_return answer;
}

Task<DnsAnswer<SockAddr>> AresResolver::host_addresses(std::string name, bool ipv4, bool ipv6) {
  DnsAnswer<SockAddr> answer;
  auto wanted = [&](const SockAddr& address) {
    return address.address_bytes().size() == 4 ? ipv4 : ipv6;
  };
  if (auto numeric = SockAddr::ip(name, 0))
    answer.records.push_back(*numeric);
  else
    answer.records = hosts_.addresses(name);
  std::erase_if(answer.records, [&](const SockAddr& address) { return !wanted(address); });
  if (!answer.records.empty()) {
    answer.status = DnsStatus::ok;
    co_return answer;
  }
  answer.status = DnsStatus::not_found;
  answer.error = status_words(answer.status);
  for (uint16_t type : {kDnsA, kDnsAaaa}) {
    if (!(type == kDnsA ? ipv4 : ipv6)) continue;
    auto found = co_await addresses(name, type);
    // One family that answers is enough; one that could not be asked makes "none" uncertain.
    if (found.status == DnsStatus::ok)
      answer.status = DnsStatus::ok;
    else if (answer.status != DnsStatus::ok && found.status == DnsStatus::temporary)
      answer.status = found.status;
    else if (answer.status == DnsStatus::not_found)
      answer.status = found.status;
    answer.authenticated = found.authenticated;
    for (auto& record : found.records) answer.records.push_back(record);
  }
  answer.error = status_words(answer.status);
  co_return answer;
}

Task<DnsAnswer<std::string>> AresResolver::host_names(SockAddr address) {
  DnsAnswer<std::string> answer;
  answer.records = hosts_.names(address);
  answer.status = DnsStatus::ok;
  if (!answer.records.empty()) co_return answer;
  auto found = co_await ptr(address);
  co_return found;
}

}  // namespace

std::shared_ptr<Resolver> make_resolver(Loop& loop) {
  return std::make_shared<AresResolver>(loop);
}

}  // namespace dovetail::net
