// Any bytes as what a bounce is made of: a foreign message, its recipients, what the server said; and as bounce templates.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "conf/postfix/main_cf.h"
#include "mta/bounce/notice.h"
#include "mta/bounce/templates.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

void compose_all(std::string_view text) {
  static const auto words = mta::NoticeTemplates::built_in();
  const auto half = text.size() / 2;
  mta::Notice notice;
  notice.words = &words.failure;
  notice.text = words.failure.text;
  notice.myhostname = "mail.example.org";
  notice.from = "MAILER-DAEMON@mail.example.org";
  notice.to = notice.sender = "frank@example.org";
  notice.original_queue_id = "4jWDyh2QM2z1f55r";
  notice.envelope_id = text.substr(0, half);
  notice.recipients = mta::parse_bounce_log(text);
  notice.original = text;
  for (bool utf8 : {false, true}) {
    for (bool headers_only : {false, true}) {
      notice.utf8 = utf8;
      notice.headers_only = headers_only;
      const auto composed = mta::compose_notice(notice);
      tests::refuse(composed.find("\n\n") == std::string::npos ||
                    composed.find('\r') < composed.find("\n\n"));
    }
  }
  (void)mta::wanted_recipients(notice.recipients, mta::BounceRequest::Kind::trace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = tests::input_text(data, size);
  compose_all(text);
  (void)mta::wrap_text(text);
  tests::refuse(mta::header_part(text).size() > size);
  if (auto templates = mta::NoticeTemplates::parse("fuzz.cf", text)) {
    (void)templates->dump([](std::string_view name) { return std::string(name); });
  }
  if (size > 300) return 0;  // macros multiply
  if (auto cf = conf::MainCf::parse("/fuzz",
                                    "myhostname = mail.example.org\nmynetworks = 127.0.0.0/8\n")) {
    (void)mta::expand_template(text, *cf);
  }
  return 0;
}
