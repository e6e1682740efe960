#!/usr/bin/env python3
# mysql: tables against a real MariaDB: hits, misses, several rows, hostile keys, a wrong password, a slow query, and a server
# that is killed, stays away, and comes back. The server runs in a directory of its own on a Unix socket and a free port.
# SPDX-License-Identifier: Apache-2.0
"""usage: mysql_lookup.py [--destdir DIR | --postmap FILE]     exit 0: all good; 77: no MariaDB here; 1: a check failed"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position

SCHEMA = """
create database mailserver character set utf8mb4; use mailserver;
create table virtual_domains(id int primary key auto_increment, name varchar(50) not null);
create table virtual_users(id int primary key auto_increment, email varchar(100));
create table virtual_aliases(id int primary key auto_increment, source varchar(100), destination varchar(100));
insert into virtual_domains(name) values('example.test'),('o''brien.test');
insert into virtual_users(email) values('frank@example.test'),('o''hara@example.test'),('50%@example.test'),
  ('back\\\\slash@example.test'),('gr\u00fcn@example.test');
insert into virtual_aliases(source,destination) values('all@example.test','frank@example.test'),
  ('all@example.test','leeo@example.test'),('nul@example.test','');
create user mailuser@localhost identified by 'secret'; grant select on mailserver.* to mailuser@localhost;
create user mailuser@'127.0.0.1' identified by 'secret'; grant select on mailserver.* to mailuser@'127.0.0.1';
"""


class Server(stack.MariaDb):
    def kill(self):
        if self.daemon:
            self.daemon.process.send_signal(signal.SIGKILL)
            self.daemon.process.wait()
            self.daemon = None


class Checks:
    def __init__(self, directory, postmap, server):
        self.dir, self.postmap, self.server = directory, postmap, server
        self.failed = 0
        os.mkdir(directory + "/etc")
        open(directory + "/etc/main.cf", "w").write("compatibility_level = 3.6\n")
        os.utime(directory + "/etc/main.cf", (time.time() - 300,) * 2)

    def table(self, query, hosts=None, password="secret", extra=""):
        path = os.path.join(self.dir, f"t{len(os.listdir(self.dir))}.cf")
        with open(path, "w") as f:
            f.write(f"user = mailuser\npassword = {password}\nhosts = {hosts or 'unix:' + self.server.socket}\n"
                    f"dbname = mailserver\nquery = {query}\n{extra}")
        return "mysql:" + path

    def run(self, table, key, text=None):
        return subprocess.run([self.postmap, "-c", self.dir + "/etc", "-q", key, table], capture_output=True,
                              input=text.encode() if text is not None else b"", timeout=60)

    def equal(self, what, got, wanted):
        good = got == wanted
        print(("ok   " if good else "FAIL ") + what + ("" if good else f": got {got!r}, wanted {wanted!r}"), flush=True)
        self.failed += not good

    def answer(self, what, table, key, wanted):
        r = self.run(table, key)
        self.equal(what, (r.returncode, r.stdout.decode(), r.stderr.decode()),
                   (0, wanted + "\n", "") if wanted is not None else (1, "", ""))

    def refused(self, what, table, words):
        r = self.run(table, "frank@example.test")
        text = r.stderr.decode()
        self.equal(what, (r.returncode, r.stdout, words in text, "fatal: table " + table + ": query error:" in text),
                   (1, b"", True, True))


def check_answers(c):
    users = c.table("SELECT email FROM virtual_users WHERE email='%s'")
    domains = c.table("SELECT 1 FROM virtual_domains WHERE name='%s'")
    aliases = c.table("SELECT destination FROM virtual_aliases WHERE source='%s'")
    c.answer("a domain is there", domains, "example.test", "1")
    c.answer("a domain is not there", domains, "no.test", None)
    c.answer("rows are joined by commas", aliases, "all@example.test", "frank@example.test,leeo@example.test")
    r = c.run(aliases, "nul@example.test")
    c.equal("an empty value is no answer, with a warning", (r.returncode, r.stdout, b"empty lookup result" in r.stderr),
            (1, b"", True))
    for key in ("o'hara@example.test", "50%@example.test", "back\\slash@example.test", "gr\u00fcn@example.test"):
        c.answer("hostile key " + key, users, key, key)
    for key in ("x' OR '1'='1", "x' UNION SELECT user()-- ", "\\' OR 1=1 -- ", "%s", "a\nb", "x" * 5000, "\U0001f4e7@x"):
        c.answer("hostile key finds nothing: " + repr(key[:30]), users, key, None)
    tcp = c.table("SELECT email FROM virtual_users WHERE email='%s'", hosts=f"inet:127.0.0.1:{c.server.port}")
    c.answer("over TCP", tcp, "frank@example.test", "frank@example.test")
    two = c.table("SELECT 1 FROM virtual_domains WHERE name='%s'", hosts=f"unix:{c.dir}/none unix:{c.server.socket}")
    r = c.run(two, "example.test")
    c.equal("the second host answers when the first is down", (r.returncode, r.stdout), (0, b"1\n"))
    slow = c.table("SELECT CONCAT('%s', SLEEP(1.5))")
    c.answer("a slow query is waited for", slow, "k", "k0")
    began = time.monotonic()
    r = c.run(slow, "-", "a\nb\nc\nd\n")
    c.equal("answers keep the order of the keys", r.stdout, b"a\ta0\nb\tb0\nc\tc0\nd\td0\n")
    c.equal("keys of standard input are asked side by side", time.monotonic() - began < 4.5, True)
    wrong = c.table("SELECT 1", password="wrong")
    c.refused("a wrong password is an error", wrong, "Access denied for user 'mailuser'@'localhost' (using password: YES)")


def check_outage(c):
    table = c.table("SELECT email FROM virtual_users WHERE email='%s'")
    # One postmap that lives through a restart: its connection is stale then, and its next question must still be answered.
    p = subprocess.Popen([c.postmap, "-c", c.dir + "/etc", "-q", "-", table], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(b"frank@example.test\n")
    p.stdin.flush()
    c.equal("answered before", p.stdout.readline(), b"frank@example.test\tfrank@example.test\n")
    c.server.kill()
    c.refused("a dead server is an error, not a miss", table, "warning: connect to mysql server unix:")
    c.server.start()
    p.stdin.write(b"o'hara@example.test\n")
    p.stdin.flush()
    c.equal("answered again by the restarted server", p.stdout.readline(), b"o'hara@example.test\to'hara@example.test\n")
    out, err = p.communicate()
    c.equal("the restart was not worth a word", (p.returncode, out, err), (0, b"", b""))
    c.answer("a new postmap finds it as well", table, "frank@example.test", "frank@example.test")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--postmap", default="postmap")
    parser.add_argument("--destdir")
    options = parser.parse_args()
    if options.destdir:
        options.postmap = os.path.join(options.destdir, "usr/sbin/postmap")
    if not stack.MariaDb.is_installed():
        print("MariaDB is not installed")
        return 77
    with tempfile.TemporaryDirectory(prefix="dovetail-mysql-") as directory:
        server = Server(directory)
        try:
            server.start()
            server.load(SCHEMA)
            checks = Checks(directory, os.path.abspath(options.postmap) if "/" in options.postmap else options.postmap, server)
            check_answers(checks)
            check_outage(checks)
        finally:
            server.kill()
    print(f"{checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
