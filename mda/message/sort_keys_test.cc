// What SORT and THREAD compare, and how the index keeps it.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/sort_keys.h"

#include "tests/catch.h"

using namespace dovetail;

TEST_CASE("sort keys of a header, there and back") {
  mda::EnvelopeFields fields;
  fields.date = "Tue, 02 Jan 2024 11:30:00 +0200";
  fields.subject = "Re: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= (fwd)";
  fields.from = "=?utf-8?Q?J=C3=BCrgen?= <Juergen@Example.org>, b@c";
  fields.to = "Group: a@b, c@d;";
  fields.cc = "Second@example.org";
  fields.message_id = "<m2@example.net>";
  fields.in_reply_to = "<m1@example.com> <m0@example.com>";
  auto keys = mda::unpack_sort_keys(mda::pack_sort_keys(mda::make_sort_keys(fields)));
  REQUIRE(keys);
  CHECK(keys->sent == 1704187800);
  CHECK(keys->is_reply);
  CHECK(keys->base_subject == mda::make_sort_keys(fields).base_subject);
  CHECK(keys->base_subject.find("GR") == 0);
  CHECK(keys->from == "JUERGEN");
  CHECK(keys->display_from == mda::make_sort_keys(fields).display_from);
  CHECK(keys->to == "GROUP");
  CHECK(keys->cc == "SECOND");
  CHECK(keys->message_id == "m2@example.net");
  CHECK(keys->references == std::vector<std::string>{"m1@example.com"});
  fields.references = "<x@y> <m1@example.com>";
  CHECK(mda::make_sort_keys(fields).references.size() == 2);
}

TEST_CASE("sort keys of an empty header, and what is no keys") {
  auto keys = mda::unpack_sort_keys(mda::pack_sort_keys(mda::make_sort_keys({})));
  REQUIRE(keys);
  CHECK_FALSE(keys->sent);
  CHECK(keys->base_subject.empty());
  CHECK(keys->references.empty());
  CHECK_FALSE(mda::unpack_sort_keys(""));
  CHECK_FALSE(mda::unpack_sort_keys("123"));
}
