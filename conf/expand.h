// Expansion of $name, ${name}, $(name), ${name?a:b} and ${{a} == {b} ? {c} : {d}}: main.cf values,
// pipe(8) arguments, mailbox_command, forward_path, bounce templates. Who knows the names is the
// caller's callback; nothing here knows of files. Manual: postconf(5), "expressions".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace dovetail::conf {

// The value of a name, itself not expanded; nullopt when the name does not exist. conditional:
// asked for ${name?..} and ${name:..}, where only emptiness counts.
using MacroLookup =
    std::function<std::optional<std::string>(std::string_view name, bool conditional)>;

struct ExpandOptions {
  // What a name stands for is expanded again (main.cf); false: taken as it is (pipe, local).
  bool recursive = true;
  // If not empty: characters of values outside this set become '_' (command_expansion_filter).
  std::string_view filter = {};
  // Both sides of every condition are expanded, and a malformed compatibility level is no error:
  // for finding the names a text mentions.
  bool scan = false;
};

struct Expanded {
  std::string text;
  std::vector<std::string> undefined;  // names that the lookup did not know, in order
};

// An error is the incumbent's warning ("truncated macro reference: \"${x\""); the line that it adds
// ("macro processing error") is the caller's.
Result<Expanded> expand(std::string_view text, const MacroLookup& lookup,
                        const ExpandOptions& options = {});

// Calls seen for each name a text mentions, in both sides of conditions and nested texts too.
Result<void> scan_names(std::string_view text, const std::function<void(std::string_view)>& seen);

}  // namespace dovetail::conf
