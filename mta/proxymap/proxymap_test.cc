// SPDX-License-Identifier: Apache-2.0
#include "mta/proxymap/proxymap.h"

#include <unistd.h>

#include <filesystem>

#include "common/base/log.h"
#include "common/base/text.h"
#include "lookup/test_tables.h"
#include "tests/catch.h"

namespace dovetail::mta {

namespace {

struct ProxyRig {
  net::Loop loop;
  conf::MainCf cf;
  service::Context context;
  ProxymapRole role;
  std::vector<std::string> logged;

  ProxyRig(const std::string& text, const std::string& service)
      : cf(*conf::MainCf::parse("/etc", "myhostname = mx.example.test\n" + text)),
        context{loop, Logger("proxymap"), "proxymap", service, "unix", {}} {
    context.main_cf = &cf;
    base::capture_log([this](base::Level, std::string_view, std::string_view line) {
      logged.emplace_back(line);
    });
    REQUIRE(role.prepare(context));
  }
  ~ProxyRig() { base::capture_log(nullptr); }

  proto::Attributes ask(std::vector<std::pair<std::string, std::string>> words) {
    proto::Attributes request;
    for (auto& [name, value] : words) request.add(name, value);
    return lookup::await(loop, role.answer(request));
  }
};

}  // namespace

TEST_CASE("only tables with proxy: in front are approved, nested ones too") {
  auto found = approved_tables(
      "proxy:hash:/a, hash:/b proxy:proxy:mysql:/c unionmap:{proxy:cidr:/d, hash:/e}");
  CHECK(found == std::set<std::string, std::less<>>{"hash:/a", "mysql:/c", "cidr:/d"});
}

TEST_CASE("an approved table is opened and asked, another one is denied") {
  ProxyRig rig("proxy_read_maps = proxy:inline:{a=1}\n", "proxymap");
  auto opened = rig.ask({{"request", "open"}, {"table", "inline:{a=1}"}, {"flags", "64"}});
  CHECK(opened.get_number("status") == 0);
  CHECK(opened.get_number("flags") == (64 | 16));
  auto found =
      rig.ask({{"request", "lookup"}, {"table", "inline:{a=1}"}, {"flags", "0"}, {"key", "a"}});
  CHECK(found.get_number("status") == 0);
  CHECK(found.get("value") == "1");
  CHECK(rig.ask({{"request", "lookup"}, {"table", "inline:{a=1}"}, {"key", "b"}})
            .get_number("status") == 1);
  CHECK(rig.ask({{"request", "lookup"}, {"table", "inline:{b=1}"}, {"key", "b"}})
            .get_number("status") == 4);
  REQUIRE(rig.logged.size() == 2);
  CHECK(rig.logged[0] == "request for unapproved table: \"inline:{b=1}\"");
  CHECK(rig.ask({{"request", "update"}, {"table", "inline:{a=1}"}, {"key", "a"}, {"value", "2"}})
            .get_number("status") == 4);
  CHECK(rig.ask({{"request", "sing"}}).get_number("status") == 3);
}

TEST_CASE("a table that is down is told apart from a key that is not there") {
  ProxyRig rig("proxy_read_maps = proxy:fail:broken proxy:hash:/no/such\n", "proxymap");
  CHECK(rig.ask({{"request", "lookup"}, {"table", "fail:broken"}, {"key", "a"}})
            .get_number("status") == 2);
  CHECK(rig.ask({{"request", "lookup"}, {"table", "hash:/no/such"}, {"key", "a"}})
            .get_number("status") == 5);
}

TEST_CASE("proxywrite puts, finds, walks and removes") {
  auto path = std::filesystem::temp_directory_path() / format("dovetail-proxywrite-{}", ::getpid());
  auto table = "btree:" + path.string();
  ProxyRig rig("proxy_write_maps = proxy:" + table + "\n", "proxywrite");
  CHECK(rig.ask({{"request", "open"}, {"table", table}, {"flags", "0"}}).get_number("status") == 0);
  CHECK(rig.ask({{"request", "update"}, {"table", table}, {"key", "a"}, {"value", "1"}})
            .get_number("status") == 0);
  CHECK(rig.ask({{"request", "update"}, {"table", table}, {"key", "b"}, {"value", "2"}})
            .get_number("status") == 0);
  CHECK(rig.ask({{"request", "update"}, {"table", table}, {"key", "a"}, {"value", "3"}})
            .get_number("status") == 0);
  CHECK(rig.ask({{"request", "lookup"}, {"table", table}, {"key", "a"}}).get("value") == "3");
  auto first = rig.ask({{"request", "sequence"}, {"table", table}, {"function", "0"}});
  CHECK(first.get("key") == "a");
  CHECK(rig.ask({{"request", "sequence"}, {"table", table}, {"function", "1"}}).get("key") == "b");
  CHECK(rig.ask({{"request", "sequence"}, {"table", table}, {"function", "1"}})
            .get_number("status") == 1);
  CHECK(rig.ask({{"request", "delete"}, {"table", table}, {"key", "a"}}).get_number("status") == 0);
  CHECK(rig.ask({{"request", "delete"}, {"table", table}, {"key", "a"}}).get_number("status") == 1);
  CHECK(rig.ask({{"request", "lookup"}, {"table", table}, {"key", "a"}}).get_number("status") == 1);
  std::filesystem::remove(path.string() + ".db");
}

}  // namespace dovetail::mta
