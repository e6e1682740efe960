// SPDX-License-Identifier: Apache-2.0
#include "lookup/mail_addr_find.h"

#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

namespace {

class OneLocalDomain final : public LocalDomains {
 public:
  Task<Result<bool>> is_local(std::string_view domain) override {
    co_return domain == "local.test";
  }
};

using Entries = std::map<std::string, std::string>;

struct Search {
  TestTables tables;
  OneLocalDomain local;
  std::shared_ptr<FakeTable> table;
  Maps maps;

  explicit Search(std::map<std::string, std::string> entries = {}, Keys keys = Keys::fixed)
      : table(std::make_shared<FakeTable>("hash:t", keys, std::move(entries))),
        maps("t_maps", {table}, tables.log) {}

  Result<std::optional<AddrFound>> find(std::string_view address, unsigned forms = find_default) {
    AddrFindOptions options;
    options.forms = forms;
    options.recipient_delimiter = "+";
    options.local = &local;
    return await(tables.loop, mail_addr_find(maps, address, options));
  }
};

}  // namespace

TEST_CASE("an address is asked in the incumbent's order") {
  Search local;
  REQUIRE(local.find("user+ext@local.test"));
  CHECK(local.table->asked == std::vector<std::string>{"user+ext@local.test", "user@local.test",
                                                       "user+ext", "user", "@local.test"});
  Search other;
  REQUIRE(other.find("user@other.test"));
  CHECK(other.table->asked == std::vector<std::string>{"user@other.test", "@other.test"});
  Search parents;
  REQUIRE(parents.find("u@a.b.test", find_full | find_domain | find_parents));
  CHECK(parents.table->asked ==
        std::vector<std::string>{"u@a.b.test", "a.b.test", "b.test", "test"});
}

TEST_CASE("pattern tables see the whole address only") {
  Search patterns({}, Keys::pattern);
  REQUIRE(patterns.find("user+ext@local.test"));
  CHECK(patterns.table->asked == std::vector<std::string>{"user+ext@local.test"});
}

TEST_CASE("the extension is given back when the form that matched had lost it") {
  Search search(Entries{{"user@local.test", "box"}, {"all+x@local.test", "list"}});
  auto lost = search.find("user+ext@local.test");
  REQUIRE((lost && *lost));
  CHECK((*lost)->extension == "+ext");
  auto kept = search.find("all+x@local.test");
  REQUIRE((kept && *kept));
  CHECK((*kept)->extension.empty());
}

TEST_CASE("a table that is down is an error, not a miss") {
  Search search(Entries{{"@local.test", "x"}});
  search.table->down = true;
  CHECK(!search.find("user@local.test"));
  REQUIRE(!search.tables.logged.empty());
  CHECK(search.tables.logged[0] == "hash:t lookup error for \"user@local.test\"");
}

TEST_CASE("local parts are quoted for tables, then asked bare") {
  Search search;
  REQUIRE(search.find("a b@other.test", find_full));
  CHECK(search.table->asked == std::vector<std::string>{"\"a b\"@other.test", "a b@other.test"});
}

TEST_CASE("extensions are split as the administrator says") {
  CHECK(split_extension("user+ext", "+").user == "user");
  CHECK(split_extension("user+ext", "+").extension == "+ext");
  CHECK(split_extension("user-a+b", "+-").user == "user");
  CHECK(split_extension("+ext", "+").extension.empty());
  CHECK(split_extension("owner-list", "-").extension.empty());
  CHECK(split_extension("list-request", "-").extension.empty());
  CHECK(split_extension("user+ext", "").extension.empty());
  CHECK(split_extension("MAILER-DAEMON", "-").extension.empty());
}

TEST_CASE("a result becomes addresses") {
  using Addresses = std::vector<std::string>;
  CHECK(result_addresses("a@x.test, b@y.test", "u@o.test", "") ==
        Addresses{"a@x.test", "b@y.test"});
  CHECK(result_addresses("@new.test", "u+e@o.test", "+e") == Addresses{"u+e@new.test"});
  CHECK(result_addresses("a@x.test,b", "u@o.test", "+e") == Addresses{"a+e@x.test", "b+e"});
  CHECK(result_addresses("\"a, b\"@x.test", "u@o.test", "") == Addresses{"\"a, b\"@x.test"});
  CHECK(result_addresses("", "u@o.test", "").empty());
}

TEST_CASE("within one message a key is asked once, errors again") {
  Search search(Entries{{"k", "v"}});
  LookupCache cache;
  CHECK(TestTables::text_of(
            await(search.tables.loop, search.maps.lookup("k", Keys::pattern, &cache))) == "v");
  CHECK(TestTables::text_of(
            await(search.tables.loop, search.maps.lookup("k", Keys::pattern, &cache))) == "v");
  CHECK(search.table->asked.size() == 1);
  search.table->down = true;
  CHECK(!await(search.tables.loop, search.maps.lookup("q", Keys::pattern, &cache)));
  search.table->down = false;
  CHECK(TestTables::text_of(
            await(search.tables.loop, search.maps.lookup("q", Keys::pattern, &cache))) == "-");
}

TEST_CASE("an empty result is the administrator's mistake and temporary") {
  Search search(Entries{{"k", ""}});
  CHECK(!await(search.tables.loop, search.maps.lookup("k")));
  REQUIRE(search.tables.logged.size() == 2);
  CHECK(search.tables.logged[0] == "t_maps lookup of k returns an empty string result");
}
