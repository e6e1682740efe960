// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/thread.h"

#include "common/base/text.h"
#include "mda/imap/envelope_view.h"
#include "tests/catch.h"

namespace dovetail::mda::imap {

namespace {

ThreadMessage thread_message(uint32_t number, std::string id, std::vector<std::string> references,
                             std::string subject = {}, bool is_reply = false) {
  return {number, number, std::move(id), std::move(references), std::move(subject), is_reply};
}

}  // namespace

TEST_CASE("references make threads") {
  CHECK(thread_references({}) == "");
  CHECK(thread_references({thread_message(1, "a", {}), thread_message(2, "b", {})}) == "(1)(2)");
  CHECK(thread_references({thread_message(1, "a", {}), thread_message(2, "b", {"a"}),
                           thread_message(3, "c", {"a"})}) == "(1 (2)(3))");
  CHECK(thread_references({thread_message(1, "a", {}), thread_message(2, "b", {"a"}),
                           thread_message(3, "c", {"a", "b"})}) == "(1 2 3)");
  // The parent is not in the mailbox: siblings under a dummy.
  CHECK(thread_references({thread_message(2, "b", {"a"}), thread_message(3, "c", {"a"})}) ==
        "((2)(3))");
  CHECK(thread_references({thread_message(2, "b", {"a"})}) == "(2)");
  // Twice the same id, and messages that refer to each other or themselves.
  CHECK(thread_references({thread_message(1, "a", {}), thread_message(2, "a", {})}) == "(1)(2)");
  CHECK(thread_references({thread_message(1, "a", {"b"}), thread_message(2, "b", {"a"})}) ==
        "(2 1)");
  CHECK(thread_references({thread_message(1, "a", {"a"})}) == "(1)");
}

TEST_CASE("top level threads with one subject are gathered") {
  CHECK(thread_references({thread_message(1, "a", {}, "hello"),
                           thread_message(2, "b", {}, "hello", true)}) == "(1 2)");
  CHECK(thread_references({thread_message(1, "a", {}, "hello", true),
                           thread_message(2, "b", {}, "hello")}) == "(2 1)");
  CHECK(thread_references({thread_message(1, "a", {}, "hello"), thread_message(2, "b", {}, "hello"),
                           thread_message(3, "c", {}, "hello")}) == "((1)(2)(3))");
  CHECK(thread_references({thread_message(1, "a", {}, ""), thread_message(2, "b", {}, "")}) ==
        "(1)(2)");
}

TEST_CASE("a very long thread is written without recursion") {
  std::vector<ThreadMessage> messages;
  std::string expect = "(1";
  for (uint32_t n = 1; n <= 3000; ++n) {
    messages.push_back(thread_message(n, format("m{}", n), {format("m{}", n - 1)}));
    if (n > 1) expect += format(" {}", n);
  }
  CHECK(thread_references(std::move(messages)) == expect + ")");
}

TEST_CASE("threads by subject alone") {
  CHECK(thread_ordered_subject({thread_message(1, "", {}, "a"), thread_message(2, "", {}, "b"),
                                thread_message(3, "", {}, "a"), thread_message(4, "", {}, "a")}) ==
        "(1 (3)(4))(2)");
}

TEST_CASE("an ENVELOPE is taken apart") {
  auto args = parse_envelope_args(
      "\"Mon, 01 Jan 2024 10:00:00 +0000\" {7}\r\nGr\xc3\xbc\xc3\x9f"
      "e ((\"A. B\" NIL \"a\" \"b.example\")(NIL NIL \"x\" \"y\")) "
      "NIL NIL ((NIL NIL \"list\" NIL)(NIL NIL NIL NIL)) NIL NIL \"<p@x>\" \"<m@x>\"");
  CHECK(envelope_field_text(args, EnvelopeField::date) == "Mon, 01 Jan 2024 10:00:00 +0000");
  CHECK(envelope_field_text(args, EnvelopeField::subject) ==
        "Gr\xc3\xbc\xc3\x9f"
        "e");
  CHECK(envelope_field_text(args, EnvelopeField::from) == "A. B <a@b.example>, <x@y>");
  CHECK_FALSE(envelope_field_text(args, EnvelopeField::cc));
  CHECK(envelope_field_text(args, EnvelopeField::message_id) == "<m@x>");
  CHECK_FALSE(envelope_field_text(parse_envelope_args("\"x"), EnvelopeField::subject));
}

}  // namespace dovetail::mda::imap
