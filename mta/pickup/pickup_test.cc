// Maildrop files on their way into the queue.
// SPDX-License-Identifier: Apache-2.0
#include "mta/pickup/pickup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/text.h"
#include "conf/postfix/main_cf.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::mta;
using namespace std::string_view_literals;

namespace {

Task<> scan_once(Pickup& pickup, size_t& queued) {
  auto count = co_await pickup.scan();
  queued = count;
}

struct Maildrop {
  explicit Maildrop(std::string extra = "") {
    char name[] = "/tmp/dovetail-pickup-XXXXXX";
    root = mkdtemp(name);
    for (const char* queue : {"incoming", "maildrop", "corrupt", "hold", "bounce"})
      mkdir((root + '/' + queue).c_str(), 0700);
    config = format(
        "compatibility_level = 3.6\nqueue_directory = {}\nmyhostname = mx.example.test\nmydomain = "
        "example.test\n"
        "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmydestination = local.test\n{}\n",
        root, extra);
  }
  ~Maildrop() { (void)!system(("rm -rf " + root).c_str()); }
  void put(const std::string& id, std::string_view bytes, mode_t mode = 0744) {
    std::string path = root + "/maildrop/" + id;
    REQUIRE(base::replace_file(path, bytes, mode));
    REQUIRE(chmod(path.c_str(), mode) == 0);
  }
  size_t scan(uid_t owner) {
    Loop loop;
    auto cf = conf::MainCf::parse("main.cf", config, {});
    REQUIRE(cf);
    base::capture_log([&](Level, std::string_view tag, std::string_view line) {
      log += format("{}: {}\n", tag, line);
    });
    auto service = CleanupService::open(loop, *cf, Logger("postfix/cleanup"));
    REQUIRE(service);
    PickupOptions options;
    options.root = root;
    options.myhostname = "mx.example.test";
    options.mail_name = "Postfix";
    options.owner = owner;
    size_t queued = 0;
    {
      Pickup pickup(loop, **service, options, Logger("postfix/pickup"));
      net::run_until_done(loop, scan_once(pickup, queued));
    }
    base::capture_log({});
    return queued;
  }
  std::vector<std::string> list(const char* queue) {
    QueueDirectories directories(root, "", 1);
    return directories.list(queue).value_or({});
  }
  std::string root, config, log;
};

constexpr std::string_view kDropped =
    "A\x15rewrite_context=localF\x03JoeS\x08"
    "a@b.testR\x08"
    "c@d.testM\0N\nSubject: xN\0N\x04"
    "bodyX\0E\0"sv;
constexpr uid_t kNobody = 65000;

}  // namespace

TEST_CASE("a dropped message is queued and removed") {
  Maildrop drop;
  drop.put("AAAAA1", kDropped);
  CHECK(drop.scan(kNobody) == 1);
  CHECK(drop.list("maildrop").empty());
  auto ids = drop.list("incoming");
  REQUIRE(ids.size() == 1);
  CHECK(drop.log.find(format("postfix/pickup: {}: uid={} from=<a@b.test>\n", ids[0], getuid())) ==
        0);
  CHECK(drop.log.find(format("postfix/cleanup: {}: message-id=<", ids[0])) != std::string::npos);
  Fd fd(open((drop.root + "/incoming/" + ids[0]).c_str(), O_RDONLY));
  auto message = read_envelope(fd.get());
  REQUIRE(message);
  CHECK(message->envelope.sender == "a@b.test");
  CHECK(message->envelope.full_name == "Joe");
  ContentReader content(fd.get(), message->size, ContentReader::LineEnd::lf);
  std::string text;
  REQUIRE(content.read(text, SIZE_MAX));
  CHECK(text.find(format("Received: by mx.example.test (Postfix, from userid {})\n\tid {}; ",
                         getuid(), ids[0])) == 0);
  CHECK(text.find("\nSubject: x\nMessage-Id: <") != std::string::npos);
  CHECK(text.ends_with("\nFrom: Joe <a@b.test>\n\nbody\n"));
}

TEST_CASE("unfinished files are left, damaged ones moved away") {
  Maildrop drop;
  drop.put("AAAAA1", kDropped, 0644);
  drop.put("AAAAA2", kDropped.substr(0, kDropped.size() - 2));
  drop.put("AAAAA3",
           "T\x0c"
           "1700000000 0C\x07"
           "123 1 1S\0R\1aM\0X\0E\0"sv);
  drop.put("AAAAA4", "hello\n");
  CHECK(drop.scan(kNobody) == 0);
  CHECK(drop.list("maildrop") == std::vector<std::string>{"AAAAA1"});
  CHECK(drop.list("corrupt").size() == 3);
  CHECK(drop.list("incoming").empty());
}

TEST_CASE("a queue file put back by its owner is taken with what is left to do") {
  Maildrop drop;
  std::string bytes;
  append_record(bytes, kRecSize, SizeRecord{}.text());
  append_record(bytes, kRecTime, "1700000000 5");
  append_record(bytes, kRecFrom, "a@b.test");
  append_record(bytes, kRecDone, "done@d.test");
  append_record(bytes, kRecRcpt, "left@d.test");
  append_record(bytes, kRecMessage, "");
  append_record(bytes, kRecNormal, "Message-Id: <1>");
  append_record(bytes, kRecExtracted, "");
  append_record(bytes, kRecEnd, "");
  drop.put("AAAAA1", bytes);
  CHECK(drop.scan(getuid()) == 1);
  auto ids = drop.list("incoming");
  REQUIRE(ids.size() == 1);
  Fd fd(open((drop.root + "/incoming/" + ids[0]).c_str(), O_RDONLY));
  auto message = read_envelope(fd.get());
  REQUIRE(message);
  REQUIRE(message->envelope.recipients.size() == 1);
  CHECK(message->envelope.recipients[0].address == "left@d.test");
}

TEST_CASE("a lookup that fails keeps the message in the maildrop") {
  Maildrop drop("virtual_alias_maps = fail:x");
  drop.put("AAAAA1", kDropped);
  CHECK(drop.scan(kNobody) == 0);
  CHECK(drop.list("maildrop").size() == 1);
  CHECK(drop.list("incoming").empty());
}
