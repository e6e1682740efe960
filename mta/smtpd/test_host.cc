// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/test_host.h"

#include <unistd.h>

#include "common/base/text.h"
#include "common/net/listen.h"
#include "mta/anvil/anvil_client.h"

namespace dovetail::mta::smtpd {

using base::format;
using net::DnsAnswer;
using net::DnsStatus;

namespace {

constexpr std::string_view base_main_cf = R"(
compatibility_level = 3.6
myhostname = mx.example.test
mydomain = example.test
myorigin = $mydomain
mydestination = local.test, localhost
mynetworks = 127.0.0.1/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps = inline:{backup=x,root=x,cmd=x}
virtual_mailbox_domains = example.test, vdir.test
virtual_mailbox_maps = inline:{frank@example.test=x,leeo@example.test=x,v@vdir.test=v/,over@vdir.test=o/}
virtual_alias_maps = inline:{all@example.test=frank@example.test,{both@example.test=frank@example.test,x@dest.test}}
virtual_transport = lmtp:unix:private/dovecot-lmtp
transport_maps = inline:{{err.test = error:5.1.1 no such domain here},{ret.test = retry:4.3.0 later please}}
relay_domains = relay.test
relocated_maps = inline:{{moved@local.test = new@elsewhere.test}}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_sasl_type = dovecot
smtpd_sasl_auth_enable = yes
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_timeout = 5s
smtpd_forbid_unauth_pipelining = no
smtpd_forbid_bare_newline = no
message_size_limit = 200000
)";

template <class T>
DnsAnswer<T> found(std::vector<T> records) {
  DnsAnswer<T> answer;
  answer.status = DnsStatus::ok;
  answer.records = std::move(records);
  return answer;
}

template <class T>
DnsAnswer<T> missing(std::string_view name) {
  DnsAnswer<T> answer;
  bool down = name.size() >= 9 && name.substr(name.size() - 9) == "temp.test";
  answer.status = down ? DnsStatus::temporary : DnsStatus::not_found;
  answer.error = down ? "Host not found, try again" : "Host not found";
  return answer;
}

class TestDns : public net::Resolver {
 public:
  Task<DnsAnswer<net::MxRecord>> mx(std::string name) override {
    if (name == "nullmx.test") co_return found<net::MxRecord>({{0, ""}});
    if (name == "dest.test") co_return found<net::MxRecord>({{10, "sink.dest.test"}});
    if (addresses_.count(name)) {
      DnsAnswer<net::MxRecord> none;
      none.status = DnsStatus::no_data;
      co_return none;
    }
    co_return missing<net::MxRecord>(name);
  }
  Task<DnsAnswer<std::string>> ns(std::string name) override {
    if (name == "good.test") co_return found<std::string>({"ns.good.test"});
    co_return missing<std::string>(name);
  }
  Task<DnsAnswer<SockAddr>> a(std::string name) override {
    auto at = addresses_.find(name);
    if (at == addresses_.end()) co_return missing<SockAddr>(name);
    co_return found<SockAddr>({*SockAddr::ip(at->second, 0)});
  }
  Task<DnsAnswer<SockAddr>> aaaa(std::string name) override { co_return missing<SockAddr>(name); }
  Task<DnsAnswer<std::string>> txt(std::string name) override {
    if (name == "20.2.0.192.rbl.test") co_return found<std::string>({"listed for testing"});
    co_return missing<std::string>(name);
  }
  Task<DnsAnswer<std::string>> ptr(SockAddr address) override { return host_names(address); }
  Task<DnsAnswer<SockAddr>> host_addresses(std::string name, bool, bool) override {
    return a(std::move(name));
  }
  Task<DnsAnswer<std::string>> host_names(SockAddr address) override {
    auto at = names_.find(address.host());
    if (at == names_.end()) co_return missing<std::string>(address.host());
    co_return found<std::string>({at->second});
  }

 private:
  std::map<std::string, std::string> addresses_ = {
      {"localhost", "127.0.0.1"},          {"client.good.test", "192.0.2.10"},
      {"good.test", "192.0.2.10"},         {"sink.dest.test", "127.0.0.2"},
      {"mismatch.test", "192.0.2.99"},     {"20.2.0.192.rbl.test", "127.0.0.2"},
      {"bad.dom.rhsbl.test", "127.0.0.2"}, {"10.2.0.192.wl.test", "127.0.0.2"},
  };
  std::map<std::string, std::string> names_ = {
      {"127.0.0.1", "localhost"},
      {"192.0.2.10", "client.good.test"},
      {"192.0.2.30", "mismatch.test"},
      {"192.0.2.40", "host.temp.test"},
  };
};

class TestMessage : public Message {
 public:
  TestMessage(Logger log, std::string mode) : log_(std::move(log)), mode_(std::move(mode)) {}
  Task<Result<void>> open() override {
    if (mode_ == "full") co_return temporary("create file incoming/1: No space left on device");
    co_return Result<void>();
  }
  const std::string& queue_id() const override { return queue_id_; }
  mail::Envelope& envelope() override { return envelope_; }
  void add_flags(unsigned flags) override { flags_ |= flags; }
  void add_recipient(mail::Recipient recipient) override {
    recipients_.push_back(recipient.address);
  }
  void add_bcc(std::string address) override { marks_ += " bcc=" + address; }
  Task<> end_envelope() override { co_return; }
  void put_own_header(std::string_view logical) override {
    text_ += logical.substr(0, 9) == "Received:" ? "Received|" : std::string(logical) + "|";
  }
  bool put_line(std::string_view text, bool complete) override {
    text_ += text;
    text_ += complete ? '|' : '+';
    return ++lines_ % 3 == 0;  // now and then the caller must wait
  }
  Task<> settle() override { co_return; }
  Task<CleanupResult> finish() override {
    if (flags_ & kCleanupHold) marks_ += " hold";
    if (flags_ & kCleanupDiscard) marks_ += " discard";
    if (!envelope_.filter.empty()) marks_ += " filter=" + envelope_.filter;
    if (!envelope_.redirect.empty()) marks_ += " redirect=" + envelope_.redirect;
    log_.info("stored {} > {}{}: {}", envelope_.sender, base::join(recipients_, " "), marks_,
              text_);
    CleanupResult result;
    result.queue_id = queue_id_;
    if (mode_ == "content") {
      result.status = kCleanupContent;
      result.reason = "5.7.1 header blocked";
    }
    if (mode_ == "write") result.status = kCleanupWrite;
    co_return result;
  }

 private:
  Logger log_;
  std::string mode_, queue_id_ = "4jWDyh2QM2z1f55r", text_, marks_;
  mail::Envelope envelope_;
  std::vector<std::string> recipients_;
  unsigned flags_ = 0;
  int lines_ = 0;
};

class TestStore : public MessageStore {
 public:
  TestStore(Logger log, std::string mode) : log_(std::move(log)), mode_(std::move(mode)) {}
  std::unique_ptr<Message> start(unsigned) override {
    return std::make_unique<TestMessage>(log_, mode_);
  }
  Result<bool> has_space() const override { return mode_ != "no space"; }

 private:
  Logger log_;
  std::string mode_;
};

std::string auth_verdict(std::string_view id, std::string_view user, std::string_view password) {
  if (user == "down@example.test") return format("FAIL\t{}\tuser={}\ttemp\n", id, user);
  bool good = user == "frank@example.test" && password == "secret";
  return format("{}\t{}\tuser={}\n", good ? "OK" : "FAIL", id, user);
}

std::string_view field_value(std::string_view line, std::string_view name) {
  for (auto word : base::split(line, '\t')) {
    if (word.substr(0, name.size()) == name) return word.substr(name.size());
  }
  return {};
}

// One line of the client; pending: request id -> user name of a LOGIN dialogue ("" before it came).
std::string auth_answer(std::string_view line, std::map<std::string, std::string>& pending) {
  auto words = base::split(line, '\t');
  if (words.size() < 2) return {};
  std::string id(words[1]);
  if (words[0] == "AUTH" && words.size() > 2 && words[2] == "LOGIN") {
    pending[id] = "";
    return format("CONT\t{}\t{}\n", id, base::base64("Username:"));
  }
  auto response = words[0] == "AUTH" ? field_value(line, "resp=")
                  : words.size() > 2 ? words[2]
                                     : std::string_view();
  if (words[0] == "AUTH" && line.find("\tresp=") == line.npos) return format("CONT\t{}\t\n", id);
  auto text = base::unbase64(response).value_or("");
  if (words[0] == "CONT" && pending.count(id)) {
    if (!pending[id].empty()) return auth_verdict(id, pending[id], text);
    pending[id] = text;
    return format("CONT\t{}\t{}\n", id, base::base64("Password:"));
  }
  auto parts = base::split(text, '\0');
  if (words[0] == "CANCEL") return {};
  if (parts.size() != 3) return format("FAIL\t{}\n", id);
  return auth_verdict(id, parts[1], parts[2]);
}

Task<> serve_auth_client(Loop& loop, Fd fd) {
  Conn conn(loop, std::move(fd));
  std::map<std::string, std::string> pending;
  conn.put(
      "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n"
      "COOKIE\t0123456789abcdef0123456789abcdef\nDONE\n");
  for (;;) {
    auto line = co_await conn.read_line(10000);
    auto answer = auth_answer(line.text, pending);
    conn.put(answer);
    co_await conn.flush();
  }
}

}  // namespace

std::shared_ptr<net::Resolver> make_test_dns() {
  return std::make_shared<TestDns>();
}

std::unique_ptr<MessageStore> make_test_store(Logger log, std::string mode) {
  return std::make_unique<TestStore>(std::move(log), std::move(mode));
}

Task<> serve_test_auth(Loop& loop, Fd fd) {
  net::Listener listener(loop, std::move(fd));
  auto accepted = co_await listener.accept(loop);
  co_await serve_auth_client(loop, std::move(accepted.fd));
}

void TestHost::open_auth() {
  if (settings_["auth"] == "missing") return;
  auto listener = net::listen_unix(directory_ + "/auth", 0600, 5);
  if (!listener) {
    problem_ = listener.error().text;
    return;
  }
  net::spawn(serve_test_auth(loop_, std::move(*listener)), Logger("auth"));
}

TestHost::TestHost(Loop& loop, std::map<std::string, std::string> settings)
    : loop_(loop), settings_(std::move(settings)) {
  char name[] = "/tmp/dovetail-smtpd-XXXXXX";
  directory_ = mkdtemp(name);
  open_auth();
  std::vector<conf::Override> overrides{{"smtpd_sasl_path", directory_ + "/auth"},
                                        {"smtpd_tls_cert_file", DIALOGUES "/certificate.pem"}};
  for (auto& [key, value] : settings_) {
    if (key != "peer" && key != "modes" && key != "store" && key != "auth")
      overrides.push_back({key, value});
  }
  conf::LoadOptions options;
  options.process_name = "smtpd";
  auto cf = conf::MainCf::parse("main.cf", base_main_cf, overrides, options);
  if (!cf) {
    problem_ = cf.error().text;
    return;
  }
  Logger log("postfix/smtpd");
  server_ = std::make_unique<Server>(loop_, log, "smtp");
  server_->dns = make_test_dns();
  server_->store = make_test_store(log, settings_["store"]);
  auto opened = server_->open(*cf);
  if (!opened) problem_ = opened.error().text;
}

TestHost::~TestHost() {
  unlink((directory_ + "/auth").c_str());
  rmdir(directory_.c_str());
}

Task<> TestHost::serve(Fd fd) {
  auto address = settings_["peer"].empty() ? std::string("192.0.2.10") : settings_["peer"];
  auto peer = SockAddr::ip(address, 40000);
  auto local = SockAddr::ip("192.0.2.1", 25);
  Session session(*server_, std::move(fd), *peer, *local);
  co_await session.run();
  if (server_->auth) server_->auth->close();
}

}  // namespace dovetail::mta::smtpd
