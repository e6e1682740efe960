"""What the style checks share: the tree, its source files, and text without comments and strings."""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import re
import sys

ROOMS = ("common", "conf", "lookup", "authd", "mta", "mda", "check", "dovetail")


def root():
    return pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]


def sources(*suffixes, also=()):
    top = root()
    for room in ROOMS + tuple(also):
        for path in sorted((top / room).rglob("*")):
            if path.suffix in (suffixes or (".h", ".cc")) and path.is_file():
                yield path, path.relative_to(top).as_posix()


def blank(match):
    """The same length and line ends, nothing else: positions in the text stay true."""
    return re.sub(r"[^\n]", " ", match.group(0))


def code_only(text):
    """C++ with comments, strings and characters blanked out."""
    pattern = r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, blank, text, flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def finish(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
