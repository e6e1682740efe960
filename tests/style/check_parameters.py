#!/usr/bin/env python3
"""The "unsupported" columns of the two tables of settings against the code (conf/postfix/parameters_*.cc, conf/dovecot/settings_*.cc):

  * what some program reads is marked supported; what nobody mentions is not
  * what is bound to a field is read from that field

An old name is supported with the new one whose default asks for it. With --fix what the code reads becomes supported; the way
back (ignore: cosmetic or tuning; defer: it filters, restricts, authenticates, encrypts or routes; fatal) is a decision for a person.
"""
# SPDX-License-Identifier: Apache-2.0
import re
import sys

import tables
from rooms import finish, root

# These know names without acting on them: the tables themselves, postconf and doveconf, which print everything, and the queue
# file's record types, some of which are named like a parameter.
NOT_USERS = ("conf/postfix/parameters", "conf/postfix/computed_defaults", "mta/tools/postconf/", "mta/queue/record.",
             "conf/dovecot/settings_", "conf/dovecot/service_defaults", "conf/dovecot/obsolete", "conf/dovecot/schema",
             "conf/dovecot/checks", "conf/postfix/compat", "mda/doveconf/")
# Put in front of names by the code.
PREFIXES = {"mta/smtp/": ("smtp_", "lmtp_"),
            "mta/qmgr/": ("default", "smtp", "lmtp", "relay", "local", "virtual", "pipe", "error", "retry", "discard", "bounce"),
            "lookup/": ("proxy_",), "mda/login/": ("imap_", "pop3_")}
# Read by postconf or conf itself, or by scripts that are not C++; and what has no effect in the incumbent either.
BY_CONF = {"process_id", "process_name", "service_name", "config_directory", "mail_version", "mail_release_date", "stress",
           "compatibility_level", "myhostname", "mydomain", "mynetworks", "mynetworks_style", "html_directory", "mailq_path",
           "manpage_directory", "meta_directory", "newaliases_path", "readme_directory", "sample_directory", "sendmail_path",
           "shlib_directory", "default_destination_recipient_limit"}
NO_EFFECT = {"smtpd_sasl_local_domain"}  # only Cyrus SASL has realms
# Bound so that a wrong value stops the start; no use of their own there.
CHECKED_ONLY = {"mta/smtp/parameters.cc mydomain", "mta/smtp/parameters.cc smtp_host_lookup", "mta/smtp/parameters.cc lmtp_host_lookup",
                "mta/smtpd/parameters.cc inet_interfaces", "mta/smtpd/parameters.cc smtpd_tls_dcert_file",
                "mta/smtpd/parameters.cc smtpd_tls_dkey_file", "mta/smtpd/parameters.cc tls_eecdh_auto_curves",
                "mta/qmgr/parameters.cc qmgr_message_recipient_minimum", "mta/qmgr/parameters.cc delay_warning_time",
                "mta/qmgr/parameters.cc confirm_delay_cleared", "mta/bounce/bounce.cc empty_address_recipient"}
# Words of protocols and files that are also names of settings: a literal proves nothing.
COMMON_WORDS = {"mail", "user", "service", "group", "name", "port", "path", "master", "inbox", "list", "order", "type", "mode", "address",
                "comment", "disabled", "format", "fields", "filter", "location", "prefix", "driver", "args", "alias", "transport", "description"}


# Blocks are read into structs (conf/dovecot/settings.h); fields that are named otherwise than their setting.
FIELDS = {"auto": "autocreate", "unix_listener": "unix_listeners", "fifo_listener": "fifo_listeners", "inet_listener": "inet_listeners",
          "mailbox": "mailboxes"}


def fields_used(table, folders):
    whole = "".join(tables.room_text(path) for folder in folders for path in (root() / folder).iterdir() if path.is_file())
    whole += "".join(tables.room_text(path) for folder in folders for path in (root() / folder).glob("*/*.cc"))
    return {n: "a field" for n in table if re.search(rf"(?:\.|->){FIELDS.get(n, n)}\b", whole)}


def users(table, folders):
    """Name -> the first file that reads it, and problems: fields that nobody reads."""
    found, problems = {}, []
    for folder in folders:
        for path in sorted((root() / folder).rglob("*")):
            name = path.relative_to(root()).as_posix()
            if path.suffix not in (".cc", ".h") or name.endswith(("_test.cc", "test_host.cc", "_fixture.cc")) or name.startswith(NOT_USERS):
                continue
            prefixes = next((PREFIXES[p] for p in PREFIXES if name.startswith(p)), ())
            unused = {p + n for n in tables.unused_bindings(path) for p in ("",) + prefixes if p + n in table} - NO_EFFECT
            problems += [f"{name}: {n} is bound to a field that nothing reads" for n in sorted(unused) if f"{name} {n}" not in CHECKED_ONLY]
            for one in tables.mentioned(path, table, prefixes) - unused:
                found.setdefault(one, name)
    return found, problems


def judge(table, used, wrong, legacy=()):
    for new in list(used):
        for name in re.findall(r"\$[{(]?(\w+)", table[new].standard):
            if name in legacy:
                used.setdefault(name, new)
    missing = sorted(n for n in used if table[n].action in wrong and n not in COMMON_WORDS)
    stale = sorted(n for n, row in table.items() if row.action == "supported" and n not in used)
    return missing, stale


def fix(table, names):
    for path in sorted({table[n].path for n in names}):
        text = (root() / path).read_text()
        for name in names:
            text = re.sub(rf'(\{{"{name}",[^{{]*?(?:\bA::)?)\b(ignore|defer|fatal)\b', r"\1supported", text, count=1)
        (root() / path).write_text(text)


def legacy_names():
    names = set()
    for path in (root() / "conf/postfix").glob("parameters_*.cc"):
        names.update(re.findall(r'\{"(\w+)",[^{]*\blegacy_alias\}', path.read_text()))
    return names


def main():
    problems = []
    # Of dovecot.conf the daemons read some settings only to refuse them.
    for table, folders, given, wrong, legacy in (
            (tables.parameters(), ("common", "conf/postfix", "lookup", "mta"), BY_CONF | NO_EFFECT, ("ignore", "defer", "fatal"), legacy_names()),
            (tables.settings(), ("authd", "common/service", "conf/dovecot", "mda"), set(), ("ignore",), ()),
            (tables.block_settings(), ("authd", "common/service", "mda"), set(), ("ignore",), ())):
        used, unread = users(table, folders)
        used.update({name: "conf" for name in given if name in table})
        if "service_count" in table:
            used.update(fields_used(table, folders))
        missing, stale = judge(table, used, wrong, legacy)
        if "--fix" in sys.argv:
            fix(table, missing)
            missing = []
        problems += unread
        problems += [f"{table[n].path}: {n}: {used[n]} reads it, but its row says {table[n].action}" for n in missing]
        problems += [f"{table[n].path}: {n}: marked supported, but nobody reads it" for n in stale]
        print(f"{sum(row.action == 'supported' for row in table.values())} of {len(table)} supported")
    finish(problems)


if __name__ == "__main__":
    main()
