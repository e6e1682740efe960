// Any bytes as the text of tables: postmap and aliases sources, rules of cidr: and regexp:, inline: lists, match lists, results
// with $1, SQL queries, networks, /etc/hosts. Files and other tables are left out: no disk, no network.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/base/text.h"
#include "common/net/hosts.h"
#include "conf/postfix/main_cf.h"
#include "lookup/match_list.h"
#include "lookup/network.h"
#include "lookup/postalias/aliases.h"
#include "lookup/registry.h"
#include "lookup/rules.h"
#include "lookup/source.h"
#include "lookup/sql/query.h"
#include "mta/smtpd/restrictions/dns_list_pattern.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

struct TableHouse {
  Loop loop;
  conf::MainCf cf =
      *conf::MainCf::parse("main.cf", "myhostname = mx.example.test\nmynetworks = 127.0.0.0/8\n");
  lookup::OpenOptions options{Logger("fuzz")};
};

void ask(TableHouse& house, std::string type_name) {
  auto table = lookup::open_table(house.loop, house.cf, type_name, house.options);
  if (!table) return;
  for (std::string_view key : {"192.0.2.1", "frank@example.org", "2001:db8::1", "x"})
    (void)(*table)->try_now(key);
}

void read_source(const Logger& log, std::string_view text) {
  lookup::LineReader lines("fuzz", text, log);
  for (std::string_view line; lines.next(line);) {
    const auto pair = lookup::split_key_value(line);
    tests::refuse(pair.key.size() + pair.value.size() > line.size());
    (void)lookup::parse_alias(line);
    (void)lookup::split_delimited(line);
    (void)lookup::starts_with_word(line, "if");
  }
}

Task<> ask_list(TableHouse& house, std::string_view text) {
  auto list =
      lookup::MatchList::open(house.loop, house.cf, "mynetworks", text, true, house.options);
  if (!list) co_return;
  (void)co_await list->match_address("192.0.2.1");
  (void)co_await list->match_domain("mail.example.org");
}

void expand_query(std::string_view text) {
  auto query = lookup::SqlTemplate::parse("fuzz.cf", "query", text);
  if (!query) return;
  const lookup::Quote quote = [](std::string_view part) {
    return base::replace_all(part, "'", "''");
  };
  for (std::string_view key : {"frank@mail.example.org", "x' or 1=1", "@", ""})
    (void)query->expand(key, nullptr, quote);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::silence_log();
  static TableHouse house;
  const auto text = tests::input_text(data, size);
  read_source(house.options.log, text);
  const std::string list(text.substr(0, 400));
  if (list.find('/') == list.npos || list.find(':') == list.npos) {
    if (list.find_first_of("/:") == list.npos)
      net::run_until_done(house.loop, ask_list(house, list));
    ask(house, "inline:" + list);
  }
  ask(house, "cidr:{" + list + "}");
  if (list.find_first_of("*+{") == list.npos) ask(house, "regexp:{{" + list + "}}");
  if (auto replacement = lookup::parse_replacement(text)) (void)replacement->expand({"a", "b"});
  expand_query(text);
  (void)lookup::parse_network(text);
  (void)net::Hosts::parse(text).addresses("localhost");
  (void)net::nsswitch_reads_files(text);
  (void)mta::smtpd::is_dns_list_pattern(text);
  (void)mta::smtpd::matches_dns_list_pattern(text, "127.0.0.2");
  return 0;
}
