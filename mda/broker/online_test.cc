// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/online.h"

#include "tests/catch.h"

namespace dovetail::mda {
namespace {

OnlineTable some() {
  OnlineTable table;
  table.add({10, 1}, {"imap", "frank@example.org", "192.0.2.1", "s1", 501});
  table.add({10, 2}, {"imap", "frank@example.org", "192.0.2.1", "s2", 501});
  table.add({10, 3}, {"pop3", "anna@example.org", "", "s3", 502});
  return table;
}

TEST_CASE("sessions are counted by service, user and address") {
  auto table = some();
  CHECK(table.connections("imap", "frank@example.org", "192.0.2.1") == 2);
  CHECK(table.connections("pop3", "frank@example.org", "192.0.2.1") == 0);
  CHECK(table.sessions("imap") == 2);
  CHECK(table.of_user("frank@example.org", "").size() == 2);
  CHECK(table.of_user("frank@example.org", "192.0.2.9").empty());
  CHECK(table.dump() ==
        "imap/192.0.2.1/frank@example.org\t501\t2\npop3//anna@example.org\t502\t1\n\n");
  table.remove({10, 1});
  CHECK(table.connections("imap", "frank@example.org", "192.0.2.1") == 1);
}

TEST_CASE("a successor counts what its predecessor still has") {
  OnlineTable next;
  next.add({11, 1}, {"imap", "frank@example.org", "192.0.2.1", "s4", 503});
  next.inherit(10, some().encode(10));
  CHECK(next.connections("imap", "frank@example.org", "192.0.2.1") == 3);
  CHECK(next.brokers() == std::set<pid_t>{10, 11});
  next.remove({10, 2});
  CHECK(next.sessions("imap") == 2);
  // A third generation gets both.
  OnlineTable last;
  for (auto broker : next.brokers()) last.inherit(broker, next.encode(broker));
  CHECK(last.dump() == next.dump());
  last.remove_all(10);
  CHECK(last.sessions("imap") == 1);
  CHECK(last.sessions("pop3") == 0);
}

TEST_CASE("lines that are no sessions are passed over") {
  OnlineTable table;
  table.inherit(1, "x\t2\timap\tip\ts\tuser\n1\t2\timap\n\n");
  CHECK(table.brokers().empty());
}

}  // namespace
}  // namespace dovetail::mda
