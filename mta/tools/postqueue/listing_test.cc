// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postqueue/listing.h"

#include <cstdlib>
#include <ctime>

#include "tests/catch.h"

namespace dovetail::mta {
namespace {

using namespace std::string_view_literals;

TEST_CASE("an attribute list is taken only when it is whole") {
  std::string_view all = "queue_id\0ABC\0size\0007\0\0next"sv;
  for (size_t length = 0; length < all.size() - 4; ++length) {
    std::string_view part = all.substr(0, length);
    CHECK(!take_listed(part));
    CHECK(part.size() == length);
  }
  auto taken = take_listed(all);
  REQUIRE(taken);
  CHECK(taken->size() == 2);
  CHECK((*taken)[1].second == "7");
  CHECK(all == "next");
  CHECK(!ListedEntry::parse(*taken));  // no queue name
}

ListedEntry late_message() {
  ListedEntry entry;
  entry.queue_name = "deferred";
  entry.queue_id = "36FD6AC4B57";
  entry.sender = "frank@example.test";
  entry.time = 1795175913;
  entry.size = 323;
  entry.recipients = {{"a@x", "host \"said\" no"}, {"b@x", "host \"said\" no"}, {"c@x", ""}};
  return entry;
}

TEST_CASE("mailq shows each reason once and counts") {
  setenv("TZ", "UTC", 1);
  tzset();
  QueueTable table(false);
  CHECK(table.end() == "Mail queue is empty\n");
  CHECK(table.entry(late_message()) ==
        "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
        "36FD6AC4B57     323 Fri Nov 20 11:58:33  frank@example.test\n" +
            std::string(62, ' ') + "(host \"said\" no)\n" + std::string(41, ' ') + "a@x\n" +
            std::string(41, ' ') + "b@x\n" + std::string(41, ' ') + "c@x\n\n");
  ListedEntry held = late_message();
  held.queue_name = "hold";
  held.queue_id = "4jWDcb6w85z1f58M";
  held.forced_expire = true;
  held.recipients.clear();
  held.size = 1000;
  CHECK(QueueTable(true).entry(held) ==
        "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
        "4jWDcb6w85z1f58M!#     1000 Fri Nov 20 11:58:33 frank@example.test\n\n");
  table.entry(held);
  CHECK(table.end() == "-- 1 Kbytes in 2 Requests.\n");
}

TEST_CASE("JSON escapes what JSON must escape") {
  ListedEntry entry = late_message();
  entry.recipients.resize(1);
  entry.recipients[0].address = "tab\there\x01";
  CHECK(json_entry(entry) ==
        "{\"queue_name\": \"deferred\", \"queue_id\": \"36FD6AC4B57\", \"arrival_time\": "
        "1795175913, \"message_size\": 323, "
        "\"forced_expire\": false, \"sender\": \"frank@example.test\", \"recipients\": "
        "[{\"address\": \"tab\\there\\u0001\", "
        "\"delay_reason\": \"host \\\"said\\\" no\"}]}\n");
}

}  // namespace
}  // namespace dovetail::mta
