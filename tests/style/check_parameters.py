#!/usr/bin/env python3
# Compares the "unsupported" column of the parameter table with the code: a parameter that some program binds or asks for must
# be marked supported, one that nobody mentions must not be. An old name is supported with the new one whose default asks for
# it. With --fix the column is rewritten: what the code mentions becomes supported; the way back (to ignore or defer) is a
# decision for a person.
# SPDX-License-Identifier: Apache-2.0
"""usage: check_parameters.py [--fix]   (in the top directory)"""
import glob
import os
import re
import sys

TABLE = 'conf/postfix/parameters_*_to_*.cc', 'conf/postfix/parameters_s*.cc'
ROOMS = 'common', 'conf/postfix', 'lookup', 'mta'
# These know names without acting on them: the tables themselves, postconf, which prints everything, and the queue file's
# record types, some of which are named like a parameter.
NOT_USERS = ('conf/postfix/parameters', 'conf/postfix/computed_defaults', 'mta/tools/postconf/', 'mta/queue/record.')
ROW = re.compile(r'\{"(\w+)",\s+(\w+),\s+(\w+),\s+((?:"(?:[^"\\]|\\.)*"\s*)+),\s+(supported|ignore|defer|fatal),')
BY_CONF = {'process_id', 'process_name', 'service_name', 'config_directory', 'mail_version', 'mail_release_date', 'stress',
           'compatibility_level', 'myhostname', 'mydomain', 'mynetworks', 'mynetworks_style'}


def table_files():
    return sorted(set(f for pattern in TABLE for f in glob.glob(pattern)))


def read_rows():
    rows = {}
    for path in table_files():
        with open(path) as f:
            for m in ROW.finditer(f.read()):
                rows[m.group(1)] = (m.group(5), m.group(4), path)
    return rows


def legacy_names():
    names = set()
    for path in table_files():
        with open(path) as f:
            names.update(re.findall(r'\{"(\w+)",[^{]*\blegacy_alias\}', f.read()))
    return names


def names_in_code(known):
    found = {}
    for room in ROOMS:
        for path in glob.glob(room + '/**/*.*', recursive=True):
            skipped = path.endswith('_test.cc') or path.startswith(NOT_USERS)
            if skipped or not path.endswith(('.cc', '.h')):
                continue
            with open(path, errors='replace') as f:
                code = re.sub(r'//.*', '', f.read())
                for name in re.findall(r'"(\w+)"', code):
                    if name in known:
                        found.setdefault(name, path)
    return found


def main():
    rows = read_rows()
    if len(rows) < 850:
        sys.exit('check_parameters: only %d rows read; has the table another form?' % len(rows))
    used = names_in_code(rows)
    used.update({name: 'conf/postfix' for name in BY_CONF if name in rows})
    legacy = legacy_names()
    for new in list(used):
        for name in re.findall(r'\$[{(]?(\w+)', rows[new][1]):
            if name in legacy:
                used.setdefault(name, new)
    missing = sorted(n for n in used if rows[n][0] != 'supported')
    stale = sorted(n for n, row in rows.items() if row[0] == 'supported' and n not in used)
    if '--fix' in sys.argv:
        for path in table_files():
            with open(path) as f:
                text = f.read()
            changed = ROW.sub(lambda m: m.group(0)[:-len(m.group(5)) - 1] + 'supported,' if m.group(1) in missing else m.group(0),
                              text)
            if changed != text:
                with open(path, 'w') as f:
                    f.write(changed)
        missing = []
    for name in missing:
        print('%s: %s acts on it, but its row says %s' % (name, used[name], rows[name][0]))
    for name in stale:
        print('%s: marked supported, but nobody mentions it' % name)
    print('%d parameters supported, %d not yet' % (len(used), len(rows) - len(used)))
    sys.exit(1 if missing or stale else 0)


if __name__ == '__main__':
    main()
