// The parts of the check that need no host: queries turned into lists, stored passwords, SPF and DNS against a resolver of one's
// own, columns, the report's two forms.
// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "check/check_fixture.h"
#include "check/site.h"
#include "check/spf.h"
#include "check/sql/databases.h"
#include "check/sql/listing_query.h"
#include "common/base/text.h"
#include "tests/catch.h"

using namespace dovetail;
using check::listing_query;

TEST_CASE("a query for one key becomes a query for all") {
  struct Row {
    std::string_view query;
    bool dovecot;
    std::string_view wanted;  // empty: too involved
  };
  // clang-format off
  const Row rows[] = {
      {"SELECT 1 FROM virtual_domains WHERE name='%s'", false, "SELECT name, 1 FROM virtual_domains"},
      {"select destination from a where source = '%s' and active = 1;", false, "SELECT source, destination from a WHERE active = 1"},
      {"SELECT maildir FROM m WHERE username='%u' AND domain='%d' LIMIT 1", false, "SELECT username, domain, maildir FROM m"},
      {"SELECT email as user, password FROM virtual_users WHERE email='%u';", true, "SELECT email, email as user, password FROM virtual_users"},
      {"SELECT password FROM u WHERE name = '%n' AND domain = '%Ld' AND (a = 1 OR b = 2)", true, "SELECT name, domain, password FROM u WHERE (a = 1 OR b = 2)"},
      {"SELECT p FROM u WHERE LOWER(email) = lower('%s')", false, "SELECT LOWER(email), p FROM u"},
      {"SELECT p FROM u JOIN d ON u.d = d.id WHERE CONCAT(u.n, '@', d.n) = '%s'", false, "SELECT CONCAT(u.n, '@', d.n), p FROM u JOIN d ON u.d = d.id"},
      {"SELECT p FROM u WHERE a = '%s' OR b = '%s'", false, ""},
      {"SELECT p FROM u WHERE a = '%s' UNION SELECT p FROM v WHERE a = '%s'", false, ""},
      {"SELECT p FROM u WHERE a != '%s'", false, ""},
      {"SELECT get('%s')", false, ""},
      {"DELETE FROM u WHERE a = '%s'", false, ""},
      {"", false, ""},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.query);
    auto made = listing_query(row.query, row.dovecot);
    CHECK((made ? std::string(base::trim(made->text)) : "") == row.wanted);
  }
  auto parts = listing_query("SELECT p FROM u WHERE n='%u' AND d='%d'");
  REQUIRE(parts);
  CHECK(parts->key_of({"frank", "example.org", "x"}) == "frank@example.org");
}

TEST_CASE("names that may have been meant") {
  const std::set<std::string> known = {"rockylinux.me", "mail.rockyllinux.me"};
  CHECK(check::nearest("mail.rockylinux.me", known) == "mail.rockyllinux.me");
  CHECK(check::nearest("example.org", known).empty());
  CHECK(check::nearest("rockylinux.me", {"rockylinux.me"}).empty());
}

TEST_CASE("a report as text and as JSON, worst first, each finding once") {
  check::Report report;
  report.begin_rule("r");
  report.add({{"b.cf", 2}, check::Severity::warning, "w\"x\"", "e", "do"});
  report.add({{"b.cf", 2}, check::Severity::error, "bad\n", "e", "do"});
  report.add({{"a.cf", 9}, check::Severity::note, "n", "e", "do"});
  report.add({{"a.cf", 9}, check::Severity::note, "n", "e", "do"});
  report.sort();
  CHECK(report.text() ==
        "a.cf:9: note: n: e: do\nb.cf:2: error: bad?: e: do\nb.cf:2: warning: w\"x\": e: do\n");
  CHECK(report.exit_status() == 2);
  CHECK(
      report.json().find(
          R"({"file": "b.cf", "line": 2, "severity": "warning", "rule": "r", "wrong": "w\"x\"")") !=
      std::string::npos);
  CHECK(report.json().find(R"("bad\u000a")") != std::string::npos);
  CHECK(check::Report().json() == "[]\n");
  CHECK(check::Report().exit_status() == 0);
}

TEST_CASE("a connect string names the servers") {
  auto source =
      check::parse_connect("mysql", "host=a host=/run/s dbname=d user=u password=p port=3307");
  CHECK(source.hosts == std::vector<std::string>{"a", "/run/s"});
  CHECK(source.dbname == "d");
  CHECK(source.port == 3307);
  CHECK(source.option_group.empty());
  source = check::parse_connect("mysql",
                                "host=a ssl_ca=/ca.pem ssl_verify_server_cert=yes "
                                "option_file=/etc/my.cnf");
  CHECK(source.tls_ca_file == "/ca.pem");
  CHECK(source.tls_verify_cert);
  CHECK(source.option_file == "/etc/my.cnf");
  CHECK(source.option_group == "client");
  CHECK(check::parse_connect("sqlite", " /var/x.db ").path == "/var/x.db");
}

namespace {

// Answers from a list; what is not in it does not exist, "down.test" and below cannot be asked.
class FakeResolver final : public net::Resolver {
 public:
  std::map<std::string, std::vector<std::string>> a_records, ptr_records, txt_records;
  std::map<std::string, std::vector<net::MxRecord>> mx_records;

  Task<net::DnsAnswer<net::MxRecord>> mx(std::string name) override {
    co_return answer(mx_records, name);
  }
  Task<net::DnsAnswer<std::string>> ns(std::string) override {
    co_return net::DnsAnswer<std::string>();
  }
  Task<net::DnsAnswer<SockAddr>> a(std::string name) override {
    co_return addresses(name, AF_INET);
  }
  Task<net::DnsAnswer<SockAddr>> aaaa(std::string name) override {
    co_return addresses(name, AF_INET6);
  }
  Task<net::DnsAnswer<std::string>> txt(std::string name) override {
    co_return answer(txt_records, name);
  }
  Task<net::DnsAnswer<std::string>> ptr(SockAddr address) override {
    co_return answer(ptr_records, address.host());
  }
  Task<net::DnsAnswer<SockAddr>> host_addresses(std::string name, bool, bool) override {
    co_return addresses(name, AF_INET);
  }
  Task<net::DnsAnswer<std::string>> host_names(SockAddr address) override {
    co_return answer(ptr_records, address.host());
  }

 private:
  bool known(const std::string& name) const {
    return a_records.contains(name) || mx_records.contains(name) || txt_records.contains(name);
  }
  net::DnsStatus missing(const std::string& name) const {
    if (name.ends_with("down.test")) return net::DnsStatus::temporary;
    return known(name) ? net::DnsStatus::no_data : net::DnsStatus::not_found;
  }
  template <class T>
  net::DnsAnswer<T> answer(const std::map<std::string, std::vector<T>>& records,
                           const std::string& name) const {
    net::DnsAnswer<T> made;
    auto found = records.find(name);
    made.status = found == records.end() ? missing(name) : net::DnsStatus::ok;
    if (found != records.end()) made.records = found->second;
    return made;
  }
  net::DnsAnswer<SockAddr> addresses(const std::string& name, int family) const {
    net::DnsAnswer<SockAddr> made;
    made.status = missing(name);
    auto found = a_records.find(name);
    for (size_t i = 0; found != a_records.end() && i < found->second.size(); ++i) {
      auto address = *SockAddr::ip(found->second[i], 0);
      if (address.family() == family) made.records.push_back(address);
    }
    if (!made.records.empty()) made.status = net::DnsStatus::ok;
    return made;
  }
};

Task<> ask(net::Resolver& resolver, std::string domain, std::string address,
           check::SpfAnswer& out) {
  out = co_await check::check_spf(resolver, domain, address);
}

check::Spf spf_of(net::Resolver& resolver, const std::string& domain, const std::string& address) {
  net::Loop loop;
  check::SpfAnswer answer;
  net::run_until_done(loop, ask(resolver, domain, address, answer));
  return answer.result;
}

}  // namespace

TEST_CASE("SPF records against an address") {
  FakeResolver dns;
  dns.a_records = {{"mx.test", {"192.0.2.1", "2001:db8::1"}}, {"a.test", {"192.0.2.7"}}};
  dns.mx_records = {{"mx-only.test", {{10, "mx.test"}}}};
  dns.txt_records = {{"ip.test", {"other text", "v=spf1 ip4:192.0.2.0/24 -all"}},
                     {"six.test", {"v=spf1 ip6:2001:db8::/32 -all"}},
                     {"soft.test", {"v=spf1 ~all"}},
                     {"mx-only.test", {"v=spf1 mx -all"}},
                     {"a.test", {"v=spf1 a/24 -all"}},
                     {"include.test", {"v=spf1 include:ip.test ?all"}},
                     {"redirect.test", {"v=spf1 redirect=ip.test"}},
                     {"empty-include.test", {"v=spf1 include:no-spf.test -all"}},
                     {"no-spf.test", {"nothing"}},
                     {"loop.test", {"v=spf1 include:loop.test -all"}},
                     {"wrong.test", {"v=spf1 ipv4:192.0.2.1 -all"}},
                     {"two.test", {"v=spf1 -all", "v=spf1 +all"}},
                     {"down-include.test", {"v=spf1 include:x.down.test -all"}}};
  struct Row {
    std::string domain, address;
    check::Spf wanted;
  };
  using check::Spf;
  // clang-format off
  const Row rows[] = {
      {"ip.test", "192.0.2.9", Spf::pass}, {"ip.test", "192.0.3.9", Spf::fail}, {"six.test", "2001:db8::5", Spf::pass}, {"six.test", "192.0.2.1", Spf::fail},
      {"soft.test", "192.0.2.1", Spf::soft_fail}, {"mx-only.test", "192.0.2.1", Spf::pass}, {"mx-only.test", "2001:db8::1", Spf::pass},
      {"mx-only.test", "192.0.2.2", Spf::fail}, {"a.test", "192.0.2.200", Spf::pass}, {"include.test", "192.0.2.9", Spf::pass},
      {"include.test", "192.0.9.9", Spf::neutral}, {"redirect.test", "192.0.9.9", Spf::fail}, {"empty-include.test", "192.0.2.1", Spf::error},
      {"no-spf.test", "192.0.2.1", Spf::none}, {"nowhere.test", "192.0.2.1", Spf::no_domain}, {"loop.test", "192.0.2.1", Spf::error},
      {"wrong.test", "192.0.2.1", Spf::error}, {"two.test", "192.0.2.1", Spf::error}, {"down.test", "192.0.2.1", Spf::temporary},
      {"down-include.test", "192.0.2.1", Spf::temporary},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.domain << " " << row.address);
    CHECK(spf_of(dns, row.domain, row.address) == row.wanted);
  }
}

namespace {

// A host reached by 203.0.113.5 whose zone is right.
std::shared_ptr<FakeResolver> right_zone() {
  auto dns = std::make_shared<FakeResolver>();
  dns->a_records = {{"mail.example.org", {"203.0.113.5"}}};
  dns->mx_records = {{"example.org", {{10, "mail.example.org"}}},
                     {"example.net", {{10, "mail.example.org"}}}};
  dns->txt_records = {{"example.org", {"v=spf1 mx -all"}},
                      {"example.net", {"v=spf1 ip4:203.0.113.5 -all"}}};
  dns->ptr_records = {{"203.0.113.5", {"mail.example.org"}}};
  return dns;
}

struct DnsFault {
  std::string_view rule, words;
  void (*plant)(FakeResolver& dns);
};
// clang-format off
const DnsFault dns_faults[] = {
    {"dns-mail", "error: example.net does not exist in the DNS", [](FakeResolver& d) { d.mx_records.erase("example.net"); d.txt_records.erase("example.net"); }},
    {"dns-mail", "mail for example.net goes to 192.0.2.77, and this host is 203.0.113.5", [](FakeResolver& d) { d.mx_records["example.net"] = {{5, "mx.elsewhere.test"}}; d.a_records["mx.elsewhere.test"] = {"192.0.2.77"}; }},
    {"dns-mail", "the MX of example.net, mx.gone.test, has no address", [](FakeResolver& d) { d.mx_records["example.net"] = {{5, "mx.gone.test"}}; }},
    {"dns-mail", "note: the DNS gives no answer for example.net", [](FakeResolver& d) { d.mx_records["example.net"] = {{5, "mx.down.test"}}; }},
    {"dns-host", "mail.example.org (myhostname) has no address in the DNS", [](FakeResolver& d) { d.a_records.erase("mail.example.org"); d.a_records["x"] = {}; }},
    {"dns-host", "mail.example.org (myhostname) is 192.0.2.9 in the DNS, and this host is 203.0.113.5", [](FakeResolver& d) { d.a_records["mail.example.org"] = {"192.0.2.9"}; }},
    {"dns-host", "203.0.113.5 has no name (PTR)", [](FakeResolver& d) { d.ptr_records.clear(); }},
    {"dns-host", "203.0.113.5 is called liar.test, and that name has not this address", [](FakeResolver& d) { d.ptr_records["203.0.113.5"] = {"liar.test"}; }},
    {"dns-spf", "example.org has no SPF record", [](FakeResolver& d) { d.txt_records.erase("example.org"); }},
    {"dns-spf", "(v=spf1 ip4:18.18.18.19 -all) does not allow this host, 203.0.113.5: other sites refuse its mail", [](FakeResolver& d) { d.txt_records["example.net"] = {"v=spf1 ip4:18.18.18.19 -all"}; }},
    {"dns-spf", "the SPF record of example.net is malformed", [](FakeResolver& d) { d.txt_records["example.net"] = {"v=spf1 ipv4:1.2.3.4 -all"}; }},
};
// clang-format on

std::string dns_says(std::string_view rule, std::shared_ptr<net::Resolver> dns) {
  check::FixtureHost host;
  host.edit("etc/main.cf", "inet_interfaces = all\n",
            "inet_interfaces = 127.0.0.1\nproxy_interfaces = 203.0.113.5\n");
  host.dns = true;
  host.surroundings.resolver = std::move(dns);
  return host.says(rule);
}

}  // namespace

TEST_CASE("what the DNS says of the domains and of this host") {
  for (std::string_view rule : {"dns-mail", "dns-host", "dns-spf"}) {
    CHECK(dns_says(rule, right_zone()) == "");
  }
  for (auto& fault : dns_faults) {
    auto dns = right_zone();
    fault.plant(*dns);
    auto said = dns_says(fault.rule, dns);
    INFO(fault.words << "\n" << said);
    CHECK(said.find(fault.words) != std::string::npos);
  }
}
