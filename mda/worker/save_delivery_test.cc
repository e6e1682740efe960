// Which mailbox a delivery ends in, what its log line says, and what makes it wait.
// SPDX-License-Identifier: Apache-2.0
#include "mda/worker/save_delivery.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/text.h"
#include "common/net/pool.h"
#include "tests/catch.h"

namespace dovetail::mda {

namespace {

struct Place {
  std::string directory;
  Loop loop;
  net::Pool pool{loop, 2};
  conf::dovecot::Tree tree;
  std::vector<std::string> lines;

  Place() {
    char name[] = "/tmp/delivery_test.XXXXXX";
    REQUIRE(::mkdtemp(name));
    directory = name;
    base::capture_log(
        [this](base::Level, std::string_view, std::string_view text) { lines.emplace_back(text); });
  }
  ~Place() {
    base::capture_log({});
    std::filesystem::remove_all(directory);
  }
  Place(const Place&) = delete;

  MailUser user(const std::string& settings) {
    std::ofstream(directory + "/dovecot.conf") << "ssl = no\nmail_location = maildir:" << directory
                                               << "/Maildir\nnamespace inbox {\n  inbox = yes\n}\n"
                                               << settings;
    auto loaded = conf::dovecot::load(directory + "/dovecot.conf");
    if (!loaded) INFO(loaded.error().text);
    REQUIRE(loaded);
    tree = std::move(*loaded);
    MailUser made;
    made.user = "frank@example.org";
    made.service = "lmtp";
    made.home = directory;
    auto completed = complete_mail_user(tree, std::move(made));
    REQUIRE(completed);
    completed->home = directory;
    return std::move(*completed);
  }

  size_t count(const std::string& box) const {
    auto path = directory + "/Maildir" + box + "/new";
    if (!std::filesystem::exists(path)) return 0;
    auto all = std::filesystem::directory_iterator(path);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
};

Task<> save_one(Place& place, const MailUser& user, std::string mailbox, DeliveryAnswer& answer) {
  auto path = place.directory + "/message";
  std::ofstream(path) << "Subject: s\r\nFrom: f@example.org\r\n\r\nbody\r\n";
  auto fd = base::open_file(path, O_RDONLY);
  REQUIRE(fd);
  auto settings = store_settings(user);
  REQUIRE(settings);
  auto store = Store::create(place.loop, place.pool, std::move(*settings), Logger("test"));
  REQUIRE(store);
  Delivery delivery;
  delivery.user = user.user;
  delivery.mailbox = std::move(mailbox);
  delivery.message_id = "<m@test>";
  delivery.prefix = "Return-Path: <s@example.org>\r\n";
  answer = co_await save_delivery(**store, user, std::move(delivery), fd->get(), Logger("test"));
}

DeliveryAnswer save(Place& place, const MailUser& user, std::string mailbox) {
  DeliveryAnswer answer;
  net::run_until_done(place.loop, save_one(place, user, std::move(mailbox), answer));
  return answer;
}

}  // namespace

TEST_CASE("deliver_log_format") {
  DeliveryFacts facts{"saved mail to INBOX", "<m@test>", "a\nb", "f", "s", 12};
  CHECK(delivery_log_line("msgid=%m: %$", facts) == "msgid=<m@test>: saved mail to INBOX");
  CHECK(delivery_log_line("%s|%f|%e|%p", facts) == "a?b|f|s|12");
  facts.message_id.clear();
  CHECK(delivery_log_line("msgid=%{msgid}: %$", facts) == "msgid=unspecified: saved mail to INBOX");
}

TEST_CASE("a missing mailbox is replaced by INBOX") {
  Place place;
  auto user = place.user("deliver_log_format = [%e] %s: %$\n");
  CHECK(save(place, user, "lists").status == DeliveryAnswer::Status::stored);
  CHECK(place.count("") == 1);
  CHECK(place.count("/.lists") == 0);
  REQUIRE(place.lines.size() == 2);
  CHECK(place.lines[0] ==
        "[s@example.org] s: save failed to open mailbox lists: Mailbox doesn't exist: lists");
  CHECK(place.lines[1] == "[s@example.org] s: saved mail to INBOX");
  // A name that cannot be is no way out of the mail directory.
  CHECK(save(place, user, "../../x").status == DeliveryAnswer::Status::stored);
  CHECK(save(place, user, "inbox").status == DeliveryAnswer::Status::stored);
  CHECK(place.count("") == 3);
}

TEST_CASE("lda_mailbox_autocreate and lda_mailbox_autosubscribe") {
  Place place;
  auto user = place.user(
      "protocol lmtp {\n  lda_mailbox_autocreate = yes\n  lda_mailbox_autosubscribe = yes\n}\n");
  CHECK(save(place, user, "lists").status == DeliveryAnswer::Status::stored);
  CHECK(place.count("/.lists") == 1);
  auto subscriptions = base::read_file(place.directory + "/Maildir/subscriptions");
  REQUIRE(subscriptions);
  CHECK(subscriptions->find("lists\n") != subscriptions->npos);
}

TEST_CASE("plugins that would decide over a message make it wait") {
  Place place;
  CHECK(delivery_obstacle(place.user("mail_plugins = acl notify\n")) == "");
  CHECK(delivery_obstacle(place.user("mail_plugins = quota\n")) == "");
  CHECK(delivery_obstacle(
            place.user("mail_plugins = quota\nplugin {\n  quota = maildir:User quota\n}\n")) ==
        "mail_plugins: quota is not supported yet");
  CHECK(delivery_obstacle(place.user("mail_plugins = mail_crypt\n")) != "");
  auto sieve = place.user("protocol lmtp {\n  mail_plugins = sieve\n}\n");
  CHECK(delivery_obstacle(sieve) == "");
  std::ofstream(place.directory + "/.dovecot.sieve") << "discard;\n";
  CHECK(delivery_obstacle(sieve).starts_with(
      "mail_plugins: sieve is not supported yet, and there is /"));
  auto answer = save(place, sieve, "");
  CHECK(answer.status == DeliveryAnswer::Status::temporary);
  CHECK(place.count("") == 0);
}

}  // namespace dovetail::mda
