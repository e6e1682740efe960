#!/usr/bin/env python3
"""RFC.md says which section of which RFC is obeyed in which file. It is made of the citations in comments, "RFC 5321 4.1.1.4":

  * a citation has this form and no other: "RFC", a blank, the number, a blank, the section; more sections behind commas
  * its number stands with a title in rfcs.tsv
  * RFC.md is what the sources say; check_rfc.py DIR --fix writes it anew
"""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import re
import sys

from rooms import finish, root, sources

SECTION = r"(?:\d{1,2}(?:\.\d{1,2})*|[A-Z](?:\.\d{1,2})+)"
CITATION = re.compile(rf"\bRFC (\d+)((?: {SECTION}(?![\w.-]*\w))(?:, {SECTION}(?![\w.-]*\w))*)?((?:, \d{{3,5}}\b(?! \d| words))*)")
MALFORMED = re.compile(r"\bRFC[-_#]?(?!822\b)\d{3,5}\b|(?<!/)\b(?:rfc|Rfc) ?(?!822\b)\d{3,5}\b|\bRFC \d+,? (?:[Ss]ections?|[Ss]ec\.|§|chapter|par)")
COMMENT = re.compile(r"//([^\n]*)")
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
HEAD = """# Which rule is obeyed where

Made by `tests/style/check_rfc.py . --fix` from the citations in the sources' comments; not edited by hand. A section that is
missing here is not necessarily disregarded: a citation stands where the reader would otherwise ask why. Tests are left out.
"""


def titles():
    table = {}
    for line in (pathlib.Path(__file__).parent / "rfcs.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            number, title = line.split("\t")
            table[int(number)] = title
    return table


def comments(text):
    """Comment lines that follow each other are one text: a citation may be broken at the end of a line."""
    run, start = [], 0
    for number, line in enumerate(text.splitlines() + [""], 1):
        found = COMMENT.search(STRING.sub(lambda m: " " * len(m.group(0)), line))
        if found and (not run or line.lstrip().startswith("//")):
            start = start or number
            run.append(found[1].strip())
            continue
        if run:
            yield start, " ".join(run)
        run, start = ([found[1].strip()], number) if found else ([], 0)


def citations(text):
    """RFC number and sections of each citation; "RFC 1870, 3461" cites both."""
    for found in CITATION.finditer(text):
        sections = [s.strip() for s in (found[2] or "").split(",") if s.strip()]
        yield int(found[1]), sections
        for other in re.findall(r"\d+", found[3] or ""):
            yield int(other), []


def section_key(section):
    return [(0, int(part)) if part.isdigit() else (1, ord(part)) for part in section.split(".")] if section else []


def index(found, known):
    lines = [HEAD]
    for number in sorted(found):
        lines.append(f"## RFC {number}: {known.get(number, '?')}\n")
        for section in sorted(found[number], key=section_key):
            lines += [f"- {section or 'as a whole'}: [{name}]({name})" for name in sorted(found[number][section])]
        lines.append("")
    return "\n".join(lines)


def main():
    known, problems, found = titles(), [], {}
    for path, name in sources():
        text = path.read_text()
        for number, comment in comments(text):
            for bad in MALFORMED.finditer(comment):
                problems.append(f'{name}:{number}: "{bad[0]}": write "RFC 5321 4.1.1.4"')
            for rfc, sections in citations(comment):
                if rfc not in known:
                    problems.append(f"{name}:{number}: RFC {rfc} is not in tests/style/rfcs.tsv: a typing mistake, or add its title")
                if name.endswith(("_test.cc", "_fixture.cc", "_fixture.h")):
                    continue
                for section in sections or [""]:
                    found.setdefault(rfc, {}).setdefault(section, set()).add(name)
    wanted, target = index(found, known), root() / "RFC.md"
    if "--fix" in sys.argv:
        target.write_text(wanted)
    elif not target.is_file() or target.read_text() != wanted:
        problems.append("RFC.md: out of date; run tests/style/check_rfc.py . --fix")
    finish(problems)


if __name__ == "__main__":
    main()
