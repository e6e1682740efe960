// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/containment.h"

#include "tests/catch.h"

namespace dovetail::mda {
namespace {

using base::Milliseconds;
using Users = std::set<std::string>;

struct Hour {
  Milliseconds now{1000000};
  Containment containment{[this] { return now; }};
};

TEST_CASE("who was there at two crashes within ten minutes is alone, the others are not") {
  Hour t;
  CHECK(t.containment.crashed({"anna", "frank"}).empty());
  CHECK_FALSE(t.containment.alone("frank"));
  CHECK(t.containment.wait("frank") == Milliseconds(0));
  t.now += Milliseconds(599000);
  CHECK(t.containment.crashed({"frank", "leeo"}) == Users{"frank"});
  CHECK(t.containment.alone("frank"));
  CHECK_FALSE(t.containment.alone("anna"));
  CHECK_FALSE(t.containment.alone("leeo"));
}

TEST_CASE("ten quiet minutes make a crash forgotten") {
  Hour t;
  t.containment.crashed({"frank"});
  t.now += Milliseconds(600000);
  CHECK(t.containment.crashed({"frank"}).empty());
  CHECK(t.containment.crashed({"frank"}) == Users{"frank"});
  t.now += Milliseconds(600000);
  CHECK_FALSE(t.containment.alone("frank"));
  CHECK(t.containment.wait("frank") == Milliseconds(0));
}

TEST_CASE("his processes start ever more slowly while they crash") {
  Hour t;
  t.containment.crashed({"frank"});
  for (int seconds : {2, 4, 8, 16, 32, 60, 60}) {
    t.containment.crashed({"frank"});
    CHECK(t.containment.wait("frank") == Milliseconds(seconds * 1000));
    t.now += Milliseconds(seconds * 1000 - 1);
    CHECK(t.containment.wait("frank") == Milliseconds(1));
    t.now += Milliseconds(1);
    CHECK(t.containment.wait("frank") == Milliseconds(0));
  }
  CHECK(t.containment.wait("anna") == Milliseconds(0));
}

}  // namespace
}  // namespace dovetail::mda
