#!/usr/bin/env python3
"""Sources look as .clang-format says; hand-aligned tables stand between clang-format off and on.

Versions of clang-format differ in small things, so only the one of Debian 12 (14) is asked; without it the test is skipped.
Files named in unformatted.txt are not in form yet: the list may only get shorter. With --fix all others are formatted.
"""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import re
import shutil
import subprocess
import sys

from rooms import finish, root, sources

VERSION, SKIP = "14", 77


def find_program():
    for name in ("clang-format-" + VERSION, "clang-format"):
        program = shutil.which(name)
        if not program:
            continue
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if re.search(rf"version {VERSION}\.", said):
            return program
    return None


def deviating(program, names):
    """Names of the files that clang-format would change."""
    found = set()
    for start in range(0, len(names), 100):
        said = subprocess.run([program, "--dry-run", "--ferror-limit=1"] + names[start:start + 100], cwd=root(), capture_output=True,
                              text=True, check=False).stderr
        found.update(re.findall(r"(?m)^(\S+?):\d+:\d+: warning: code should be clang-formatted", said))
    return found


def main():
    program = find_program()
    if not program:
        print(f"no clang-format {VERSION} here")
        sys.exit(SKIP)
    later = set((pathlib.Path(__file__).parent / "unformatted.txt").read_text().split())
    names = [name for _, name in sources(".h", ".cc", also=("tests",))]
    if "--fix" in sys.argv:
        wanted = [name for name in names if name not in later]
        subprocess.run([program, "-i"] + wanted, cwd=root(), check=True)
    found = deviating(program, names)
    problems = [f"{name}: not as .clang-format says (clang-format -i)" for name in sorted(found - later)]
    problems += [f"{name}: is in form now; take it out of tests/style/unformatted.txt" for name in sorted(later - found)]
    finish(problems)


if __name__ == "__main__":
    main()
