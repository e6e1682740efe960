#!/usr/bin/env python3
"""The manual pages list what the programs read of main.cf and dovecot.conf:

  * what the code of a room reads stands in a page of that room, under PARAMETERS (SETTINGS for dovecot.conf)
  * what stands there is read by that code, is known to the table, is marked supported there, and has the table's default
  * each has a sentence of its own

With --fix missing ones are added with their default (and the explanation another page has, if any), wrong defaults are set
right and those that are no longer read are taken out; a new explanation is for a person to write.
"""
# SPDX-License-Identifier: Apache-2.0
import re
import sys

import tables
from rooms import finish, root

PLACEHOLDER = "Not explained yet."
# Where a room's parameters are explained, unless by the pages in its own folder. Names in front of which the code puts a
# prefix of its own stand behind the pages.
POSTFIX = {
    "mta/delivery": ["mta/smtp/smtp.8", "mta/local/local.8", "mta/local/pipe.8", "mta/local/virtual.8", "mta/error/error.8"],
    "mta/resolve": ["mta/trivial-rewrite/trivial-rewrite.8"],
    "mta/queue": ["mta/master/master.8"],
    "mta/tools/common": ["mta/tools/postfix/postfix.1"],
    "common/service": ["mta/master/master.8"],
    "conf/postfix": ["mta/master/master.8"],
    "lookup": ["lookup/postmap/postmap.1"],
}
PREFIXES = {"mta/smtp": ("smtp_", "lmtp_"), "mta/qmgr": ("default",), "lookup": ("proxy_",)}
DOVECOT = {
    "mda/imap": ["mda/broker/dovecot-imap.8"],
    "mda/pop3": ["mda/broker/dovecot-imap.8"],
    "mda/storage": ["mda/broker/dovecot-imap.8"],
    "mda/worker": ["mda/broker/dovecot-imap.8"],
    "common/service": ["mda/master/dovecot.1"],
}
# Know names without acting on them.
KNOWERS = ("conf/postfix/parameters", "conf/postfix/computed_defaults", "conf/postfix/compat", "mta/tools/postconf/", "mta/queue/record.",
           "mda/doveconf/")
NOT_ROOMS = {"test_host.cc", "test_tables.h"}
ITEM = re.compile(r'^\.It Va (\w+) Pq (?:Li "(.*)"|(computed|empty))$')


class Page:
    """One list of a page: its items, and the text in front of and behind it."""

    def __init__(self, path, heading):
        self.path, self.heading, self.items = path, heading, {}
        lines = path.read_text().splitlines() if path.is_file() else []
        start = next((i for i, line in enumerate(lines) if line == f".Sh {heading}"), None)
        self.intro = []
        if start is None:
            where = next((i for i, line in enumerate(lines) if re.match(r"\.Sh (DIFFERENCES|EXIT|DIAGNOSTICS|FILES|SEE|STANDARDS)", line)),
                         len(lines))
            self.before, self.after = lines[:where], lines[where:]
            return
        end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith(".Sh ")), len(lines))
        self.before, self.after = lines[:start], lines[end:]
        self.read_items(lines[start + 1:end])

    def read_items(self, lines):
        begin = next((i for i, line in enumerate(lines) if line.startswith(".Bl -tag")), len(lines))
        stop = next((i for i, line in enumerate(lines) if line == ".El"), len(lines))
        self.intro, self.tail = lines[:begin], lines[stop + 1:]
        name = None
        for line in lines[begin + 1:stop]:
            found = ITEM.match(line)
            if found:
                name = found[1]
                self.items[name] = (unquoted(found[2]) if found[2] is not None else "" if found[3] == "empty" else "computed", [])
            elif name:
                self.items[name][1].append(line)

    def write(self):
        lines = self.before + [f".Sh {self.heading}"] + self.intro + [".Bl -tag -width Ds"]
        for name in sorted(self.items):
            standard, text = self.items[name]
            shown = standard if standard == "computed" else "empty" if standard == "" else f'Li "{quoted(standard)}"'
            lines += [f".It Va {name} Pq {shown}"] + text
        lines += [".El"] + getattr(self, "tail", []) + self.after
        self.path.write_text("\n".join(lines) + "\n")


def quoted(text):
    return text.replace("\\", r"\e").replace('"', r"\(dq").replace("\n", r"\en")


def unquoted(text):
    return text.replace(r"\en", "\n").replace(r"\(dq", '"').replace(r"\e", "\\")


def readers(folders, table, owners):
    """Page paths -> names read there; and problems: folders that read something and have no page."""
    read, problems = {}, []
    for top in folders:
        for path in sorted((root() / top).rglob("*")):
            name = path.relative_to(root()).as_posix()
            if path.suffix not in (".cc", ".h") or name.endswith(("_test.cc", "_fixture.cc")) or name.startswith(KNOWERS):
                continue
            if path.name in NOT_ROOMS:
                continue
            prefixes = next((PREFIXES[p] for p in PREFIXES if name.startswith(p + "/")), ())
            names = {n for n in tables.mentioned(path, table, prefixes) if table[n].action == "supported"}
            if not names:
                continue
            pages = pages_of(name, owners)
            if not pages:
                problems.append(f"{name}: reads {', '.join(sorted(names))}, but there is no manual page beside it")
            read.setdefault(tuple(pages), set()).update(names)
    return read, problems


def pages_of(name, owners):
    folder = name
    while "/" in folder:
        folder = folder.rsplit("/", 1)[0]
        if folder in owners:
            return owners[folder]
        pages = sorted((root() / folder).glob("*.[18]"))
        if pages:
            return [page.relative_to(root()).as_posix() for page in pages]
    return []


def check(heading, folders, table, owners, exempt):
    read, problems = readers(folders, table, owners)
    paths = sorted({page for pages in read for page in pages if page})
    pages = {path: Page(root() / path, heading) for path in paths}
    explained = {n: t for page in pages.values() for n, (_, t) in page.items.items() if t and t != [PLACEHOLDER]}
    allowed = {path: set() for path in paths}
    for owners_of, names in read.items():
        for path in owners_of:
            allowed[path] |= names
        for name in sorted(names - exempt):
            if owners_of and not any(name in pages[path].items for path in owners_of):
                problems.append(f"{owners_of[0]}: {name} is read, but not listed under {heading}")
                pages[owners_of[0]].items[name] = (table[name].standard, explained.get(name, [PLACEHOLDER]))
    for path, page in pages.items():
        for name, (standard, text) in list(page.items.items()):
            if name not in table:
                problems.append(f"{path}: {name}: no such setting")
            elif name not in allowed[path]:
                problems.append(f"{path}: {name} is listed, but nothing there reads it")
                del page.items[name]
            elif standard != table[name].standard:
                problems.append(f'{path}: {name}: the default is "{table[name].standard}", not "{standard}"')
                page.items[name] = (table[name].standard, text)
            elif not text or text == [PLACEHOLDER]:
                problems.append(f"{path}: {name}: needs a sentence")
    if "--fix" in sys.argv:
        for page in pages.values():
            if page.items:
                page.write()
    return problems


def main():
    parameters, settings = tables.parameters(), tables.settings()
    problems = check("PARAMETERS", ("common", "conf/postfix", "lookup", "mta"), parameters, POSTFIX, set())
    # Names of blocks, and words that are also settings.
    words = {"service", "passdb", "userdb", "namespace", "protocol", "plugin", "dict", "metric", "import", "local", "remote", "mail"}
    problems += check("SETTINGS", ("authd", "mda", "common/service"), settings, DOVECOT, words)
    finish(sorted(problems))


if __name__ == "__main__":
    main()
