"""The two tables of settings as the checks see them, and which names the code mentions."""
# SPDX-License-Identifier: Apache-2.0
import re
from typing import NamedTuple

from rooms import root

PARAMETER_ROW = re.compile(r'\{"(?P<name>\w+)",\s+\w+,\s+\w+,\s+(?P<standard>(?:"(?:[^"\\]|\\.)*"\s*)+),\s+(?P<action>supported|ignore|defer|fatal),')
SETTING_ROW = re.compile(r'\{"(?P<name>\w+)",\s+T::\w+,\s+A::(?P<action>supported|ignore|defer|fatal),\s*(?P<standard>(?:"(?:[^"\\]|\\.)*"\s*)+|\w+),')
BINDING = re.compile(r'\{"(\w+)",\s*&(\w+)::(\w+)\}')
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


class Row(NamedTuple):
    action: str    # supported, ignore, defer, fatal
    standard: str  # the default
    path: str      # of the table


def joined(literals):
    """C++ string literals side by side, as one text; a name of a constant is no text."""
    return re.sub(r"\\(.)", r"\1", "".join(LITERAL.findall(literals)))


def read_table(pattern, row, least):
    rows = {}
    for path in sorted((root() / "conf").glob(pattern)):
        for found in row.finditer(path.read_text()):
            rows.setdefault(found["name"], Row(found["action"], joined(found["standard"]), path.relative_to(root()).as_posix()))
    if len(rows) < least:
        raise SystemExit(f"only {len(rows)} rows read from conf/{pattern}; has the table another form?")
    return rows


def parameters():
    """main.cf: name -> Row."""
    rows = read_table("postfix/parameters_*.cc", PARAMETER_ROW, 850)
    computed = LITERAL.findall(code_text(root() / "conf/postfix/computed_defaults.cc"))
    return {name: row._replace(standard="computed") if name in computed else row for name, row in rows.items()}


def settings():
    """dovecot.conf, outside of blocks: name -> Row."""
    return read_table("dovecot/settings_global.cc", SETTING_ROW, 200)


def block_settings():
    return read_table("dovecot/settings_blocks.cc", SETTING_ROW, 50)


def code_text(path):
    """Without comments, and without lists of names whose only use is to say that they have no effect yet."""
    text = re.sub(r"(?m)(^|\s)//.*", "", path.read_text(errors="replace"))
    return re.sub(r"\bkUnsupported\w*\[\] = \{.*?\};", "", text, flags=re.S)


def room_text(path, cache={}):
    """All code of the folder below a room (mta/smtpd) that a file belongs to."""
    parts = path.relative_to(root()).parts
    folder = root().joinpath(*parts[:2]) if len(parts) > 2 else path.parent
    if folder not in cache:
        files = [p for p in sorted(folder.rglob("*")) if p.suffix in (".cc", ".h") and not p.name.endswith("_test.cc")]
        cache[folder] = "".join(code_text(p) for p in files)
    return cache[folder]


def unused_bindings(path):
    """Names bound to a field of a struct that nothing reads: {"name", &Struct::field} and no use of .field in the room."""
    whole = room_text(path)
    return {name for name, struct, field in BINDING.findall(code_text(path))
            if not re.search(rf"(?:\.|->){field}\b", whole) and len(re.findall(rf"&{struct}::{field}\b", whole)) < 2}


def mentioned(path, table, prefixes=()):
    """Names of the table that a source file has as literals, alone or behind one of the prefixes."""
    found = set()
    for literal in LITERAL.findall(code_text(path)):
        for prefix in ("",) + tuple(prefixes):
            if prefix + literal in table:
                found.add(prefix + literal)
    return found
