#!/usr/bin/env python3
# Lookup tables beside the incumbent's: the same table, key and server for both postmaps, and every byte of what they say
# compared. Servers are scripted ones (socketmap, tcp, memcache) and real ones from packages, each in a directory of its own.
# SPDX-License-Identifier: Apache-2.0
"""usage: compare_tables.py [--destdir DIR | --postmap FILE] [--real FILE] [-v] [group ...]
exit 0: all equal; 77: no incumbent here; 1: a difference. Groups: see the functions marked @group."""
import argparse
import concurrent.futures
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import servers, stack  # noqa: E402  pylint: disable=wrong-import-position

GROUPS = {}
# What the incumbent prints where it names no reason: whatever errno was last set to.
NO_REASON = ["Operation now in progress", "Resource temporarily unavailable", "Application error", "Success"]


def group(function):
    GROUPS[function.__name__] = function
    return function


class ScriptedServer:
    """Gives each client the replies of its script, one for each block it sends; None closes. On a port that stays the same."""

    def __init__(self, script, port=0):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(20)
        self.port, self.script, self.heard = self.listener.getsockname()[1], script, []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        for replies in self.script:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.settimeout(10)
            try:
                for reply in replies:
                    block = client.recv(70000) if reply is not None else b""
                    if not block:
                        break
                    self.heard.append(block)
                    client.sendall(reply)
            except OSError:
                pass
            client.close()

    def end(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(15)


class Comparison:
    def __init__(self, options, directory):
        self.real, self.ours, self.verbose, self.dir = options.real, options.postmap, options.verbose, directory
        self.compared = self.failed = self.files = 0
        self.lock, self.pool, self.jobs = threading.Lock(), concurrent.futures.ThreadPoolExecutor(8), []
        os.mkdir(directory + "/etc")
        self.main_cf("")

    def main_cf(self, text):
        path = self.dir + "/etc/main.cf"
        with open(path, "w") as file:
            file.write("compatibility_level = 3.6\nmyhostname = mx.example.test\n" + text)
        os.utime(path, (time.time() - 300,) * 2)

    def file(self, text):
        with self.lock:
            self.files += 1
            path = os.path.join(self.dir, f"{self.files}.cf")
        with open(path, "w") as file:
            file.write(text)
        return path

    def run(self, program, table, key, keys=None, options=()):
        try:
            done = subprocess.run([program, "-c", self.dir + "/etc", *options, "-q", key, table], capture_output=True,
                                  input=(keys or "").encode(), timeout=30, cwd=self.dir)
        except subprocess.TimeoutExpired:
            return "timeout", "", ""
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def plain(self, outcome, replace):
        code, out, err = outcome
        for old, new in replace:
            err = re.sub(old, new, err)
        for words in NO_REASON:
            err = re.sub(rf"(query error: |error: |EOF \(){re.escape(words)}", r"\1(no reason)", err)
        return code, out, err

    def equal(self, what, real, ours, replace=()):
        with self.lock:
            self.judge(what, real, ours, replace)

    def judge(self, what, real, ours, replace):
        self.compared += 1
        real, ours = self.plain(real, replace), self.plain(ours, replace)
        if real == ours:
            if self.verbose:
                print(f"ok   {what}: {ours}")
            return
        self.failed += 1
        print(f"FAIL {what}")
        for name, theirs, mine in zip(("exit", "stdout", "stderr"), real, ours):
            if theirs != mine:
                print(f"    {name} - {theirs!r}\n    {name} + {mine!r}")

    def later(self, function, *arguments):
        """Cases wait a lot (a fatal error sleeps a second): several are run at a time."""
        self.jobs.append(self.pool.submit(function, *arguments))

    def finish(self):
        for job in self.jobs:
            job.result()
        self.jobs = []

    def ask(self, what, table, key, keys=None, replace=(), options=()):
        """One lookup by both."""
        self.later(self.ask_now, what, table, key, keys, replace, options)

    def ask_now(self, what, table, key, keys, replace, options):
        real = self.run(self.real, table, key, keys, options)
        self.equal(what, real, self.run(self.ours, table, key, keys, options), replace)

    def scripted(self, what, table, script, key, keys=None, replace=()):
        """One lookup by both, each with a server of its own that plays the script; {port} in the table. What they send must agree, too."""
        self.later(self.scripted_now, what, table, script, key, keys, replace)

    def scripted_now(self, what, table, script, key, keys, replace):
        outcomes, heard, port = [], [], 0
        for program in (self.real, self.ours):
            server = ScriptedServer(script, port)
            if not port:
                name = table(server.port) if callable(table) else table.format(port=server.port)
            port = server.port
            outcomes.append(self.run(program, name, key, keys))
            server.end()
            heard.append(b"".join(server.heard))
        self.equal(what, *outcomes, replace)
        self.equal(what + ", sent", (0, str(heard[0]), ""), (0, str(heard[1]), ""))


def ns(text):
    return b"%d:%s," % (len(text), text)


@group
def socketmap(c):
    table = "socketmap:inet:127.0.0.1:{port}:name"
    cases = [
        ("value",            [[ns(b"OK value here")]]),
        ("empty value",      [[ns(b"OK ")]]),
        ("OK alone",         [[ns(b"OK")]]),
        ("not found",        [[ns(b"NOTFOUND ")]]),
        ("NOTFOUND alone",   [[ns(b"NOTFOUND")]]),
        ("temporary",        [[ns(b"TEMP because")]]),
        ("timeout",          [[ns(b"TIMEOUT because")]]),
        ("permanent",        [[ns(b"PERM because")]]),
        ("unknown word",     [[ns(b"ZORK because")]]),
        ("lower case",       [[ns(b"ok v")]]),
        ("no netstring",     [[b"abc"]]),
        ("no comma",         [[b"4:OK vX"]]),
        ("too long",         [[b"999999:"]]),
        ("closed, then good", [[None], [ns(b"OK v")]]),
    ]
    for what, script in cases:
        c.scripted("socketmap " + what, table, script, "Key@Example.test")
    c.scripted("socketmap closed", table, [[None], [None], [None]], "k", replace=[(r"error: (Connection reset by peer)", "error: (no reason)")])
    c.scripted("socketmap cut", table, [[b"10:abc", None], [b"10:abc", None]], "k", replace=[(r"error: Connection reset by peer", "error: (no reason)")])
    c.scripted("socketmap many", table, [[ns(b"OK 1")]] * 3, "-", "a\na\na\n")
    for name in ("zork", "foo:bar", "inet:127.0.0.1:name", "unix:name", "unix::name", "zork:127.0.0.1:1:name", "inet:127.0.0.1:1:name",
                 "inet:127.0.0.1:1:", "inet:127.0.0.1:zork:name", f"unix:{c.dir}/none:name", "inet:localhost:1:name"):
        c.ask("socketmap:" + name, "socketmap:" + name, "k")


@group
def tcp(c):
    table = "tcp:127.0.0.1:{port}"
    cases = [
        ("value",            [[b"200 value%20here\n"]]),
        ("empty value",      [[b"200 \n"]]),
        ("nothing",          [[b"200\n"]]),
        ("not found",        [[b"500 nope\n"]]),
        ("temporary",        [[b"400 busy%20now\n"]]),
        ("junk",             [[b"zork\n"]]),
        ("other code",       [[b"300 x\n"]]),
        ("bad hex",          [[b"200 a%zz\n"]]),
        ("blanks",           [[b"200 a b\n"]]),
        ("CRLF",             [[b"200 ab\r\n"]]),
        ("four digits",      [[b"2000 a\n"]]),
    ]
    for what, script in cases:
        c.scripted("tcp " + what, table, script, "Key %@Example.test")
    reason = [(r"EOF \([^)]*\)", "EOF (no reason)")]
    c.scripted("tcp closed, then good", table, [[None], [b"200 v\n"]], "k", replace=reason)
    c.scripted("tcp too long, then good", table, [[b"200 " + b"x" * 5000 + b"\n"], [b"200 v\n"]], "k", replace=reason)
    c.ask("tcp: not reachable", "tcp:127.0.0.1:1", "k")


@group
def memcache(c):
    def value(key, text, size=None):
        return b"VALUE %s 0 %d\r\n%s\r\nEND\r\n" % (key, len(text) if size is None else size, text)

    def config(extra):
        return lambda port: "memcache:" + c.file(f"memcache = inet:127.0.0.1:{port}\n{extra}")
    miss = [[b"END\r\n"]]
    stored = [[b"END\r\n", b"STORED\r\n"]]
    cases = [
        ("value",             [[value(b"k", b"val")]],              "",                                   "K"),
        ("miss",              miss,                                 "",                                   "k"),
        ("empty",             [[value(b"k", b"")]],                 "",                                   "k"),
        ("error",             [[b"ERROR\r\n"], [b"ERROR\r\n"]],     "",                                   "k"),
        ("server error",      [[b"SERVER_ERROR x\r\n"]] * 2,        "",                                   "k"),
        ("data_size_limit",   [[value(b"k", b"x" * 30)]] * 2,       "data_size_limit=10\n",               "k"),
        ("too short",         [[value(b"k", b"val", 1)]] * 2,       "",                                   "k"),
        ("closed",            [[None], [None]],                     "",                                   "k"),
        ("closed, then good", [[None], [value(b"k", b"v")]],        "",                                   "k"),
        ("flags",             [[b"VALUE k 7 3\r\nval\r\nEND\r\n"]], "",                                   "k"),
        ("cas",               [[b"VALUE k 0 3 99\r\nval\r\nEND\r\n"]], "",                                "k"),
        ("key_format",        miss,                                 "key_format = %u-%d-%1-%2-%%x\n",     "Joe@Ex.Test"),
        ("key without %d",    [[]],                                 "key_format = %u-%d\n",               "joe"),
        ("bad key_format",    [[]],                                 "key_format = %z\n",                  "joe"),
        ("key with blank",    [[]],                                 "",                                   "a b"),
        ("key with tab",      [[]],                                 "",                                   "a\tb"),
        ("key with line end", [[]],                                 "",                                   "a\r\nset x 0 0 1"),
        ("utf-8",             miss,                                 "",                                   "j\u00f6rg"),
        ("in domain",         miss,                                 "domain = ex.test\n",                 "a@ex.test"),
        ("not in domain",     [[]],                                 "domain = ex.test\n",                 "a@other.test"),
        ("no domain",         [[]],                                 "domain = ex.test\n",                 "a"),
        ("max_try",           [[None]] * 5,                         "max_try=3\n",                        "k"),
        ("bad flags",         [[]],                                 "flags = x\n",                        "k"),
        ("bad max_try",       [[]],                                 "max_try = 0\n",                      "k"),
        ("result_format",     [[value(b"k", b"val")]],              "result_format = <%s>\n",             "k"),
        ("backup",            stored,                               "backup = static:bk\n",               "k"),
        ("backup: miss",      miss,                                 "backup = inline:{a=b}\n",            "k"),
        ("backup not asked",  [[value(b"k", b"mv")]],               "backup = static:bk\n",               "k"),
        ("backup down",       miss,                                 "backup = fail:x\n",                  "k"),
        ("ttl, flags",        stored,                               "backup = static:bk\nttl=7\nflags=5\n", "k"),
        ("backup, blank key", [[]],                                 "backup = static:bk\n",               "a b"),
        ("backup, domain",    [[]],                                 "backup = static:bk\ndomain=ex.test\n", "a@other.test"),
        ("backup, no %d",     [[]],                                 "backup = static:bk\nkey_format=%d\n", "a"),
        ("down, backup",      [[None], [None]],                     "backup = static:bk\nmax_try=1\n",    "k"),
    ]
    reset = [(r"(query|I/O) error: Connection reset by peer", r"\1 error: (no reason)")]
    for what, script, extra, key in cases:
        c.scripted("memcache " + what, config(extra), script, key, replace=reset)
    c.scripted("memcache many", config(""), [[value(b"a", b"1")]] * 3, "-", "a\na\na\n")
    for text in ("", "memcache = unix:/nonexistent/s\n", "memcache = zork\n", "memcache = zork:1:2\n", "memcache = inet:127.0.0.1:1\n"):
        c.ask("memcache with " + (text.strip() or "nothing"), "memcache:" + c.file(text), "k")
    c.ask("memcache without file", f"memcache:{c.dir}/none.cf", "k")


@group
def simple(c):
    """Types that need nothing but themselves."""
    tables = ["fail:x", "static:v", "static:{a b}", "unionmap:{static:a,inline:{k=b}}", "unionmap:{static:a,fail:x}", "unionmap:{inline:{z=b}}",
              "unionmap:{fail:x,static:a}", "pipemap:{inline:{k=v},inline:{v=w}}", "pipemap:{inline:{k=v},inline:{x=w}}", "pipemap:{inline:{k=v},fail:x}",
              "pipemap:{inline:{z=v},fail:x}", "pipemap:{}", "unionmap:{}", "pipemap:static:a", "unionmap:{static:a", "unionmap:{zork:a}",
              "randmap:{a}", "randmap:{}", "randmap:a", "randmap:{a a}", "randmap:{{a b}}", "environ:", "environ:x", "internal:x", "internal:",
              "inline:{k=v}", "inline:{K=v}", "inline:{{k = a b}, z=1}", "inline:{k}", "inline:{k=}", "inline:{=v}", "inline:{}", "inline:k=v",
              "texthash:/nonexistent/t", "unix:zork", "unix:passwd.byname", "zork:x", "socketmap:", "tcp:"]
    for table in tables:
        c.ask(table, table, "k")
    for table in ("randmap:{a}", "inline:{k=v}", "fail:x", "static:v", "environ:x", "unix:group.byname"):
        c.ask(table + " -s", table, "k", options=["-s"])
    c.ask("environ PATH", "environ:x", "HOME")
    c.ask("unix root", "unix:passwd.byname", "root")
    c.ask("unix daemon", "unix:group.byname", "daemon")


HOSTILE = ["x' OR '1'='1", "x' UNION SELECT version()-- ", "\\' OR 1=1 -- ", "%s", "%u", "o'hara@example.test", "back\\slash@example.test", "50%@example.test",
           "a\tb", "x" * 3000, "*", "a)(uid=*", "j*", "joe@example.test)(objectClass=*", "x,dc=evil", "$1", "${1}", "x\"y", "`id`", ";--", "\\x27"]


@group
def pgsql(c):
    if not servers.PostgreSql.is_installed():
        return print("no PostgreSQL here")
    server = servers.PostgreSql(c.dir + "/pg")
    try:
        server.start()
        server.load("create database mailserver; create user mailuser password 'secret';")
        server.load("""create table t(k text, v text, w text);
            insert into t values('a@example.test','A','B'),('m@example.test','one','x'),('m@example.test','two','y'),('n@example.test',null,'z'),
            ('e@example.test','','z'),('o''hara@example.test','quoted','q'),(E'back\\\\slash@example.test','slash','s'),('50%@example.test','percent','p'),
            ('jörg@example.test','umlaut','u');
            grant select on t to mailuser; create function f(text) returns text language sql as 'select ''f:'' || $1';""", "mailserver")
        ask_sql(c, "pgsql", f"hosts = inet:127.0.0.1:{server.port}\nuser = mailuser\npassword = secret\ndbname = mailserver\n")
        rest = "user = mailuser\npassword = secret\ndbname = mailserver\nquery = SELECT v FROM t WHERE k='%s'\n"
        for hosts in (f"unix:{server.dir}:{server.port}", f"{server.dir}:{server.port}", f"127.0.0.1:{server.port}", f"localhost:{server.port}",
                      f"postgresql://mailuser:secret@127.0.0.1:{server.port}/mailserver"):
            c.ask("pgsql hosts " + hosts, "pgsql:" + c.file(f"hosts = {hosts}\n{rest}"), "a@example.test")
        c.ask("pgsql select_function", "pgsql:" + c.file(f"hosts = 127.0.0.1:{server.port}\n{rest.replace('query', 'x')}select_function = f\n"), "a")
        c.finish()
    finally:
        server.kill()


def ask_sql(c, kind, access):
    def table(text):
        return f"{kind}:" + c.file(access + text)
    query = "query = SELECT v FROM t WHERE k='%s'\n"
    for key in ["a@example.test", "A@Example.Test", "m@example.test", "n@example.test", "e@example.test", "none", "@example.test", *HOSTILE]:
        c.ask(f"{kind} {key[:40]}", table(query), key)
    for what, text, key in [
            ("two columns", "query = SELECT v, w FROM t WHERE k='%s' ORDER BY v\n", "m@example.test"),
            ("result_format", query + "result_format = <%s|%u|%D>\n", "a@example.test"),
            ("result_format %d", query + "result_format = %d\n", "a@example.test"),
            ("expansion_limit", query + "expansion_limit = 1\n", "m@example.test"),
            ("expansion_limit not reached", query + "expansion_limit = 2\n", "m@example.test"),
            ("bad expansion_limit", query + "expansion_limit = x\n", "m@example.test"),
            ("domain", query + "domain = example.test\n", "a@example.test"),
            ("other domain", query + "domain = other.test\n", "a@example.test"),
            ("domain, bare key", query + "domain = example.test\n", "a"),
            ("domain, @domain", "query = SELECT 1\ndomain = example.test\n", "@example.test"),
            ("%u %d", "query = SELECT v FROM t WHERE k='%u@%d'\n", "a@example.test"),
            ("%d without domain", "query = SELECT v FROM t WHERE k='%d'\n", "a"),
            ("%1 %2", "query = SELECT '%1-%2'\n", "a@example.test"),
            ("%3", "query = SELECT '%1-%2-%3'\n", "a@example.test"),
            ("%u of @domain", "query = SELECT '%u'\n", "@example.test"),
            ("bad template", "query = SELECT '%z'\n", "a"),
            ("legacy", "table = t\nselect_field = v\nwhere_field = k\n", "a@example.test"),
            ("legacy conditions", "table = t\nselect_field = v\nwhere_field = k\nadditional_conditions = and w = 'x'\n", "m@example.test"),
            ("legacy without table", "select_field = v\nwhere_field = k\n", "a"),
            ("legacy without select_field", "table = t\nwhere_field = k\n", "a"),
            ("legacy without where_field", "table = t\nselect_field = v\n", "a")]:
        c.ask(f"{kind} {what}", table(text), key)
    c.ask(f"{kind} without file", f"{kind}:{c.dir}/none.cf", "k")


@group
def memcached(c):
    if not servers.Memcached.is_installed():
        return print("no memcached here")
    server = servers.Memcached(c.dir + "/mc")
    try:
        server.start()
        server.ask("set k 0 0 3\r\nval")
        access = f"memcache = inet:127.0.0.1:{server.port}\n"
        for extra, key in [("", "k"), ("", "K"), ("", "none"), ("key_format = %s-x\n", "k"), ("backup = inline:{b=stored}\n", "b"),
                           ("backup = inline:{z=stored}\n", "none"), ("data_size_limit = 2\n", "k")]:
            c.ask(f"memcached {extra.strip()} {key}", "memcache:" + c.file(access + extra), key)
        c.finish()
        c.equal("memcached has what the backup knew", (0, server.ask("get b"), ""), (0, "VALUE b 0 6\r\nstored\r\nEND\r\n", ""))
    finally:
        server.kill()


PEOPLE = """dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=test
objectClass: organizationalUnit
ou: people

"""
for name, lines in {
        "joe": "maildrop: joe@mailbox.test\nmailacceptinggeneralid: joe\n",
        "jane": "maildrop: jane@mailbox.test\nmaildrop: jane@second.test\n",
        "empty": "",
        "group": "maildrop: group@direct.test\nmemberdn: cn=joe,ou=people,dc=example,dc=test\nmemberdn: cn=jane,ou=people,dc=example,dc=test\n",
        "urls": "memberurl: ldap:///ou=people,dc=example,dc=test?maildrop?sub?(cn=j*)\n",
        "allurls": "memberurl: ldap:///ou=people,dc=example,dc=test??sub?(cn=j*)\n",
        "badurl": "memberurl: ldap:///\n",
        "loop": "maildrop: loop@direct.test\nmemberdn: cn=loop,ou=people,dc=example,dc=test\n",
        "dangling": "maildrop: dangling@direct.test\nmemberdn: cn=gone,ou=people,dc=example,dc=test\n"}.items():
    PEOPLE += (f"dn: cn={name},ou=people,dc=example,dc=test\nobjectClass: inetOrgPerson\nobjectClass: mailThing\ncn: {name}\nsn: {name}\n"
               f"mail: {name}@example.test\n{lines}\n")


@group
def ldap(c):
    if not servers.OpenLdap.is_installed():
        return print("no OpenLDAP here")
    server = servers.OpenLdap(c.dir + "/ldap", PEOPLE)
    url, base, no_bind = f"ldap://127.0.0.1:{server.port}", "search_base = ou=people,dc=example,dc=test\n", "bind = no\n"
    query, dn, urls = "query_filter = mail=%s\n", "special_result_attribute = memberdn\n", "special_result_attribute = memberurl\n"
    simple_bind = "bind_dn = cn=admin,dc=example,dc=test\nbind_pw = secret\n"

    def ask(what, key, extra, host=url, base=base, bind=no_bind):
        c.ask(f"ldap {what}", "ldap:" + c.file(f"server_host = {host}\nversion = 3\n{base}{bind}{extra}"), key)
    try:
        server.start()
        cases = [
            ("one", "joe@example.test", query), ("none", "no@example.test", query), ("two values", "jane@example.test", query),
            ("two attributes", "joe@example.test", query + "result_attribute = mail, maildrop\n"), ("default filter", "joe", ""),
            ("no attribute", "empty@example.test", query), ("result_format", "joe@example.test", query + "result_format = <%s|%u|%d|%S>\n"),
            ("result_filter", "joe@example.test", query + "result_filter = <%s>\n"), ("DNs", "group@example.test", query + dn),
            ("URLs", "urls@example.test", query + urls), ("URL with all attributes", "allurls@example.test", query + urls), ("bare URL", "badurl@example.test", query + urls),
            ("leaf", "group@example.test", query + dn + "result_attribute =\nleaf_result_attribute = maildrop\n"),
            ("terminal", "group@example.test", query + dn + "terminal_result_attribute = mail\n"),
            ("terminal elsewhere", "group@example.test", query + dn + "terminal_result_attribute = mailacceptinggeneralid\n"),
            ("recursion_limit", "loop@example.test", query + dn + "recursion_limit = 3\n"), ("dangling", "dangling@example.test", query + dn),
            ("expansion_limit", "jane@example.test", query + "expansion_limit = 1\n"), ("size_limit", "x", "query_filter = objectClass=mailThing\nsize_limit = 1\n"),
            ("fixed filter", "x", "query_filter = cn=joe\n"), ("bad filter", "x", "query_filter = (mail=%s\n"), ("bad template", "x", "query_filter = mail=%z\n"),
            ("bad scope", "joe@example.test", query + "scope = zork\n"), ("scope base", "joe@example.test", query + "scope = base\n"),
            ("scope one", "joe@example.test", query + "scope = one\n"), ("bad dereference", "joe@example.test", query + "dereference = 7\n"),
            ("domain", "joe@example.test", query + "domain = example.test\n"), ("other domain", "joe@example.test", query + "domain = other.test\n"),
            ("bare key", "joe", query + "domain = example.test\n"), ("cache", "joe@example.test", query + "cache = yes\n"), ("%u@%d", "joe@example.test", "query_filter = mail=%u@%d\n"),
            ("%d without domain", "joe", "query_filter = mail=%u@%d\n"), ("recursion_limit 0", "joe@example.test", query + "recursion_limit = 0\n"),
            ("referrals", "joe@example.test", query + "chase_referrals = yes\n"), ("skipped format", "joe@example.test", query + "result_format = %d\nresult_attribute = cn\n"),
            ("timeout 0", "joe@example.test", query + "timeout = 0\n"), ("umlaut", "jörg@example.test", query)]
        for what, key, extra in cases:
            ask(what, key, extra)
        for key in HOSTILE:
            ask("hostile " + key[:30], key, query)
            ask("hostile base " + key[:30], "joe@" + key, "query_filter = mail=joe*\n", base="search_base = ou=%d,dc=example,dc=test\n")
        ask("no base", "joe@example.test", query, base="search_base = ou=none,dc=example,dc=test\n")
        ask("empty base", "joe@example.test", query, base="")
        ask("base from key", "x@people.test", "query_filter = cn=joe\n", base="search_base = ou=%2,dc=example,dc=test\n")
        ask("base from key, not there", "x@none.test", query, base="search_base = ou=%2,dc=example,dc=test\n")
        ask("bind", "joe@example.test", query, bind="bind = yes\n" + simple_bind)
        ask("bind simple", "joe@example.test", query, bind="bind = simple\n" + simple_bind)
        ask("wrong password", "joe@example.test", query, bind="bind = yes\n" + simple_bind.replace("secret", "wrong"))
        ask("bad bind", "joe@example.test", query, bind="bind = zork\n")
        for host in ("ldap://127.0.0.1:1", "127.0.0.1:1", f"ldap://127.0.0.1:1 {url}", f"ldap://127.0.0.1:1, {url}", f"127.0.0.1:{server.port}", server.url,
                     f"ldaps://127.0.0.1:{server.port}"):
            ask("host " + host, "joe@example.test", query, host=host)
        ask("server_port", "joe@example.test", query + f"server_port = {server.port}\n", host="127.0.0.1")
        c.ask("ldap without file", f"ldap:{c.dir}/none.cf", "k")
        c.finish()
    finally:
        server.kill()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--postmap", default="postmap")
    parser.add_argument("--destdir")
    parser.add_argument("--real", default="/usr/sbin/postmap")
    parser.add_argument("-v", dest="verbose", action="store_true")
    parser.add_argument("groups", nargs="*")
    options = parser.parse_args()
    if options.destdir:
        options.postmap = os.path.join(options.destdir, "usr/sbin/postmap")
    options.postmap = os.path.abspath(options.postmap)
    incumbent = os.access(options.real, os.X_OK) and os.path.isdir("/usr/lib/postfix")
    if not incumbent or os.path.realpath(options.real) == os.path.realpath(options.postmap):
        stack.missing("the incumbent's postmap is not here")
    directory = tempfile.mkdtemp(prefix="dovetail-tables-")
    os.chmod(directory, 0o755)
    compared = Comparison(options, directory)
    try:
        for name, function in GROUPS.items():
            if not options.groups or name in options.groups:
                function(compared)
                compared.finish()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{compared.compared - compared.failed} passed, {compared.failed} failed")
    sys.exit(1 if compared.failed else 0)


if __name__ == "__main__":
    main()
