#!/usr/bin/env python3
"""The coroutine shapes that g++ 11 and 12 miscompile (CONTRIBUTING.md, "Coroutines")."""
# SPDX-License-Identifier: Apache-2.0
import re

from rooms import code_only, finish, line_of, sources


def statements(text):
    """Each statement with a co_await, from its first character to its ';' or opening brace."""
    for found in re.finditer(r"\bco_await\b", text):
        start = max(text.rfind(c, 0, found.start()) for c in ";{}") + 1
        depth, end = 0, found.end()
        while end < len(text) and not (depth <= 0 and text[end] in ";{"):
            depth += text[end] in "([{"
            depth -= text[end] in ")]}"
            if depth < 0:
                break
            end += 1
        # A brace that opens inside the awaited expression belongs to it.
        if end < len(text) and text[end] == "{" and not text[found.end():end].strip().endswith(")"):
            end += 1
        yield line_of(text, found.start()), " ".join(text[start:end].split())


def complaint(statement):
    head, tail = statement.split("co_await", 1)
    if re.match(r"(if|while|for)\b", statement) and head.count("(") == head.count(")"):
        head = head[head.rfind(")") + 1:].strip()
        statement = head + " co_await" + tail
    if "co_await" in tail:
        return "two co_await in one statement"
    if re.search(r"\[[^\]]*\]\s*(\(|\{|mutable)", tail):
        return "lambda inside the awaited expression"
    if "{" in tail or "{" in head:
        return "braces inside the awaited expression"
    if re.match(r"(if|while|switch|for)\b", statement):
        return "bind the result to a name first"
    plain = (head + tail).replace("auto&&", "")
    if "?" in plain or "&&" in plain or "||" in plain:
        return "co_await under a condition operator"
    if re.match(r"(const )?auto ?&{0,2} ?\[", statement):
        return "structured binding of a co_await (broken in g++ 15)"
    return None


def local_arrays(text):
    """Character arrays inside functions with co_await: a buffer for each idle client."""
    for found in re.finditer(r"\n  +(?:unsigned )?char \w+\[(?:[1-9]\d{2,}|[A-Z_a-z]\w*)\]", text):
        end = text.find("\n}", found.start())
        begin = text.rfind("\n}", 0, found.start())
        if "co_await" in text[begin:end] and "static" not in found.group(0):
            yield line_of(text, found.start() + 1), "array in a coroutine's frame"


problems = []
for path, name in sources(also=("tests",)):
    text = code_only(path.read_text())
    for number, statement in statements(text):
        why = complaint(statement)
        if why:
            problems.append(f"{name}:{number}: {why}: {statement[:80]}")
    problems += [f"{name}:{number}: {why}" for number, why in local_arrays(text)]
    for found in re.finditer(r"\[[^\]\n]*\]\s*\([^)]*\)\s*(?:mutable\s*)?->\s*(?:net::)?Task<", text):
        problems.append(f"{name}:{line_of(text, found.start())}: a coroutine is a named function, not a lambda")
finish(problems)
