// What parents and children share: files watched and handed out, clients counted. SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/file.h"
#include "common/service/certificate_store.h"
#include "common/service/file_snapshot.h"
#include "common/service/file_watch.h"
#include "common/service/tally.h"
#include "tests/catch.h"
#include "tests/support/certificate.h"

namespace dovetail::service {
namespace {

struct Directory {
  Directory() {
    char name[] = "/tmp/service-test-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Directory() {
    auto names = base::list_directory(path);
    for (auto& name : *names) ::unlink((path + "/" + name).c_str());
    ::rmdir(path.c_str());
  }
  Directory(const Directory&) = delete;
  std::string put(const std::string& name, const std::string& text) const {
    auto file = path + "/" + name;
    CHECK(base::replace_file(file, text, 0600));
    return file;
  }
  std::string path;
};

TEST_CASE("a change is told once, when the files have come to rest") {
  Directory directory;
  auto certificate = directory.put("cert", "1"), key = directory.put("key", "1");
  net::Loop loop;
  int told = 0;
  FileWatch watch(loop, std::chrono::hours(1), [&] { ++told; });
  watch.watch({certificate, key});
  watch.look();
  CHECK(told == 0);
  directory.put("cert", "2");
  watch.look();
  CHECK(told == 0);  // the key may be on its way
  directory.put("key", "2");
  watch.look();
  CHECK(told == 0);
  watch.look();
  CHECK(told == 1);
  watch.look();
  CHECK(told == 1);
}

TEST_CASE("a link that leads elsewhere, a file gone and one come are changes") {
  Directory directory;
  auto one = directory.put("one", "1"), other = directory.put("other", "2"),
       link = directory.path + "/link";
  REQUIRE(::symlink("one", link.c_str()) == 0);
  net::Loop loop;
  int told = 0;
  FileWatch watch(loop, std::chrono::hours(1), [&] { ++told; });
  watch.watch({link});
  auto after_two_looks = [&] {
    watch.look();
    watch.look();
    return told;
  };
  REQUIRE(::unlink(link.c_str()) == 0);
  CHECK(after_two_looks() == 1);
  REQUIRE(::symlink("other", link.c_str()) == 0);
  CHECK(after_two_looks() == 2);
  directory.put("other", "33");
  CHECK(after_two_looks() == 3);
}

TEST_CASE("a snapshot keeps what the files were, byte for byte") {
  Directory directory;
  auto file = directory.put("file", std::string("a\0b\n12:", 7)),
       empty = directory.put("empty", "");
  auto taken = FileSnapshot::read({file, empty, directory.path + "/missing"});
  auto copy = FileSnapshot::decode(taken.encode().reveal());
  REQUIRE(copy);
  CHECK(*copy == taken);
  directory.put("file", "new");
  CHECK(copy->content(file)->reveal() == std::string_view("a\0b\n12:", 7));
  CHECK(copy->content(empty)->empty());
  CHECK_FALSE(*copy == FileSnapshot::read({file, empty}));
  CHECK_FALSE(copy->content(directory.path + "/missing"));
  CHECK(FileSnapshot().content(file)->reveal() == "new");
}

TEST_CASE("a damaged snapshot is refused") {
  auto bytes = GENERATE("x", "3:ab", "1:a", "1:a2:b", "99999999999999999999:a1:b", "1:a1:bx");
  CHECK_FALSE(FileSnapshot::decode(bytes));
}

// A store over two pairs of files, and how often it told of new contents.
struct Store {
  Store() { configure(); }
  void configure() {
    store.configure({{{directory.path + "/a"}, {directory.path + "/a.key"}},
                     {{directory.path + "/b"}, {directory.path + "/b.key"}}},
                    {});
  }
  void put(const std::string& name, const net::TlsSettings& pair) const {
    directory.put(name, pair.certificates);
    directory.put(name + ".key", std::string(pair.private_key.reveal()));
  }
  std::string now(const std::string& name) const {
    auto content = store.files().content(directory.path + "/" + name);
    return std::string(content->reveal());
  }
  void look_twice() {
    store.look();
    store.look();
  }
  Directory directory;
  net::Loop loop;
  int told = 0;
  CertificateStore store{loop, Logger("test"), [this] { ++told; }};
};

TEST_CASE("a renewed pair is handed out, a pair that does not fit is kept out") {
  Store store;
  auto first = tests::own_certificate(), second = tests::own_certificate(),
       other = tests::own_certificate();
  store.put("a", first);
  store.put("b", other);
  store.configure();
  CHECK(store.told == 0);
  store.put("a", second);
  store.look_twice();
  CHECK(store.told == 1);
  CHECK(store.now("a") == second.certificates);

  store.directory.put("a", first.certificates);  // with the second's key
  auto renewed = tests::own_certificate();
  store.put("b", renewed);
  store.look_twice();
  CHECK(store.told == 2);
  CHECK(store.now("a") == second.certificates);
  CHECK(store.now("b") == renewed.certificates);  // one bad pair does not hold up the others
  store.configure();                              // at a reload, too
  CHECK(store.now("a") == second.certificates);

  store.directory.put("a.key", std::string(first.private_key.reveal()));
  store.look_twice();
  CHECK(store.told == 3);
  CHECK(store.now("a") == first.certificates);
}

TEST_CASE("a pair that was bad from the start is given as it is, and as soon as it is good") {
  Store store;
  store.put("b", tests::own_certificate());
  store.directory.put("a", "nonsense");
  store.configure();
  CHECK(store.now("a") == "nonsense");
  auto good = tests::own_certificate();
  store.put("a", good);
  store.look_twice();
  CHECK(store.told == 1);
  CHECK(store.now("a") == good.certificates);
}

TEST_CASE("clients of all processes count, those of a killed one no more") {
  auto parent = Tally::create();
  REQUIRE(parent);
  auto child = [&](unsigned cell) {
    return std::move(*Tally::join(base::Fd(::dup((*parent)->fd())), cell));
  };
  auto first_cell = (*parent)->take_cell(), second_cell = (*parent)->take_cell();
  REQUIRE((first_cell && second_cell));
  CHECK(*first_cell != *second_cell);
  auto first = child(*first_cell), second = child(*second_cell);
  CHECK(first->enter(3));
  CHECK(second->enter(3));
  CHECK(second->enter(3));
  CHECK_FALSE(first->enter(3));
  CHECK((*parent)->total() == 3);
  second->leave();
  CHECK(first->enter(3));
  CHECK_FALSE(second->enter(3));
  CHECK(second->enter(0));  // no limit, and counted all the same
  CHECK((*parent)->total() == 4);
  (*parent)->give_back(*first_cell);
  CHECK((*parent)->total() == 2);
  CHECK((*parent)->take_cell() == first_cell);
}

TEST_CASE("a child cannot take the counts away from its parent") {
  auto parent = Tally::create();
  REQUIRE(parent);
  CHECK(::ftruncate((*parent)->fd(), 0) != 0);
  base::Fd small(::memfd_create("small", MFD_CLOEXEC));
  CHECK_FALSE(Tally::join(std::move(small), 0));
  CHECK_FALSE(Tally::join(base::Fd(::dup((*parent)->fd())), 1U << 20));
}

}  // namespace
}  // namespace dovetail::service
