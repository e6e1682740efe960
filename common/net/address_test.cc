// SPDX-License-Identifier: Apache-2.0
#include "common/net/address.h"

#include "tests/catch.h"

namespace dovetail::net {

TEST_CASE("addresses read back as they were written") {
  CHECK(SockAddr::ip("192.168.100.6", 25)->host() == "192.168.100.6");
  CHECK(SockAddr::ip("192.168.100.6", 25)->port() == 25);
  CHECK(SockAddr::ip("[2001:db8::1]", 25)->host() == "2001:db8::1");
  CHECK(SockAddr::ip("IPv6:2001:db8::1", 0)->host() == "2001:db8::1");
  CHECK(SockAddr::ip("::ffff:10.0.0.1", 0)->host() == "10.0.0.1");
  CHECK(!SockAddr::ip("mail.example.com", 25));
  CHECK(!SockAddr::ip("1.2.3", 25));
  CHECK(SockAddr::unix_path("/run/x")->host() == "/run/x");
  CHECK(!SockAddr::unix_path(std::string(200, 'x')));
  CHECK(SockAddr::ip("127.0.0.2", 0)->is_loopback());
  CHECK(SockAddr::ip("::1", 0)->is_loopback());
}

TEST_CASE("a network holds its own addresses only") {
  auto net = Network::parse("192.168.100.0/24");
  REQUIRE(net);
  CHECK(net->contains(*SockAddr::ip("192.168.100.255", 0)));
  CHECK(!net->contains(*SockAddr::ip("192.168.101.1", 0)));
  CHECK(Network::parse("10.0.0.0/9")->contains(*SockAddr::ip("10.127.1.1", 0)));
  CHECK(!Network::parse("10.0.0.0/9")->contains(*SockAddr::ip("10.128.1.1", 0)));
  CHECK(!Network::parse("10.0.0.1/8"));
  CHECK(!Network::parse("10.0.0.0/33"));
  CHECK(Network::parse("0.0.0.0/0")->contains(*SockAddr::ip("10.128.1.1", 0)));
  CHECK(Network::parse("[2001:db8::]/32")->contains(*SockAddr::ip("2001:db8:1::5", 0)));
  CHECK(!Network::parse("::/0")->contains(*SockAddr::ip("10.0.0.1", 0)));
}

}  // namespace dovetail::net
