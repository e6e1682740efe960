// Which lines of a message are headers, boundaries, body.
// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/mime_state.h"

#include "common/mail/header.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::mta;

TEST_CASE("parts and nested messages are followed") {
  using Place = MimeState::Place;
  MimeState mime(MimeState::Limits{});
  mime.header("Content-Type: multipart/mixed;\n\tboundary=\"a b\"");
  CHECK(mime.place() == Place::primary);
  mime.end_headers();
  CHECK(mime.place() == Place::body);
  CHECK(!mime.boundary("--a"));
  CHECK(!mime.boundary("text"));
  CHECK(mime.boundary("--a b"));
  CHECK(mime.place() == Place::part);
  mime.header("Content-Type: message/rfc822");
  mime.end_headers();
  CHECK(mime.place() == Place::nested);
  mime.header("Content-Type: multipart/alternative; boundary=inner");
  mime.header("Content-Transfer-Encoding: 8bit");
  mime.end_headers();
  CHECK(mime.place() == Place::body);
  CHECK(mime.boundary("--inner"));
  CHECK(mime.place() == Place::part);
  mime.end_headers();
  CHECK(mime.boundary("--inner--"));
  CHECK(mime.place() == Place::body);
  CHECK(mime.boundary("--a b--"));
  CHECK(!mime.boundary("--a b"));
  CHECK(mime.encoding() == mail::Encoding::eight_bit);
  CHECK(!mime.too_deep());
}

TEST_CASE("an outer boundary ends inner parts") {
  MimeState mime(MimeState::Limits{2, 2048, true});
  mime.header("Content-Type: multipart/mixed; boundary=outer");
  mime.end_headers();
  CHECK(mime.boundary("--outer"));
  mime.header("Content-Type: multipart/mixed; boundary=inner");
  mime.end_headers();
  CHECK(mime.boundary("--inner"));
  mime.header("Content-Type: multipart/mixed; boundary=third");
  mime.end_headers();
  CHECK(mime.too_deep());
  CHECK(mime.boundary("--outer"));
  CHECK(!mime.boundary("--inner"));
}

TEST_CASE("a composite type must not be encoded") {
  MimeState mime(MimeState::Limits{});
  mime.header("Content-Type: multipart/mixed; boundary=x");
  mime.header("Content-Transfer-Encoding: base64");
  mime.end_headers();
  CHECK(mime.bad_domain());
}
