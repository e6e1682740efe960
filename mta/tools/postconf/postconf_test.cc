// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postconf/postconf.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/file.h"
#include "mta/tools/postconf/edit_file.h"
#include "mta/tools/postconf/master_fields.h"
#include "mta/tools/postconf/table_parameters.h"
#include "tests/catch.h"

namespace dovetail::mta::postconf {
namespace {

conf::MasterService master_entry(std::string_view line) {
  auto service = conf::parse_master_line(line);
  REQUIRE(service);
  return *service;
}

// A file that goes away with the test.
struct ScratchFile {
  explicit ScratchFile(std::string_view text) {
    char name[] = "/tmp/postconf_test.XXXXXX";
    base::Fd fd(::mkstemp(name));
    path = name;
    REQUIRE(base::write_all(fd.get(), text));
  }
  ~ScratchFile() { ::unlink(path.c_str()); }
  std::string text() const { return *base::read_file(path); }
  std::string path;
};

std::string edited(std::string_view text, FileEdit::Action action) {
  ScratchFile file(text);
  FileEdit how;
  how.decide = [&](FileEntry& entry) {
    return entry.text.starts_with("b") ? action : FileEdit::Action::keep;
  };
  how.replacement = [](const FileEntry& entry) {
    return "new " + std::to_string(entry.lines.size()) + "\n";
  };
  how.append = [] { return std::string("end\n"); };
  edit_file(file.path, how);
  return file.text();
}

}  // namespace

TEST_CASE("lines have single blanks and fold before column 80") {
  CHECK(print_line("a  = \t b  c ", false) == "a = b c");
  CHECK(print_line("empty = ", false) == "empty =");
  std::string word(38, 'x');
  CHECK(print_line(word + " " + word, true) == word + " " + word);
  CHECK(print_line(word + " " + word + " " + word, true) == word + " " + word + "\n    " + word);
}

TEST_CASE("master.cf entries stand in columns") {
  auto service = master_entry("submission inet n - y - - smtpd -o a=b -o { c = d e } x");
  CHECK(print_master_entry(service, false) ==
        "submission inet  n       -       y       -       -       smtpd -o a=b -o {c=d e} x");
  CHECK(print_master_entry(service, true) ==
        "submission inet  n       -       y       -       -       smtpd\n    -o a=b\n    -o {c=d "
        "e}\n    x");
  CHECK(print_master_entry(master_entry("c unix-dgram n - n - 1 postlogd"), false) ==
        "c          unix-dgram n  -       n       -       1       postlogd");
  CHECK(print_command(master_entry("x unix - n n - - pipe flags=R argv={/bin/x y}")) ==
        "pipe flags=R {argv={/bin/x y}}");
}

TEST_CASE("editing keeps comments where they are") {
  std::string_view text = "#1\na = 1\nb = 2\n#2\n  3\n\nc = 4\n";
  using Action = FileEdit::Action;
  CHECK(edited(text, Action::keep) == "#1\na = 1\nb = 2\n#2\n  3\n\nc = 4\nend\n");
  CHECK(edited(text, Action::remove) == "#1\na = 1\n#2\n\nc = 4\nend\n");
  CHECK(edited(text, Action::comment_out) == "#1\na = 1\n#b = 2\n#2\n#  3\n\nc = 4\nend\n");
  CHECK(edited(text, Action::replace_now) == "#1\na = 1\nnew 2\n#2\n\nc = 4\nend\n");
  CHECK(edited(text, Action::replace_behind) == "#1\na = 1\n#2\n\nnew 2\nc = 4\nend\n");
  CHECK(edited("b = 1", Action::keep) == "b = 1\nend\n");
}

TEST_CASE("service patterns match with an asterisk") {
  auto service = master_entry("smtp inet n - y - - smtpd");
  CHECK(parse_service_pattern("smtp/inet").matches(service));
  CHECK(parse_service_pattern("*/inet/x").matches(service));
  CHECK(parse_service_pattern("smtp").matches(service));
  CHECK(!parse_service_pattern("smtp/unix").matches(service));
}

TEST_CASE("names are user-defined when something refers to them") {
  auto cf = conf::MainCf::parse(
      "/x",
      "mynetworks = $mine\nmine = 10.0.0.0/8\nother = 1\nrelay_domains = mysql:t\nt_hosts = h\n");
  REQUIRE(cf);
  std::vector<conf::MasterService> services = {master_entry("fast unix - - n - - smtp")};
  Known known(*cf, services, true);
  CHECK(known.names().at("mine") == Class::user);
  CHECK(known.names().at("t_hosts") == Class::user);
  CHECK(known.names().at("relay_domains") == Class::builtin);
  CHECK(known.names().at("fast_destination_recipient_limit") == Class::service);
  CHECK(known.names().count("other") == 0);
  CHECK(known.names().count("slow_destination_recipient_limit") == 0);
}

TEST_CASE("only table types with a file of their own have parameters") {
  CHECK(table_type_parameters("mysql"));
  CHECK(!table_type_parameters("hash"));
}

}  // namespace dovetail::mta::postconf
