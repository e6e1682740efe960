// Messages between login, lmtp and broker; identities; which worker serves whom.
// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "common/base/text.h"
#include "common/net/loop.h"
#include "conf/dovecot/settings.h"
#include "mda/broker/delivery.h"
#include "mda/broker/handover.h"
#include "mda/broker/identity.h"
#include "tests/catch.h"

namespace dovetail::mda {
namespace {

TEST_CASE("a handover comes out as it went in, whatever the client wrote") {
  Handover from;
  from.service = "imap";
  from.user = "frank@example.org";
  from.tag = "a1";
  from.input = std::string("b SELECT \"x\ny=z\"\r\n\0c", 20);
  from.tls = true;
  from.auth_request = 4000000000u;
  from.auth_cookie = "00ff";
  from.userip_limit = 10;
  auto to = Handover::decode(service::ControlMessage::decode(from.encode().encode()));
  CHECK(to.input == from.input);
  CHECK(to.user == from.user);
  CHECK(to.tag == "a1");
  CHECK(to.tls);
  CHECK(to.auth_request == 4000000000u);
  CHECK(to.userip_limit == 10);
}

TEST_CASE("a tag with a line end cannot add a field") {
  Handover from;
  from.tag = "a\nuser=root";
  from.user = "frank";
  auto to = Handover::decode(service::ControlMessage::decode(from.encode().encode()));
  CHECK(to.user == "frank");
}

TEST_CASE("answers of deliveries keep their status") {
  for (auto status : {DeliveryAnswer::Status::stored, DeliveryAnswer::Status::unknown_user,
                      DeliveryAnswer::Status::temporary, DeliveryAnswer::Status::permanent}) {
    DeliveryAnswer answer;
    answer.status = status;
    answer.text = "why";
    CHECK(DeliveryAnswer::decode(answer.encode()).status == status);
  }
  CHECK(DeliveryAnswer::decode(service::ControlMessage{"ended", {}}).status ==
        DeliveryAnswer::Status::temporary);
}

Task<> receive_pieces(Loop& loop, int fd, std::string& got) {
  auto message = co_await receive_framed(loop, fd);
  got = message ? message->message.verb + format("/{}", message->fds.size()) : message.error().text;
}

TEST_CASE("what lmtp says of a user's rights does not reach the worker") {
  Delivery delivery;
  delivery.prefix = "Return-Path: <>\r\n";
  auto question = delivery.encode();
  for (auto field : {"userdb.0", "user", "id", "chroot"}) question.fields[field] = "uid=0";
  auto job = delivery_job(std::move(question));
  CHECK(job.verb == "deliver");
  CHECK(Delivery::decode(job).prefix == delivery.prefix);
  for (auto field : {"userdb.0", "user", "id", "chroot"}) CHECK_FALSE(job.fields.contains(field));
}

TEST_CASE("a field with a NUL in it is none") {
  auto message =
      service::ControlMessage::decode(std::string_view("session\nuser=a\0b\ntag=x\n", 23));
  CHECK(message.get("tag") == "x");
  CHECK_FALSE(message.fields.contains("user"));
}

TEST_CASE("a framed message may come in pieces, and nonsense is refused") {
  for (bool nonsense : {false, true}) {
    Loop loop;
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    base::Fd ours(ends[0]), theirs(ends[1]);
    auto bytes = nonsense ? std::string("GET / HTTP/1.1 and so on\r\n")
                          : frame_message({"session", {{"a", "b"}}});
    for (char c : bytes) REQUIRE(::write(theirs.get(), &c, 1) == 1);
    std::string got;
    net::run_until_done(loop, receive_pieces(loop, ours.get(), got));
    CHECK(got == (nonsense ? "not a message" : "session/0"));
  }
}

std::shared_ptr<const conf::dovecot::View> view_with(
    const std::vector<conf::dovecot::Override>& settings) {
  conf::dovecot::Tree tree;
  auto view = tree.view({});
  REQUIRE(view);
  auto with = (*view)->with(settings);
  REQUIRE(with);
  return *with;
}

TEST_CASE("identities are checked against the valid ranges") {
  struct Row {
    const char *uid, *gid, *error;
  };
  // As an ordinary user only the own uid can be had; the checks before that are the same.
  const Row rows[] = {
      {"100", "5000",
       "Mail access for users with UID 100 not permitted (see first_valid_uid in config file, uid "
       "from userdb lookup)."},
      {"9000", "5000",
       "Mail access for users with UID 9000 not permitted (see last_valid_uid in config file, uid "
       "from userdb lookup)."},
      {"5000", "9",
       "Mail access for users with GID 9 not permitted (see first_valid_gid in config file, gid "
       "from userdb lookup)."},
      {"", "5000", "User is missing UID (see mail_uid setting)"},
      {"5000", "", "User is missing GID (see mail_gid setting)"},
  };
  auto view = view_with(
      {{"first_valid_uid", "500"}, {"last_valid_uid", "8000"}, {"first_valid_gid", "10"}});
  for (auto& row : rows) {
    proto::AuthFields fields;
    fields.add("uid", row.uid);
    fields.add("gid", row.gid);
    auto identity = mail_identity("frank", fields, *view);
    REQUIRE(!identity);
    CHECK(identity.error().text == row.error);
  }
}

TEST_CASE("root never touches mail, even if the ranges allow it") {
  auto view = view_with({{"first_valid_uid", "0"}, {"first_valid_gid", "0"}});
  proto::AuthFields fields{{"uid", "0", false}, {"gid", "0", false}};
  auto identity = mail_identity("root", fields, *view);
  REQUIRE(!identity);
  CHECK(identity.error().text == "Mail access not allowed for root");
}

TEST_CASE("a chroot must be one of valid_chroot_dirs") {
  auto id = std::to_string(::geteuid() == 0 ? 5000 : ::geteuid());
  auto view = view_with(
      {{"first_valid_uid", "1"}, {"mail_gid", "5000"}, {"valid_chroot_dirs", "/var/mail:/home"}});
  for (auto [chroot, fine] : {std::pair("/home/frank", true), std::pair("/homes", false),
                              std::pair("/home/../etc", false)}) {
    proto::AuthFields fields{{"uid", id, false}, {"chroot", chroot, false}};
    CHECK(static_cast<bool>(mail_identity("frank", fields, *view)) == fine);
  }
}

TEST_CASE("a user has one worker, and users are spread") {
  std::set<unsigned> used;
  for (int i = 0; i < 50; ++i) {
    auto user = format("user{}@example.org", i);
    auto slot = worker_slot(user, 4);
    CHECK(slot < 4);
    CHECK(slot == worker_slot(user, 4));
    used.insert(slot);
  }
  CHECK(used.size() == 4);
  CHECK(worker_slot("x", 1) == 0);
}

}  // namespace
}  // namespace dovetail::mda
