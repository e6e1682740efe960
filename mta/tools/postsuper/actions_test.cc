// What postsuper, showq and flush do to a queue directory, on one of its own.
// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postsuper/actions.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/clock.h"
#include "mta/flush/flush.h"
#include "mta/queue/bounce_log.h"
#include "mta/queue/queue_file.h"
#include "mta/showq/entry.h"
#include "tests/catch.h"

namespace dovetail::mta {
namespace {

constexpr std::string_view kId = "4jWDcb5mcQz1f55y", kOther = "4jWDcb6w85z1f58M";

struct ToolQueue {
  ToolQueue() : root(make_root()), directories(root, "deferred, defer", 1) {
    for (std::string_view queue : super_queues())
      mkdir((root + '/' + std::string(queue)).c_str(), 0700);
  }
  ~ToolQueue() { (void)!system(("rm -rf " + root).c_str()); }
  static std::string make_root() {
    char name[] = "/tmp/dovetail-tools-XXXXXX";
    return mkdtemp(name);
  }

  void put(std::string_view queue, std::string_view id, mode_t mode = 0700) {
    SizeRecord size;
    std::string bytes = head(size), content;
    append_record(content, kRecNormal, "Subject: x");
    size.data_offset = static_cast<int64_t>(bytes.size());
    size.content_size = static_cast<int64_t>(content.size());
    bytes = head(size) + content;
    append_record(bytes, kRecExtracted, "");
    append_record(bytes, kRecEnd, "");
    auto fd = directories.open(queue, id, O_RDWR | O_CREAT, 0600);
    REQUIRE((fd && *fd));
    REQUIRE(base::write_all((*fd)->get(), bytes));
    fchmod((*fd)->get(), mode);
  }
  static std::string head(const SizeRecord& size) {
    std::string bytes;
    append_record(bytes, kRecSize, size.text());
    append_record(bytes, kRecTime, "1795175913 224656");
    append_record(bytes, kRecFrom, "");
    append_record(bytes, kRecRcpt, "late@dest.test");
    append_record(bytes, kRecDone, "done@dest.test");
    append_record(bytes, kRecRcpt, "new user@Other.test");
    append_record(bytes, kRecMessage, "");
    return bytes;
  }
  bool has(std::string_view queue, std::string_view id) const {
    return base::file_exists(directories.path(queue, id));
  }
  mode_t mode(std::string_view queue, std::string_view id) const {
    struct stat status {};
    stat(directories.path(queue, id).c_str(), &status);
    return status.st_mode & 07777;
  }

  std::string root;
  QueueDirectories directories;
};

Logger quiet_log() {
  base::capture_log([](Level, std::string_view, std::string_view) {});
  return Logger("postsuper");
}

TEST_CASE("hold, release, expire, requeue and remove one message") {
  ToolQueue queue;
  queue.put("deferred", kId);
  SuperActions actions(queue.directories, {}, quiet_log());
  actions.one(SuperAction::release, kId);
  CHECK(actions.counts().released == 0);
  actions.one(SuperAction::hold, kId);
  CHECK(queue.has("hold", kId));
  actions.one(SuperAction::hold, kId);
  CHECK(actions.counts().held == 1);
  actions.one(SuperAction::expire_and_release, kId);
  CHECK(queue.has("deferred", kId));
  CHECK(queue.mode("deferred", kId) == 0710);
  actions.one(SuperAction::requeue, kId);
  CHECK(queue.has("maildrop", kId));
  CHECK(!queue.has("deferred", kId));
  actions.one(SuperAction::remove, "../../etc/passwd");
  CHECK(actions.counts().removed == 0);
}

TEST_CASE("what is still being written stays with its writer") {
  ToolQueue queue;
  queue.put("incoming", kId, 0600);
  queue.put("incoming", kOther);
  SuperActions actions(queue.directories, {}, quiet_log());
  actions.all(SuperAction::requeue);
  CHECK(queue.has("incoming", kId));
  CHECK(queue.has("maildrop", kOther));
  actions.one(SuperAction::hold, kId);
  CHECK(queue.has("incoming", kId));
}

TEST_CASE("removing takes the logs along, and only from the queues named") {
  ToolQueue queue;
  queue.put("deferred", kId);
  queue.put("hold", kOther);
  REQUIRE(append_bounce_entry(queue.directories, "defer", kId,
                              {.recipient = "late@dest.test", .reason = "later"}));
  SuperActions actions(queue.directories, {"deferred"}, quiet_log());
  actions.all(SuperAction::remove);
  CHECK(actions.counts().removed == 1);
  CHECK(!queue.has("deferred", kId));
  CHECK(!queue.has("defer", kId));
  CHECK(queue.has("hold", kOther));
}

TEST_CASE("the structure check moves misplaced files and renames short ids to their inode") {
  ToolQueue queue;
  queue.put("incoming", kId);
  std::string wrong = queue.root + "/deferred/" + std::string(kId);
  REQUIRE(rename(queue.directories.path("incoming", kId).c_str(), wrong.c_str()) == 0);
  queue.put("hold", "12345FFFFFFF");
  StructureCheck check;
  REQUIRE(check.run(queue.directories, "deferred", quiet_log()));
  CHECK(queue.has("deferred", kId));
  CHECK(check.renamed == 0);
  REQUIRE(check.run(queue.directories, "hold", quiet_log()));
  CHECK(check.renamed == 1);
  auto ids = queue.directories.list("hold");
  REQUIRE((ids && ids->size() == 1));
  CHECK(ids->front() != "12345FFFFFFF");
  CHECK(ids->front().starts_with("12345"));
  REQUIRE(check.run(queue.directories, "hold", quiet_log()));
  CHECK(check.renamed == 1);
  CHECK(!check.run(queue.directories, "nosuch", quiet_log()));
}

TEST_CASE("showq lists reasons first, then the other recipients, and no unfinished file") {
  ToolQueue queue;
  queue.put("deferred", kId, 0710);
  queue.put("incoming", kOther, 0600);
  REQUIRE(append_bounce_entry(queue.directories, "defer", kId,
                              {.recipient = "late@dest.test", .reason = "host said: 450"}));
  CHECK(!queue_entry(queue.directories, "incoming", kOther));
  CHECK(!queue_entry(queue.directories, "hold", kId));
  auto entry = queue_entry(queue.directories, "deferred", kId);
  REQUIRE(entry);
  CHECK(entry->get("sender") == "MAILER-DAEMON");
  CHECK(entry->get("time") == "1795175913");
  CHECK(entry->get("forced_expire") == "1");
  auto recipients = entry->get_all("recipient"), reasons = entry->get_all("reason");
  CHECK(recipients == std::vector<std::string_view>{"late@dest.test", "\"new user\"@Other.test"});
  CHECK(reasons == std::vector<std::string_view>{"host said: 450", ""});
}

TEST_CASE("flush moves a deferred message with the mark for dead destinations") {
  ToolQueue queue;
  queue.put("deferred", kId);
  CHECK(goes_to_site(queue.directories, kId, "other.test"));
  CHECK(!goes_to_site(queue.directories, kId, "nosuch.test"));
  CHECK(release_deferred(queue.directories, kId, quiet_log()) == FlushAnswer::ok);
  CHECK(queue.has("incoming", kId));
  CHECK(queue.mode("incoming", kId) == 0740);
  // It is on its way: asking again is no fault.
  CHECK(release_deferred(queue.directories, kId, quiet_log()) == FlushAnswer::ok);
}

}  // namespace
}  // namespace dovetail::mta
