// Any bytes as what a client says to LMTP; deliveries go to a backend that reads the message and knows every user but one.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/net/pool.h"
#include "mda/lmtp/session.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

class ReadingBackend : public mda::lmtp::Backend {
 public:
  Task<Result<mda::FoundUser>> find_user(mda::lmtp::LookupFor lookup) override {
    mda::FoundUser found;
    found.exists = lookup.user != "nobody";
    co_return found;
  }
  Task<Result<mda::DeliveryAnswer>> deliver(mda::Delivery delivery, int fd) override {
    tests::refuse(lseek(fd, static_cast<off_t>(delivery.offset), SEEK_SET) < 0);
    tests::refuse(!base::read_all(fd));
    mda::DeliveryAnswer answer;
    answer.status = mda::DeliveryAnswer::Status::stored;
    co_return answer;
  }
};

struct LmtpHouse {
  Loop loop;
  net::Pool pool{loop, 1};
  tests::Scratch scratch;
  ReadingBackend backend;
  mda::lmtp::UserCounts users;
  std::shared_ptr<mda::lmtp::LmtpSettings> settings = std::make_shared<mda::lmtp::LmtpSettings>();
  LmtpHouse() {
    settings->hostname = "mail.example.com";
    settings->mail_temp_dir = scratch.path();
    settings->recipient_delimiter = "+";
  }
};

Task<> serve_lmtp(LmtpHouse& house, base::Fd fd) {
  mda::lmtp::Services services{house.backend, house.pool, Logger("lmtp(1)"), house.users};
  Conn conn(house.loop, std::move(fd));
  mda::lmtp::Session session(conn, house.settings, services);
  co_await session.run();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static LmtpHouse house;
  tests::converse(house.loop, tests::input_text(data, size),
                  [](base::Fd fd) { return serve_lmtp(house, std::move(fd)); });
  tests::refuse(!house.users.empty());
  return 0;
}
