#!/usr/bin/env python3
# pgsql:, ldap: and memcache: tables while their server is killed, stands still, refuses and comes back: never "not found",
# always answered in time. What they answer otherwise is compared in tests/differential/compare_tables.py.
# SPDX-License-Identifier: Apache-2.0
"""usage: database_lookup.py [--destdir DIR | --postmap FILE]     exit 0: all good; 77: no server here; 1: a check failed"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import servers, stack  # noqa: E402  pylint: disable=wrong-import-position

LDIF = """dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=k,dc=example,dc=test
objectClass: inetOrgPerson
objectClass: mailThing
cn: k
sn: k
mail: k@example.test
maildrop: value
"""


class Checks:
    def __init__(self, directory, postmap):
        self.dir, self.postmap, self.failed = directory, postmap, 0
        os.mkdir(directory + "/etc")
        Path(directory + "/etc/main.cf").write_text("compatibility_level = 3.6\n", encoding="utf-8")
        os.utime(directory + "/etc/main.cf", (time.time() - 300,) * 2)

    def table(self, kind, text):
        path = f"{self.dir}/{kind}-{len(os.listdir(self.dir))}.cf"
        Path(path).write_text(text, encoding="utf-8")
        return f"{kind}:{path}"

    def equal(self, what, got, wanted):
        good = got == wanted
        print(("ok   " if good else "FAIL ") + what + ("" if good else f": got {got!r}, wanted {wanted!r}"), flush=True)
        self.failed += not good

    def ask(self, table, key):
        r = subprocess.run([self.postmap, "-c", self.dir + "/etc", "-q", key, table], capture_output=True, timeout=60)
        return r.returncode, r.stdout.decode(), r.stderr.decode()

    def answered(self, what, table):
        self.equal(f"{what}: found", self.ask(table, "k@example.test"), (0, "value\n", ""))
        self.equal(f"{what}: not found", self.ask(table, "none@example.test"), (1, "", ""))

    def refused(self, what, table, words=""):
        code, out, err = self.ask(table, "k@example.test")
        self.equal(what, (code, out, words in err and f"fatal: table {table}: query error" in err), (1, "", True))
        if words not in err:
            print("    said: " + err)

    def outage(self, kind, server, table, pausing=True):
        """A server that is killed, back, stopped in its tracks, and back; a command that lives through a restart."""
        self.answered(f"{kind} up", table)
        living = subprocess.Popen([self.postmap, "-c", self.dir + "/etc", "-q", "-", table], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        living.stdin.write(b"k@example.test\n")
        living.stdin.flush()
        self.equal(f"{kind} before the restart", living.stdout.readline(), b"k@example.test\tvalue\n")
        server.kill()
        self.refused(f"{kind} killed is an error, not a miss", table)
        server.start()
        self.restore(kind, server)
        living.stdin.write(b"k@example.test\n")
        living.stdin.flush()
        self.equal(f"{kind} after the restart, on a stale connection", living.stdout.readline(), b"k@example.test\tvalue\n")
        out, err = living.communicate(timeout=30)
        self.equal(f"{kind}: the restart was not worth a word", (living.returncode, out, err), (0, b"", b""))
        if pausing:
            server.pause()
            self.refused(f"{kind} that stands still is an error, in time", table)
            server.resume()
        self.answered(f"{kind} back", table)

    def restore(self, kind, server):
        if kind == "memcache":
            server.ask("set k@example.test 0 0 5\r\nvalue")


def check_pgsql(c):
    server = servers.PostgreSql(c.dir + "/pg")
    try:
        server.start()
        server.load("create database mailserver; create user mailuser password 'secret';")
        server.load("create table t(k text, v text); insert into t values('k@example.test','value'); grant select on t to mailuser;", "mailserver")
        text = "hosts = {hosts}\nuser = mailuser\npassword = {password}\ndbname = mailserver\nquery = {query}\n"
        host, query = f"inet:127.0.0.1:{server.port}", "SELECT v FROM t WHERE k='%s'"
        table = c.table("pgsql", text.format(hosts=host, password="secret", query=query))
        c.outage("pgsql", server, table)
        two = c.table("pgsql", text.format(hosts="inet:127.0.0.1:1 " + host, password="secret", query=query))
        code, out, _ = c.ask(two, "k@example.test")
        c.equal("pgsql: the other host answers", (code, out), (0, "value\n"))
        c.refused("pgsql: a wrong password", c.table("pgsql", text.format(hosts=host, password="wrong", query=query)), "password authentication failed")
        c.refused("pgsql: a wrong query", c.table("pgsql", text.format(hosts=host, password="secret", query="SELECT nothing FROM t")), "fatal error from host")
        slow = c.table("pgsql", text.format(hosts=host, password="secret", query="SELECT v FROM t, pg_sleep(3) WHERE k='%s'"))
        c.answered("pgsql: a slow query is waited for", slow)
    finally:
        server.kill()


def check_ldap(c):
    server = servers.OpenLdap(c.dir + "/ldap", LDIF)
    try:
        server.start()
        text = f"server_host = ldap://127.0.0.1:{server.port}\nsearch_base = dc=example,dc=test\nquery_filter = mail=%s\ntimeout = 3\n"
        bind = "bind = yes\nbind_dn = cn=admin,dc=example,dc=test\nbind_pw = "
        c.outage("ldap", server, c.table("ldap", text + bind + "secret\n"))
        c.refused("ldap: a wrong password", c.table("ldap", text + bind + "wrong\n"), "Invalid credentials")
    finally:
        server.kill()


def check_memcache(c):
    server = servers.Memcached(c.dir + "/memcached")
    try:
        server.start()
        c.restore("memcache", server)
        table = c.table("memcache", f"memcache = inet:127.0.0.1:{server.port}\n")
        c.outage("memcache", server, table)
        backed = c.table("memcache", f"memcache = inet:127.0.0.1:{server.port}\nbackup = inline:{{k@example.test=value}}\n")
        server.kill()
        code, out, _ = c.ask(backed, "k@example.test")
        c.equal("memcache: the backup answers while the cache is away", (code, out), (0, "value\n"))
    finally:
        server.kill()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--postmap", default="postmap")
    parser.add_argument("--destdir")
    options = parser.parse_args()
    postmap = os.path.join(options.destdir, "usr/sbin/postmap") if options.destdir else options.postmap
    present = [(kind, check) for kind, check in ((servers.PostgreSql, check_pgsql), (servers.OpenLdap, check_ldap), (servers.Memcached, check_memcache))
               if kind.is_installed()]
    if not present:
        stack.missing("no PostgreSQL, OpenLDAP or memcached here")
    directory = tempfile.mkdtemp(prefix="dovetail-databases-")
    os.chmod(directory, 0o755)
    checks = Checks(directory, os.path.abspath(postmap) if "/" in postmap else postmap)
    try:
        for _, check in present:
            check(checks)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
