// Any bytes as a dovecot.conf, as settings packed for a child, as an external file and as % variables: no crash, no
// endless loop, and what was packed evaluates as before. Includes, host names and <files are left out: no disk, no network.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/base/text.h"
#include "conf/dovecot/checks.h"
#include "conf/dovecot/ext_file.h"
#include "conf/dovecot/parser.h"
#include "conf/dovecot/settings.h"
#include "conf/dovecot/variables.h"

namespace {

namespace cd = dovetail::conf::dovecot;

// True where `local x` would ask the resolver.
bool names_a_host(std::string_view text) {
  for (std::string_view key : {"local", "remote"}) {
    for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
      auto rest = dovetail::base::trim_left(text.substr(at + key.size()), " \t\r\v\f\"\\\n");
      if (rest.substr(0, 5) == "_name" || rest.substr(0, 1) == "=") continue;
      if (!rest.empty() && (rest[0] < '0' || rest[0] > '9')) return true;
      auto end = rest.find_first_not_of("0123456789.:/abcdefABCDEF");
      if (end == std::string_view::npos || rest.find(':') > end || rest[end] != ' ') return true;
    }
  }
  return false;
}

void parse_and_pack(std::string_view text) {
  if (text.find("!include") != std::string_view::npos || text.find('<') != std::string_view::npos)
    return;
  if (names_a_host(text)) return;
  cd::Tree tree;
  cd::Parser parser(tree);
  if (!parser.parse_text(text, "fuzz.conf")) return;
  parser.unclosed();
  cd::check_tree(tree);
  auto before = tree.view({"imap", "10.0.0.1", "10.1.1.1", "a.example"});
  auto packed = tree.pack({{"imap-login", "auth", "imap", "master"}, true, false});
  if (!packed) return;  // an obsolete ssl_cert_file = names a file that is not there
  auto child = cd::Tree::unpack(*packed);
  if (!child) std::abort();
  auto after = child->view({"imap", "10.0.0.1", "10.1.1.1", "a.example"});
  if (before && after && (*before)->get("login_greeting") != (*after)->get("login_greeting"))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_and_pack(text);
  if (auto tree = cd::Tree::unpack(text)) (void)tree->raw_view({});
  (void)cd::parse_ext_file(text, "fuzz.ext");
  if (text.find("env") == std::string_view::npos) {
    cd::expand_variables(text, cd::user_variables("frank@example.org", "imap", "/home/frank"));
  }
  return 0;
}
