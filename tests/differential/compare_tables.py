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
from support import stack  # noqa: E402  pylint: disable=wrong-import-position

GROUPS = {}
# What the incumbent prints where it names no reason: whatever errno was last set to.
NO_REASON = ["Operation now in progress", "Resource temporarily unavailable", "Success"]


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
