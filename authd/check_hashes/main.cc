// check-hashes: what dovetail check asks about stored passwords. Reads "DEFAULT_SCHEME<tab>STORED" lines, answers each with
// "good", "clear" (no hash at all) or "bad REASON". What it reads is not shown again.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "authd/scheme/well_formed.h"
#include "common/base/file.h"
#include "common/base/secret.h"
#include "common/base/text.h"

int main() {
  using namespace dovetail;
  auto text = base::read_all(STDIN_FILENO);
  if (!text) return 1;
  std::string answers;
  for (auto line : base::split(base::trim_right(*text, "\n"), '\n')) {
    auto [scheme, stored] = base::cut(line, '\t');
    auto state = authd::judge_stored(scheme, stored.value_or(""));
    if (state.kind == authd::StoredState::bad)
      answers += "bad " + state.reason + "\n";
    else
      answers += state.kind == authd::StoredState::clear ? "clear\n" : "good\n";
  }
  base::wipe(*text);
  return base::write_all(STDOUT_FILENO, answers) ? 0 : 1;
}
