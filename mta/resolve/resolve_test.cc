// Rows of addresses through rewriting and routing.
// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/resolve.h"

#include "common/net/loop.h"
#include "conf/postfix/main_cf.h"
#include "mta/resolve/rewrite.h"
#include "mta/resolve/transport.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::mta;

namespace {

constexpr std::string_view kMainCf = R"(
compatibility_level = 3.6
myhostname = mx.example.test
mydomain = example.test
myorigin = $mydomain
mydestination = local.test, localhost
inet_interfaces = 127.0.0.1
proxy_interfaces = 192.0.2.1
inet_protocols = ipv4
recipient_delimiter = +
virtual_alias_domains = alias.test
virtual_mailbox_domains = box.test
virtual_transport = lmtp:unix:private/dovecot-lmtp
relay_domains = relay.test
relayhost = [hub.test]
sender_dependent_relayhost_maps = inline:{ {@special.test = [other.test]}, {dunno@special.test = DUNNO} }
transport_maps = inline:{ {slow.test = slow:}, {nohop.test = :[only.test]:2525}, {keep.test = :}, {both.test = smtp:[b.test]},
  {user@local.test = pipe:x}, {.sub.test = parent:} }
relocated_maps = inline:{ {moved@local.test = new@elsewhere.test} }
)";

Task<> resolve_one(Resolver& resolver, std::string sender, std::string recipient, Resolution& out,
                   std::string& error) {
  auto found = co_await resolver.resolve(sender, recipient);
  if (found)
    out = *found;
  else
    error = found.error().text;
}

struct Routed {
  Resolution to;
  std::string error;
};

Routed route(std::string_view config, std::string sender, std::string recipient) {
  Loop loop;
  auto cf = conf::MainCf::parse("main.cf", config, {});
  REQUIRE(cf);
  Logger log("test");
  auto resolver = Resolver::open(loop, *cf, log);
  if (!resolver) return {{}, resolver.error().text};
  Routed out;
  net::run_until_done(loop, resolve_one(**resolver, sender, recipient, out.to, out.error));
  return out;
}

}  // namespace

TEST_CASE("addresses become canonical") {
  RewriteParameters p;
  p.myorigin = "origin.test";
  p.mydomain = "example.test";
  struct Row {
    const char *from, *to;
  };
  // clang-format off
  const Row rows[] = {
      {"user", "user@origin.test"}, {"user@host.dom", "user@host.dom"}, {"user@host.dom.", "user@host.dom"}, {"", ""},
      {"site!user", "user@site"}, {"user%dom", "user@dom"}, {"a!b!user", "b!user@a"}, {"user%a%b", "user%a@b"},
      {"@a,@b:user@c", "user@c"}, {"site!user@host.dom", "site!user@host.dom"}, {"user@[127.0.0.1]", "user@[127.0.0.1]"},
      {"a b", "a b@origin.test"}, {"a b%c", "a b%c@origin.test"}, {"user@host", "user@host"}, {"user@", "user@"},
  };
  // clang-format on
  for (const Row& row : rows) {
    INFO(row.from);
    CHECK(rewrite_address(row.from, p, false) == row.to);
  }
  CHECK(rewrite_address("user", p, true) == "user");
  p.remote_header_rewrite_domain = "domain.invalid";
  CHECK(rewrite_address("user", p, true) == "user@domain.invalid");
  p.append_dot_mydomain = true;
  CHECK(rewrite_address("user@host", p, false) == "user@host.example.test");
}

TEST_CASE("transport entries change what they name") {
  struct Row {
    const char *entry, *transport, *nexthop;
  };
  const Row rows[] = {{"t:n", "t", "n"},       {"t:", "t", "rcpt.test"},
                      {":n", "smtp", "n"},     {":", "smtp", "hub"},
                      {"t", "t", "rcpt.test"}, {"lmtp:unix:private/x", "lmtp", "unix:private/x"}};
  for (const Row& row : rows) {
    INFO(row.entry);
    TransportNexthop via{"smtp", "hub"};
    apply_transport_entry(row.entry, "rcpt.test", via);
    CHECK(via.transport == row.transport);
    CHECK(via.nexthop == row.nexthop);
  }
}

TEST_CASE("recipients are routed by class and tables") {
  struct Row {
    const char *sender, *recipient, *transport, *nexthop, *final;
    AddressClass address_class;
    bool routed;
  };
  using enum AddressClass;
  // clang-format off
  const Row rows[] = {
      {"s@x", "frank@local.test", "local", "mx.example.test", "frank@local.test", local, false},
      {"s@x", "frank@LOCAL.test", "local", "mx.example.test", "frank@local.test", local, false},
      {"s@x", "frank@[127.0.0.1]", "local", "mx.example.test", "frank@[127.0.0.1]", local, false},
      {"s@x", "frank@[192.0.2.1]", "local", "mx.example.test", "frank@[192.0.2.1]", local, false},
      {"s@x", "frank@[192.0.2.77]", "smtp", "[hub.test]", "frank@[192.0.2.77]", remote, false},
      {"s@x", "frank%far.test@local.test", "smtp", "[hub.test]", "frank@far.test", remote, false},
      {"s@x", "frank@far.test@local.test", "smtp", "[hub.test]", "frank@far.test", remote, false},
      {"s@x", "far.test!frank@local.test", "smtp", "[hub.test]", "frank@far.test", remote, false},
      {"s@x", "a@b@far.test", "smtp", "[hub.test]", "a@b@far.test", remote, true},
      {"s@x", "a%b@far.test", "smtp", "[hub.test]", "a%b@far.test", remote, true},
      {"s@x", "a@alias.test", "error", "5.1.1 User unknown in virtual alias table", "a@alias.test", alias, false},
      {"s@x", "a@box.test", "lmtp", "unix:private/dovecot-lmtp", "a@box.test", virtual_mailbox, false},
      {"s@x", "a@sub.relay.test", "relay", "[hub.test]", "a@sub.relay.test", relay, false},
      {"s@x", "a@far.test.", "smtp", "[hub.test]", "a@far.test", remote, false},
      {"s@special.test", "a@far.test", "smtp", "[other.test]", "a@far.test", remote, false},
      {"dunno@special.test", "a@far.test", "smtp", "[hub.test]", "a@far.test", remote, false},
      {"s@x", "a@slow.test", "slow", "slow.test", "a@slow.test", remote, false},
      {"s@x", "a@nohop.test", "smtp", "[only.test]:2525", "a@nohop.test", remote, false},
      {"s@x", "a@keep.test", "smtp", "[hub.test]", "a@keep.test", remote, false},
      {"s@x", "a@both.test", "smtp", "[b.test]", "a@both.test", remote, false},
      {"s@x", "a@c.sub.test", "parent", "c.sub.test", "a@c.sub.test", remote, false},
      {"s@x", "user+ext@local.test", "pipe", "x", "user+ext@local.test", local, false},
      {"s@x", "moved@local.test", "error", "5.1.6 User has moved to new@elsewhere.test", "moved@local.test", local, false},
      {"s@x", "", "local", "mx.example.test", "MAILER-DAEMON@mx.example.test", local, false},
  };
  // clang-format on
  for (const Row& row : rows) {
    INFO(row.recipient);
    Routed got = route(kMainCf, row.sender, row.recipient);
    CHECK(got.error == "");
    CHECK(got.to.transport == row.transport);
    CHECK(got.to.nexthop == row.nexthop);
    CHECK(got.to.recipient == row.final);
    CHECK(got.to.address_class == row.address_class);
    CHECK(got.to.routed == row.routed);
  }
  CHECK(route(kMainCf, "s@x", "user@").to.bad_address);
  CHECK(route(kMainCf, "s@x", "user@1.2.3.4").to.bad_address);
}

TEST_CASE("a table that fails is temporary, never another class") {
  for (const char* parameter :
       {"virtual_alias_domains", "virtual_mailbox_domains", "relay_domains", "transport_maps",
        "mydestination", "relocated_maps", "sender_dependent_relayhost_maps",
        "sender_dependent_default_transport_maps"}) {
    INFO(parameter);
    std::string config =
        "myhostname = mx.example.test\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n";
    config += std::string(parameter) + " = fail:x\n";
    CHECK(route(config, "s@x", "a@far.test").error != "");
  }
}
