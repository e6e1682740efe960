#!/usr/bin/env python3
"""Files of at most 600 lines, functions of at most 80, a head that says what the file is for."""
# SPDX-License-Identifier: Apache-2.0
import re

from rooms import code_only, finish, sources

MOST_LINES, MOST_FUNCTION = 600, 80
OPENERS = re.compile(r"^\s*(?:namespace|class|struct|enum|union|extern|inline constexpr|constexpr|static const|const)\b|=\s*\{\s*$")


def functions(text):
    """(first line, length) of each body at the left margin or one level inside a class."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if not line.rstrip().endswith("{") or OPENERS.search(line):
            continue
        indent = len(line) - len(line.lstrip())
        if indent > 2 or "(" not in "".join(lines[max(0, number - 3):number + 1]):
            continue
        for end in range(number + 1, len(lines)):
            closing = lines[end]
            if closing.startswith(" " * indent + "}") and len(closing) - len(closing.lstrip()) == indent:
                yield number + 1, end - number + 1
                break


problems = []
for path, name in sources(also=("tests",)):
    text = path.read_text()
    count = text.count("\n")
    if count > MOST_LINES:
        problems.append(f"{name}: {count} lines, at most {MOST_LINES}")
    if "SPDX-License-Identifier: Apache-2.0" not in text[:3000]:
        problems.append(f"{name}: no SPDX-License-Identifier in its head")
    if path.suffix == ".h" and not text.startswith("// "):
        problems.append(f"{name}: begins without a line that says what it is for")
    for number, length in functions(code_only(text)):
        if length > MOST_FUNCTION and not name.startswith("tests/fuzz"):
            problems.append(f"{name}:{number}: a function of {length} lines, at most {MOST_FUNCTION}")
finish(problems)
