// Lines of the auth protocols, as server and as client read them: fields, responses, mechanisms, stored passwords.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "authd/mech/mech.h"
#include "authd/passdb/passwd_file.h"
#include "authd/worker/worker_protocol.h"
#include "common/base/text.h"

using namespace dovetail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto words = base::split(text, '\t');
  const auto fields = proto::AuthFields::parse(words, 1);
  authd::Request request;
  for (const auto& field : fields) authd::import_request_field(request, field.name, field.value);
  // What is escaped comes back, whatever it was.
  if (proto::tab_unescape(proto::tab_escape(text)) != text) abort();
  const auto again = proto::AuthFields::parse(base::split(fields.text(), '\t'), 1);
  if (again.size() > fields.size()) abort();
  authd::parse_worker_question(text);
  for (auto name : {"PLAIN", "LOGIN"}) {
    auto mech = authd::find_mech(name)->make();
    (void)mech->first_challenge();
    (void)mech->next(Secret(text));
    (void)mech->next(Secret(text));
  }
  authd::AuthSettings settings;
  auto login = authd::set_login(settings, request, text.substr(0, size / 2), text.substr(size / 2));
  if (login && request.user->find('\'') != std::string::npos) abort();
  std::vector<std::string> errors;
  authd::parse_passwd_file(text, "fuzz", errors);
  (void)authd::check_allow_nets("allow_nets", text, "192.0.2.1");
  // Slow hashes are left out: the fuzzer would only measure them.
  const auto stored = authd::split_scheme(text);
  if (stored.scheme.find("CRYPT") == std::string::npos && stored.scheme.size() < 8) {
    (void)authd::verify_password({Secret("x"), "u", 0}, stored);
  }
  return 0;
}
