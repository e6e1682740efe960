#!/usr/bin/env python3
# Limits on clients and processes of both families, summed over processes and generations; who gives way when they are
# reached; what is said of it; whose sessions a crash takes with it; how long a wrong password waits; that processes have
# given away what they do not need.
# SPDX-License-Identifier: Apache-2.0
"""usage: limits.py --destdir DIR [CASE...]   exit 0: all good; 1: a check failed; 77: not root, or something is missing"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "bench")]
import access  # noqa: E402  pylint: disable=wrong-import-position
import stack as bench  # noqa: E402  pylint: disable=wrong-import-position
from access import Raw, check, match  # noqa: E402  pylint: disable=wrong-import-position

CASES = []


def case(more):
    """A case with these lines behind the usual configuration of access.py."""
    def take(function):
        CASES.append((function, more))
        return function
    return take


def logged_in(s, user="frank@example.org", port="imap", source=None):
    """A session, and the process that serves it."""
    c = Raw(s, port, port == "imaps", source)
    match(c.line(), r"^\* OK ")
    before = len(re.findall(r"imap-login: Info: Login: ", s.lines()))
    match(c.ask(f"a LOGIN {user} secret")[-1], "^a OK ")
    deadline = time.time() + 10
    while len(found := re.findall(r"imap-login: Info: Login: .* mpid=(\d+)", s.lines())) == before:
        check(time.time() < deadline, "no login line")
        time.sleep(0.02)
    c.mpid = int(found[-1])
    return c


def reload(s):
    s.process.send_signal(signal.SIGHUP)
    s.wait_log(r"SIGHUP received - reloading configuration$")
    time.sleep(1.5)


def closed_with(c, last):
    lines = []
    while line := c.line():
        lines.append(line)
    check(lines and lines[-1] == last, f"{lines}")


@case("service imap-login {\n  service_count = 1\n  process_limit = 2\n}\n")
def a_process_per_login_and_the_oldest_gives_way(s):
    clients = []
    for _ in range(4):
        clients.append(Raw(s))
        match(clients[-1].line(), r"^\* OK ")
    closed_with(clients[0], "* BYE Connection queue full")
    closed_with(clients[1], "* BYE Connection queue full")
    s.wait_log(r"master: Warning: service\(imap-login\): process_limit \(2\) reached, client connections are being dropped$")
    s.wait_log(r"imap-login: Info: Disconnected: Connection queue full \(no auth attempts in \d+ secs\): user=<>, rip=")
    match(clients[2].ask("a NOOP")[-1], "^a OK ")
    logins = subprocess.run(["pgrep", "-P", str(s.process.pid), "imap-login"], stdout=subprocess.PIPE, check=False)
    check(len(logins.stdout.split()) == 2, f"two processes for two clients: {logins.stdout}")


@case("service imap-login {\n  service_count = 0\n  process_limit = 1\n  client_limit = 2\n}\n")
def client_limit_of_a_shared_login_process(s):
    clients = []
    for _ in range(3):
        clients.append(Raw(s))
        match(clients[-1].line(), r"^\* OK ")
    closed_with(clients[0], "* BYE Connection queue full")
    s.wait_log(r"master: Warning: service\(imap-login\): client_limit \(2\) reached, client connections are being dropped$")
    match(clients[1].ask("a NOOP")[-1], "^a OK ")
    reload(s)  # the two of the old generation still count
    new = Raw(s)
    match(new.line(), r"^\* OK ")
    closed_with(clients[1], "* BYE Connection queue full")
    match(clients[2].ask("a NOOP")[-1], "^a OK ")


@case("service imap {\n  process_limit = 2\n}\n")
def sessions_beyond_process_limit_wait(s):
    first, second = logged_in(s), logged_in(s, "anna@example.org")
    reload(s)
    third = Raw(s)
    third.line()
    third.send("a LOGIN frank@example.org secret")
    s.wait_log(r"master: Warning: service\(imap\): process_limit \(2\) reached, client connections are being dropped$")
    third.sock.settimeout(2)
    try:
        check(False, f"no place, but an answer: {third.sock.recv(1000)}")
    except TimeoutError:
        pass
    third.sock.settimeout(20)
    match(second.ask("b LOGOUT")[-1], "^b OK ")
    third.file = third.sock.makefile("rb")  # after a timeout the old one reads no more
    match(third.line(), "^a OK |^\\* CAPABILITY ")
    match(first.ask("c NOOP")[-1], "^c OK ")


@case("service imap {\n  service_count = 1\n}\n")
def a_process_per_session(s):
    one, other = logged_in(s), logged_in(s)
    check(one.mpid != other.mpid, "two sessions of one user in two processes")
    one.ask("b LOGOUT")
    deadline = time.time() + 10
    while Path(f"/proc/{one.mpid}").exists() and time.time() < deadline:
        time.sleep(0.1)
    check(not Path(f"/proc/{one.mpid}").exists(), "a process ends with its session")
    match(other.ask("b NOOP")[-1], "^b OK ")


@case("mail_isolation = user\n")
def users_of_one_uid_in_processes_of_their_own(s):
    frank, again, anna = logged_in(s), logged_in(s), logged_in(s, "anna@example.org")
    check(frank.mpid == again.mpid, "one process for frank")
    check(frank.mpid != anna.mpid, "another for anna")


@case("")
def after_a_reload_old_sessions_are_counted_listed_and_kicked(s):
    old = [logged_in(s, port="imaps", source="127.0.0.8") for _ in range(3)]
    reload(s)
    new = logged_in(s, port="imaps", source="127.0.0.8")
    fifth = Raw(s, "imaps", True, "127.0.0.8")
    fifth.line()
    match(fifth.ask("a LOGIN frank@example.org secret")[-1], r"^a NO \[LIMIT\] ")
    match(new.ask("b NOOP")[-1], "^b OK ")
    who = access.doveadm(s, "who", "-1", "frank*")
    check(len(who.splitlines()) - who.count("username") == 4, f"all generations: {who!r}")
    old[0].ask("b LOGOUT")
    time.sleep(0.5)
    who = access.doveadm(s, "who", "-1", "frank*")
    check(len(who.splitlines()) - who.count("username") == 3, f"one has gone: {who!r}")
    access.doveadm(s, "kick", "frank@example.org")
    check(old[1].line() == "", "kicked in the old generation")


@case("")
def two_crashes_give_a_user_a_process_of_his_own(s):
    def crash(c):
        os.kill(c.mpid, signal.SIGKILL)
        check(c.line() == "", "closed")
        s.wait_log(rf"imap\(frank@example\.org\)<{c.mpid}><\S+>: Fatal: master: service\(imap\): child {c.mpid} killed with signal 9$")

    crash(logged_in(s))
    crash(logged_in(s))
    s.wait_log(r"frank@example\.org: two mail processes crashed while they served this user: gets processes of his own$")
    c = Raw(s)
    c.line()
    c.send("a LOGIN frank@example.org secret")
    match(c.line(), r"^a NO \[UNAVAILABLE\] Internal error occurred")
    s.wait_log(r"Login failed: mail processes of frank@example\.org crash, the next one starts in [12] s")
    time.sleep(2.1)
    frank = logged_in(s)
    anna = logged_in(s, "anna@example.org")
    check(anna.mpid != frank.mpid, "nobody shares his process")
    crash(frank)
    match(anna.ask("b NOOP")[-1], "^b OK ")


@case("")
def a_wrong_password_is_answered_at_the_next_tick(s):
    for _ in range(2):  # without anvil-auth-penalty the second one waits no longer
        c = Raw(s)
        c.line()
        began = time.time()
        match(c.ask("a LOGIN frank@example.org wrong")[-1], r"^a NO \[AUTHENTICATIONFAILED\] ")
        took = time.time() - began
        check(0.4 < took < 2, f"took {took:.2f} s")


@case("service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0600\n  }\n}\n")
def a_second_wrong_password_from_the_same_address_waits(s):
    took = []
    for guess in ("one", "two"):
        c = Raw(s)
        c.line()
        began = time.time()
        c.ask(f"a LOGIN frank@example.org {guess}")
        took.append(time.time() - began)
    check(took[0] < 2 and 4.4 < took[1] < 7, f"took {took}")


@case("")
def processes_have_given_away_what_they_do_not_need(s):
    logged_in(s)
    seen = set()
    table = bench.process_table()
    todo = [s.process.pid]
    while todo:
        parent = todo.pop()
        children = [pid for pid, (of, _) in table.items() if of == parent]
        todo += children
        for pid in children:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            name = re.search(r"Name:\s+(\S+)", status).group(1)
            seen.add(name)
            check(re.search(r"NoNewPrivs:\s+1", status), f"{name} may gain rights")
            check(os.stat(f"/proc/{pid}/environ").st_uid == 0, f"{name} may be looked into by its own user")
    check({"imap-login", "auth", "mail-worker"} <= seen, f"{seen}")


def smtpd_process_limit(tree):
    """maxproc of smtpd bounds its clients, over both generations."""
    base = tempfile.mkdtemp(prefix="limits-")
    os.chmod(base, 0o755)
    s = bench.Stack("ours", base, {"commands": f"{tree}/usr/sbin", "daemons": f"{tree}/usr/libexec/postfix", "setgid": "postdrop",
                                   "dovecot": f"{tree}/usr/sbin/dovecot", "dovecot_libexec": f"{tree}/usr/libexec/dovecot"})
    try:
        s.write(1)
        master_cf = Path(f"{base}/etc/master.cf")
        master_cf.write_text(master_cf.read_text(encoding="ascii").replace("- n - - smtpd", "- n - 2 smtpd", 1), encoding="ascii")
        s.start(True)
        time.sleep(1)

        def client():
            c = socket.create_connection(("127.0.0.1", s.smtp), 10)
            c.settimeout(1.5)
            return c

        def greeting(c):
            try:
                return c.recv(200)[:4]
            except TimeoutError:
                return b""

        first, second, third = client(), client(), client()
        got = [greeting(first), greeting(second), greeting(third)]
        check(got == [b"220 ", b"220 ", b""], f"{got}")
        log = Path(f"{base}/log/mail.log")
        match(log.read_text(encoding="utf-8"), r'postfix/master\[\d+\]: warning: service "127\.0\.0\.1:\d+" \(\S+\) has reached its process '
              r'limit "2": new clients may experience noticeable delays\n')
        first.close()
        check(greeting(third) == b"220 ", "the third is served when the first has gone")
        os.kill(int(Path(f"{base}/spool/pid/master.pid").read_text(encoding="ascii")), signal.SIGHUP)
        time.sleep(1)
        fourth = client()
        check(greeting(fourth) == b"", "sessions of the old generation count")
        second.close()
        check(greeting(fourth) == b"220 ", "and go")
    except Exception:
        print(s.logs())
        raise
    finally:
        s.stop()
        s.remove()


def run_case(function, more, tree):
    server = access.Server(tree)
    with open(server.config, "a", encoding="ascii") as config:
        config.write(more)
    try:
        server.start()
        function(server)
    except Exception:
        print(server.lines())
        raise
    finally:
        server.stop()
        subprocess.run(["rm", "-rf", str(server.dir)], check=False)


def main():
    words = sys.argv[1:]
    if len(words) < 2 or words[0] != "--destdir":
        raise SystemExit(__doc__)
    if os.geteuid() != 0:
        print("needs root")
        return 77
    tree = os.path.realpath(words[1])
    failed = 0
    todo = [(function.__name__, lambda f=function, m=more: run_case(f, m, tree)) for function, more in CASES]
    todo.append(("smtpd_process_limit", lambda: smtpd_process_limit(tree)))
    for name, call in todo:
        if words[2:] and name not in words[2:]:
            continue
        try:
            call()
            print(f"ok    {name}", flush=True)
        except Exception:  # every case is run
            failed += 1
            print(f"FAIL  {name}: {traceback.format_exc()}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
