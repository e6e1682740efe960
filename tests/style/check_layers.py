#!/usr/bin/env python3
"""Includes point down only, and are written from the top of the tree (CONTRIBUTING.md, "Rooms")."""
# SPDX-License-Identifier: Apache-2.0
import re

from rooms import finish, sources

COMMON = {"common/base", "common/net", "common/mail", "common/proto", "common/service"}
BELOW = {
    "common/base": set(),
    "common/net": {"common/base"},
    "common/mail": {"common/base"},
    "common/proto": {"common/base", "common/net", "common/mail"},
    "conf": {"common/base"},
    "common/service": {"common/base", "common/net", "common/mail", "common/proto", "conf"},
    "lookup": COMMON | {"conf"},
    "authd": COMMON | {"conf", "lookup"},
    "mta": COMMON | {"conf", "lookup"},
    "mda": COMMON | {"conf"},
    "check": COMMON | {"conf", "lookup"},
    "dovetail": {"common/base"},
}
ANYWHERE = ("config.h",)


def room_of(path):
    return next((r for r in sorted(BELOW, key=len, reverse=True) if path.startswith(r + "/")), None)


problems = []
for path, name in sources():
    here = room_of(name)
    if here is None:
        problems.append(f"{name}: stands in no room")
        continue
    test = name.endswith(("_test.cc", "_fixture.cc", "_fixture.h"))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include "([^"]+)"', line)
        if not found or found[1] in ANYWHERE:
            continue
        there = room_of(found[1])
        if there == here or (there in BELOW[here]):
            continue
        if test and found[1].startswith("tests/"):
            continue
        why = f"{here} may not include {there}" if there else "write the path from the top of the tree"
        problems.append(f"{name}:{number}: {found[1]}: {why}")
finish(problems)
