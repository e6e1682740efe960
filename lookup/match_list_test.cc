// SPDX-License-Identifier: Apache-2.0
#include "lookup/match_list.h"

#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

namespace {

struct Lists {
  TestTables tables;
  MatchList list(std::string_view value, bool parents) {
    auto opened = MatchList::open(tables.loop, tables.main_cf, "mydestination", value, parents,
                                  tables.options());
    REQUIRE(opened);
    return std::move(*opened);
  }
  // 'y', 'n', '?' for "cannot tell".
  static char letter(const Result<bool>& matched) { return !matched ? '?' : *matched ? 'y' : 'n'; }
  char domain(std::string_view value, std::string_view name, bool parents = false) {
    auto opened = list(value, parents);
    return letter(await(tables.loop, opened.match_domain(name)));
  }
  char address(std::string_view value, std::string_view text) {
    auto opened = list(value, false);
    return letter(await(tables.loop, opened.match_address(text)));
  }
};

}  // namespace

TEST_CASE("domains match themselves, subdomains as asked") {
  Lists lists;
  CHECK(lists.domain("a.test, example.test", "Example.TEST") == 'y');
  CHECK(lists.domain("example.test", "sub.example.test") == 'n');
  CHECK(lists.domain("example.test", "sub.example.test", true) == 'y');
  CHECK(lists.domain("example.test", "badexample.test", true) == 'n');
  CHECK(lists.domain(".example.test", "sub.example.test") == 'y');
  CHECK(lists.domain("!no.example.test .example.test", "no.example.test") == 'n');
  CHECK(lists.domain("inline:{{example.test=x}}", "sub.example.test", true) == 'y');
  CHECK(lists.domain("inline:{{.example.test=x}}", "sub.example.test") == 'y');
  CHECK(lists.domain("inline:{{example.test=x}}", "sub.example.test") == 'n');
  CHECK(lists.domain("", "x.test") == 'n');
}

TEST_CASE("a table that is down and a file that is missing cannot tell") {
  Lists lists;
  CHECK(lists.domain("fail:x", "a.test") == '?');
  CHECK(lists.domain("a.test fail:x", "a.test") == 'y');
  CHECK(lists.domain("/nonexistent/list", "a.test") == '?');
  CHECK(lists.domain("a.test /nonexistent/list", "a.test") == 'y');
}

TEST_CASE("addresses match networks and tables") {
  Lists lists;
  CHECK(lists.address("127.0.0.0/8 192.168.100.0/24", "192.168.100.7") == 'y');
  CHECK(lists.address("127.0.0.0/8 [::1]/128 [fe80::]/64", "::1") == 'y');
  CHECK(lists.address("!192.168.100.7 192.168.100.0/24", "192.168.100.7") == 'n');
  CHECK(lists.address("127.0.0.0/8", "10.0.0.1") == 'n');
  CHECK(lists.address("cidr:{{10.0.0.0/8 OK}}", "10.0.0.1") == 'y');
  CHECK(lists.address("192.168.100.7/24", "10.0.0.1") == '?');
}
