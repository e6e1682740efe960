// Queue files byte for byte, reading them back, marks, logs, directories.
// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/text.h"
#include "common/net/address.h"
#include "mta/queue/bounce_log.h"
#include "mta/queue/envelope_builder.h"
#include "mta/queue/queue_file.h"
#include "mta/queue/trigger.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::mta;
using namespace std::string_view_literals;

namespace {

// A queue directory of its own, removed at the end.
struct TemporaryQueue {
  TemporaryQueue() {
    char name[] = "/tmp/dovetail-queue-XXXXXX";
    root = mkdtemp(name);
    for (const char* queue : {"incoming", "hold", "deferred", "defer", "maildrop"})
      mkdir((root + '/' + queue).c_str(), 0700);
  }
  ~TemporaryQueue() { (void)!system(("rm -rf " + root).c_str()); }
  std::string root;
};

// The envelope and content of a file Postfix 3.7 wrote.
constexpr std::string_view kRecorded =
    "C_            323             668               1               0             323             "
    "  0"
    "T\x11"
    "1795175913 224656A\x16"
    "create_time=1795175913A\x15log_ident=36FD6AC4B57A\x15rewrite_context=localS\x12"
    "frank@example.testA\x19log_client_name=localhostA\x1clog_client_address=127.0.0.1A\x15log_"
    "client_port=44492"
    "A'log_message_origin=localhost[127.0.0.1]A\x1elog_helo_name=client.good.testA\x17log_protocol_"
    "name=ESMTP"
    "A\x15"
    "client_name=localhostA\x1dreverse_client_name=localhostA\x18"
    "client_address=127.0.0.1A\x11"
    "client_port=44492A\x18server_address=127.0.0.1A\x0eserver_port=25A\x1ahelo_name=client.good."
    "test"
    "A\x13protocol_name=ESMTPA\x15"
    "client_address_type=2A#dsn_orig_rcpt=rfc822;slow@dest.testO\x0eslow@dest.testR\x0eslow@dest."
    "testM\0"
    "N7Received: from client.good.test (localhost [127.0.0.1])N7\tby mx.example.test (Postfix) "
    "with ESMTP id "
    "36FD6AC4B57N<\tfor <slow@dest.test>; Fri, 20 Nov 2026 11:58:33 +0000 (UTC)N\x18"
    "From: frank@example.testN\x12To: slow@dest.testN\rSubject: testN!Message-ID: "
    "<m1@client.good.test>N+"
    "Date: Fri, 20 Nov 2026 11:58:33 +0000 (UTC)N\0N\x02hiX\0E\0"sv;

}  // namespace

namespace {

Fd file_with(const std::string& path, std::string_view bytes) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  REQUIRE(base::write_all(fd.get(), bytes));
  return fd;
}

std::vector<Record> read_recorded_records() {
  RecordDecoder decoder(4096);
  std::string_view input = kRecorded;
  std::vector<Record> records;
  Record record;
  while (decoder.next(input, record) == RecordDecoder::State::record) records.push_back(record);
  return records;
}

Task<> give_up(QueueDisk& disk, const QueueDirectories& directories) {
  QueueFileOptions options;
  options.long_ids = true;
  options.size_limit = 100;
  auto created = co_await QueueFile::create(disk, directories, options);
  REQUIRE(created);
  CHECK(directories.list("incoming")->size() == 1);
  (*created)->put_line(std::string(5000, 'x'));
  CHECK((*created)->pending() == 5000 + 9);
  auto written = co_await (*created)->write_above(100);
  CHECK(!written);
  QueueFile::CommitOptions commit;
  auto done = co_await (*created)->commit(commit);
  CHECK(!done);
}

// One of several that become ready in the same moment; `fails` because it is larger than it may be.
Task<> commit_one(QueueDisk& disk, const QueueDirectories& directories, bool fails,
                  std::string queue) {
  QueueFileOptions options;
  options.size_limit = fails ? 10 : 0;
  auto created = co_await QueueFile::create(disk, directories, options);
  REQUIRE(created);
  (*created)->put_size();
  QueueFile::CommitOptions commit;
  commit.size.message_size = 4711;
  commit.queue = queue;
  auto done = co_await (*created)->commit(commit);
  CHECK(bool(done) == !fails);
}

Task<> write_recorded(QueueDisk& disk, const QueueDirectories& directories, std::string& id,
                      std::string queue) {
  QueueFileOptions options;
  auto created = co_await QueueFile::create(disk, directories, options);
  REQUIRE(created);
  QueueFile& file = **created;
  id = file.queue_id();
  auto original = read_recorded_records();
  file.put_size();
  SizeRecord size;
  for (const Record& record : original) {
    if (record.type == kRecSize) continue;
    if (record.type == kRecExtracted) size.content_size = file.offset() - size.data_offset;
    file.put(record.type, record.data);
    if (record.type == kRecMessage) size.data_offset = file.offset();
  }
  size.recipient_count = 1;
  size.message_size = size.content_size;
  QueueFile::CommitOptions commit;
  commit.size = size;
  commit.queue = queue;
  auto done = co_await file.commit(commit);
  REQUIRE(done);
}

}  // namespace

TEST_CASE("a file Postfix wrote is read") {
  TemporaryQueue queue;
  Fd fd = file_with(queue.root + "/f", kRecorded);
  auto message = read_envelope(fd.get());
  REQUIRE(message);
  CHECK(message->complete);
  CHECK(message->size.message_size == 323);
  CHECK(message->size.data_offset == 668);
  CHECK(message->envelope.sender == "frank@example.test");
  CHECK(message->envelope.arrival.microseconds == 224656);
  CHECK(message->envelope.log_client.helo == "client.good.test");
  CHECK(message->envelope.client.server_port == "25");
  REQUIRE(message->envelope.recipients.size() == 1);
  CHECK(message->envelope.recipients[0].address == "slow@dest.test");
  CHECK(message->envelope.recipients[0].dsn_orcpt == "rfc822;slow@dest.test");
  CHECK(message->envelope.recipients[0].offset == 650);
  ContentReader content(fd.get(), message->size, ContentReader::LineEnd::crlf);
  std::string text;
  auto more = content.read(text, 1);
  REQUIRE(more);
  CHECK(text == "Received: from client.good.test (localhost [127.0.0.1])\r\n");
  // The end is told to a caller that keeps what it has, too.
  int reads = 0;
  while (reads < 100 && content.read(text, text.size() + 1).value_or(false)) ++reads;
  CHECK(reads < 100);
  CHECK(text.ends_with("+0000 (UTC)\r\n\r\nhi\r\n"));
  CHECK(mark_done(fd.get(), 650));
  CHECK(!mark_done(fd.get(), 651));
  auto again = read_envelope(fd.get());
  REQUIRE(again);
  CHECK(again->envelope.recipients.empty());
  CHECK(again->recipients_done == 1);
}

TEST_CASE("what we write is what Postfix wrote") {
  TemporaryQueue queue;
  Loop loop;
  QueueDisk disk(loop, 1);
  QueueDirectories directories(queue.root, "deferred, defer", 1);
  std::string target = GENERATE("", "hold");
  std::string id;
  net::run_until_done(loop, write_recorded(disk, directories, id, target));
  std::string path = directories.path(target.empty() ? "incoming" : target, id);
  CHECK(base::read_file(path).value_or("") == kRecorded);
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
}

TEST_CASE("a file that is cut anywhere is refused, never misread") {
  TemporaryQueue queue;
  for (size_t length = 0; length < kRecorded.size(); ++length) {
    INFO(length);
    Fd fd = file_with(queue.root + "/f", kRecorded.substr(0, length));
    CHECK(!read_envelope(fd.get()));
  }
}

TEST_CASE("many recipients are read in portions") {
  TemporaryQueue queue;
  std::string bytes, envelope;
  append_record(envelope, kRecFrom, "s@x");
  for (int i = 0; i < 25; ++i)
    append_record(envelope, i % 5 ? kRecRcpt : kRecDone, format("r{}@x", i));
  append_record(envelope, kRecMessage, "");
  std::string content;
  append_record(content, kRecNormal, "Subject: x");
  std::string extracted;
  append_record(extracted, kRecExtracted, "");
  append_record(extracted, kRecAttr, "encoding=8bit");
  append_record(extracted, kRecRcpt, "last@x");
  append_record(extracted, kRecEnd, "");
  SizeRecord size;
  size.content_size = static_cast<int64_t>(content.size());
  size.data_offset = 97 + static_cast<int64_t>(envelope.size());
  append_record(bytes, kRecSize, size.text());
  bytes += envelope + content + extracted;
  Fd fd = file_with(queue.root + "/f", bytes);
  std::vector<std::string> seen;
  ReadOptions options;
  options.recipient_limit = 6;
  for (int pass = 0; pass < 10; ++pass) {
    auto message = read_envelope(fd.get(), options);
    REQUIRE(message);
    CHECK(message->envelope.encoding == mail::Encoding::eight_bit);
    CHECK(message->envelope.recipients.size() <= 6);
    for (const auto& recipient : message->envelope.recipients) seen.push_back(recipient.address);
    if (!message->more_recipients) break;
    options.recipients_from = *message->more_recipients;
  }
  CHECK(seen.size() == 21);
  CHECK(seen.back() == "last@x");
}

TEST_CASE("pointers are followed, loops end") {
  TemporaryQueue queue;
  std::string bytes;
  append_record(bytes, kRecNormal, "one");
  off_t back = 5 + 17;
  append_record(bytes, kRecPointer, format("{:15d}", back + 17 + 5));
  append_record(bytes, kRecPointer, format("{:15d}", 0));  // no jump
  append_record(bytes, kRecNormal, "two");
  append_record(bytes, kRecNormal, "ins");
  append_record(bytes, kRecPointer, format("{:15d}", back));
  Fd fd = file_with(queue.root + "/f", bytes);
  RecordReader reader(fd.get());
  std::string text;
  for (int i = 0; i < 4; ++i) {
    auto record = reader.next();
    REQUIRE((record && *record));
    text += (*record)->data + ' ';
  }
  CHECK(text == "one ins two ins ");
  for (int i = 0; i < 100000; ++i) {
    auto record = reader.next();
    if (!record) break;
    REQUIRE(i < 99999);
  }
}

TEST_CASE("a line end in an envelope record makes no second line") {
  QueueMessage message;
  EnvelopeBuilder builder(message, 10);
  REQUIRE(builder.add({kRecFrom, "a\r\nQUIT@b", 0}));
  REQUIRE(builder.add({kRecAttr, "log_client_name=x\ny", 0}));
  REQUIRE(builder.add({kRecRcpt, "c@d\nRSET", 0}));
  CHECK(message.envelope.sender == "a  QUIT@b");
  CHECK(message.envelope.log_client.name == "x y");
  CHECK(message.envelope.recipients.at(0).address == "c@d RSET");
}

TEST_CASE("records are decoded from pieces") {
  std::string bytes;
  append_record(bytes, 'N', std::string(300, 'x'));
  append_record(bytes, 'E', "");
  RecordDecoder decoder(1000);
  Record record;
  for (size_t length = 0; length < 303; ++length) {
    std::string_view input = std::string_view(bytes).substr(0, length);
    CHECK(decoder.next(input, record) == RecordDecoder::State::more);
    CHECK(input.size() == length);
  }
  std::string_view input = bytes;
  CHECK(decoder.next(input, record) == RecordDecoder::State::record);
  CHECK(record.data.size() == 300);
  CHECK(decoder.next(input, record) == RecordDecoder::State::record);
  CHECK(record.type == 'E');
  RecordDecoder small(100);
  input = bytes;
  CHECK(small.next(input, record) == RecordDecoder::State::bad);
}

TEST_CASE("bounce logs are written and read as the incumbent's") {
  TemporaryQueue queue;
  QueueDirectories directories(queue.root, "deferred, defer", 1);
  BounceEntry entry;
  entry.recipient = entry.original_recipient = "slow@dest.test";
  entry.offset = 650;
  entry.dsn_orig_rcpt = "rfc822;slow@dest.test";
  entry.status = "4.4.2";
  entry.action = "delayed";
  entry.reason = "conversation with sink.dest.test[127.0.0.2] timed out while sending RCPT TO";
  const char* expected =
      "\n<slow@dest.test>: conversation with sink.dest.test[127.0.0.2] timed out while sending "
      "RCPT TO\n"
      "recipient=slow@dest.test\noffset=650\ndsn_orig_rcpt=rfc822;slow@dest.test\nstatus=4.4."
      "2\naction=delayed\n"
      "reason=conversation with sink.dest.test[127.0.0.2] timed out while sending RCPT TO\n\n";
  CHECK(format_bounce_entry(entry) == expected);
  REQUIRE(append_bounce_entry(directories, "defer", "36FD6AC4B57", entry));
  entry.recipient.clear();
  entry.reason = "evil\nrecipient=x";
  REQUIRE(append_bounce_entry(directories, "defer", "36FD6AC4B57", entry));
  CHECK(base::file_exists(queue.root + "/defer/3/36FD6AC4B57"));
  auto entries = read_bounce_log(directories, "defer", "36FD6AC4B57");
  REQUIRE(entries);
  REQUIRE(!entries->empty());
  CHECK((*entries)[0].recipient == "slow@dest.test");
  CHECK((*entries)[0].offset == 650);
  CHECK((*entries)[0].status == "4.4.2");
  CHECK(entries->back().reason == "evil?recipient=x");
  CHECK(read_bounce_log(directories, "defer", "AAAA")->empty());
}

TEST_CASE("hash directories are made when they are missing") {
  TemporaryQueue queue;
  QueueDirectories directories(queue.root, "deferred,defer", 2);
  CHECK(directories.path("deferred", "36FD6AC4B57") == queue.root + "/deferred/3/6/36FD6AC4B57");
  CHECK(directories.path("deferred", "4jWDcb5mcQz1f55y") ==
        queue.root + "/deferred/C/6/4jWDcb5mcQz1f55y");
  file_with(queue.root + "/incoming/36FD6AC4B57", "x");
  REQUIRE(directories.rename("36FD6AC4B57", "incoming", "deferred"));
  CHECK(directories.find("36FD6AC4B57", message_queues()) == "deferred");
  auto ids = directories.list("deferred");
  REQUIRE(ids);
  CHECK(*ids == std::vector<std::string>{"36FD6AC4B57"});
  CHECK(directories.remove("deferred", "36FD6AC4B57").value_or(false));
  CHECK(!directories.remove("deferred", "36FD6AC4B57").value_or(true));
}

TEST_CASE("messages that are ready together are committed together, each for itself") {
  TemporaryQueue queue;
  Loop loop;
  QueueDisk disk(loop, 2);
  QueueDirectories directories(queue.root, "", 1);
  std::vector<Task<>> all;
  for (int i = 0; i < 12; ++i)
    all.push_back(commit_one(disk, directories, i % 4 == 3, i % 4 == 2 ? "hold" : ""));
  net::run_until_done(loop, net::when_all(loop, std::move(all)));
  auto incoming = directories.list("incoming");
  REQUIRE(incoming);
  CHECK(incoming->size() == 6);
  CHECK(directories.list("hold")->size() == 3);
  for (auto& id : *incoming) {
    auto text = base::read_file(directories.path("incoming", id));
    REQUIRE(text);
    CHECK(text->find(" 4711 ") != text->npos);
    struct stat st {};
    REQUIRE(::stat(directories.path("incoming", id).c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0700);
  }
}

TEST_CASE("a trigger keeps its connection and makes another when it broke") {
  TemporaryQueue queue;
  auto path = queue.root + "/public";
  auto address = net::SockAddr::unix_path(path);
  REQUIRE(address);
  Trigger trigger(path);
  CHECK(!trigger.send("I"));
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(listener.get(), address->get(), address->length()) == 0);
  REQUIRE(::listen(listener.get(), 5) == 0);
  auto read_from = [](int fd) {
    char bytes[8];
    ssize_t n = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return std::string(bytes, n > 0 ? static_cast<size_t>(n) : 0);
  };
  CHECK(trigger.send("I"));
  Fd first(::accept(listener.get(), nullptr, nullptr));
  CHECK(trigger.send("D"));
  CHECK(read_from(first.get()) == "ID");
  first.reset();
  CHECK(trigger.send("A"));
  Fd second(::accept(listener.get(), nullptr, nullptr));
  CHECK(read_from(second.get()) == "A");
}

TEST_CASE("a message that is given up leaves nothing") {
  TemporaryQueue queue;
  Loop loop;
  QueueDisk disk(loop, 1);
  QueueDirectories directories(queue.root, "", 1);
  net::run_until_done(loop, give_up(disk, directories));
  CHECK(directories.list("incoming")->empty());
}
