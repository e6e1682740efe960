#!/usr/bin/env python3
# The promise behind "250 Ok": starts both halves of the mail system with a private configuration on free ports, feeds mail by
# SMTP, sendmail and IMAP APPEND without pause, and meanwhile kills daemons of ours with SIGKILL, the two parents among them.
# Afterwards everything that was acknowledged must be in the Maildir, complete, or its bounce where it cannot be delivered;
# duplicates are allowed and counted. Runs as an ordinary user (as nobody when started by root) and touches only descendants
# of its own process.
# SPDX-License-Identifier: Apache-2.0
"""usage: crash.py --destdir DIR [--seconds N] [--seed N] [--keep]     exit 0: nothing lost; 1: something is; 77: not installed"""
import argparse
import collections
import ctypes
import grp
import imaplib
import os
import pwd
import random
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import QUEUES, find, free_port  # noqa: E402  pylint: disable=wrong-import-position

MASTER = """{smtp} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
showq unix n - n - - showq
anvil unix - - n - 1 anvil
"""
# Short delays: what would be retried in minutes is retried in seconds, so that the account can be closed soon.
MAIN = """compatibility_level = 3.6
queue_directory = {top}/spool
data_directory = {top}/data
command_directory = {sbin}
daemon_directory = {libexec}/postfix
maillog_file = {top}/log/mail.log
maillog_file_prefixes = {top}/log
mail_owner = {user}
setgid_group = {group}
myhostname = mail.example.test
myorigin = example.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
virtual_transport = lmtp:unix:private/dovecot-lmtp
virtual_mailbox_domains = inline:{{example.test=1}}
virtual_mailbox_maps = inline:{{frank@example.test=1, sender@example.test=1}}
virtual_alias_maps = inline:{{all@example.test=frank@example.test, moved@example.test=someone@gone.test}}
transport_maps = inline:{{gone.test=error:nobody-lives-here}}
service_throttle_time = 1s
queue_run_delay = 2s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
"""
DOVECOT = """protocols = imap lmtp
listen = 127.0.0.1
base_dir = {top}/run
state_dir = {top}/run
log_path = {top}/log/dovecot.log
libexec_dir = {libexec}/dovecot
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{top}/mail/%n
passdb {{
  driver = passwd-file
  args = {top}/etc/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={top}/mail/%n
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {top}/spool/private/dovecot-lmtp {{
    mode = 0600
  }}
}}
service auth {{
  user = {user}
}}
service auth-worker {{
  user = {user}
}}
"""
PARENTS = ("master", "dovecot")
Process = collections.namedtuple("Process", "pid parent name state")


def body(ident):
    """Its length depends on the id (0 to about 130 kB), so that kills hit every state of writing; the last line is the end mark."""
    lines = (sum(ident.encode()) * 7919) % 2000 if ident.endswith("7") else 5 + sum(ident.encode()) % 100
    return "".join(f"line {n:06d} of {ident} {'x' * 40}\n" for n in range(lines)) + f"END {ident}\n"


def text(ident):
    return f"From: sender@example.test\nTo: frank@example.test\nSubject: {ident}\nX-Crash-Id: {ident}\n\n{body(ident)}"


def descendants():
    """Everything below this process. It is the subreaper, so that orphans of a killed parent stay below it."""
    processes = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        state, parent = stat[stat.rindex(")") + 2:].split()[:2]
        processes[int(entry)] = Process(int(entry), int(parent), stat[stat.index("(") + 1:stat.rindex(")")], state)
    mine, todo = {}, [os.getpid()]
    while todo:
        top = todo.pop()
        for process in processes.values():
            if process.parent == top:
                mine[process.pid] = process
                todo.append(process.pid)
    return mine


def reap():
    for process in descendants().values():
        if process.parent == os.getpid() and process.state == "Z":
            try:
                os.waitpid(process.pid, os.WNOHANG)
            except ChildProcessError:
                pass


class System:
    def __init__(self, destdir, top):
        self.top, me = top, pwd.getpwuid(os.getuid())
        master, dovecot = find(destdir, "master"), find(destdir, "mail-worker")
        self.smtp, self.imap = free_port(), free_port()
        self.postfix, self.postqueue = find(destdir, "postfix"), find(destdir, "postqueue")
        self.dovecot = str(Path(self.postfix).parent / "dovecot")
        if not os.access(self.dovecot, os.X_OK):
            self.dovecot = str(Path(dovecot).parents[1] / "dovecot")
        for name in [f"spool/{q}" for q in QUEUES] + ["etc", "data", "mail", "log", "run"]:
            os.makedirs(f"{top}/{name}")
        words = dict(top=top, user=me.pw_name, group=grp.getgrgid(me.pw_gid).gr_name, uid=me.pw_uid, gid=me.pw_gid, smtp=self.smtp,
                     imap=self.imap, sbin=os.path.dirname(self.postfix), libexec=str(Path(master).parents[1]))
        Path(f"{top}/etc/main.cf").write_text(MAIN.format(**words))
        Path(f"{top}/etc/master.cf").write_text(MASTER.format(**words))
        Path(f"{top}/etc/dovecot.conf").write_text(DOVECOT.format(**words))
        Path(f"{top}/etc/users").write_text("".join(f"{who}@example.test:{{PLAIN}}secret::::::\n" for who in ("frank", "sender")))
        self.sendmail = find(destdir, "sendmail")
        self.env = dict(os.environ, MAIL_CONFIG=f"{top}/etc", HOME=top)
        self.slowest_start = 0.0
        self.died_alone = []

    def command(self, *words):
        with open(f"{self.top}/log/commands", "ab") as log:
            return subprocess.run(words, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60).returncode

    def start(self, name):
        """A parent that comes after a killed one may find its orphans still in their seats: it may be asked again for a while."""
        begin = time.monotonic()
        while time.monotonic() < begin + 30:
            reap()
            words = (self.postfix, "start") if name == "master" else (self.dovecot, "-c", f"{self.top}/etc/dovecot.conf")
            if self.command(*words) == 0:
                self.slowest_start = max(self.slowest_start, time.monotonic() - begin)
                return
            time.sleep(0.2)
        raise SystemExit(f"{name} does not start again within 30 s")

    def parent(self, name):
        path = f"{self.top}/spool/pid/master.pid" if name == "master" else f"{self.top}/run/master.pid"
        try:
            pid = int(Path(path).read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        process = descendants().get(pid)
        return process if process and process.name == name and process.state != "Z" else None

    def ensure_parents(self):
        """The parents run; one that ended without being killed is remembered as a failure."""
        for name in PARENTS:
            if not self.parent(name):
                self.died_alone.append(name)
                self.start(name)

    def waiting(self):
        """Complete messages in the queue. A file without the execute bit was never acknowledged."""
        count = 0
        for queue in "incoming active deferred maildrop hold corrupt".split():
            for folder, _, files in os.walk(f"{self.top}/spool/{queue}"):
                for name in files:
                    try:
                        count += bool(os.stat(os.path.join(folder, name)).st_mode & 0o100)
                    except FileNotFoundError:
                        pass
        return count

    def stop(self):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for name in PARENTS:
                process = self.parent(name)
                if process:
                    os.kill(process.pid, sign)
            for _ in range(50):
                reap()
                if not descendants():
                    return
                time.sleep(0.1)
        for process in descendants().values():
            os.kill(process.pid, signal.SIGKILL)


class Feeder(threading.Thread):
    """Sends until told to stop; `kept` has the ids the server took responsibility for."""

    def __init__(self, system, number):
        super().__init__(daemon=True)
        self.system, self.number, self.count = system, number, 0
        self.kept, self.begun, self.failures, self.stopping = [], 0, 0, threading.Event()

    def next_id(self):
        self.count += 1
        self.begun += 1
        return f"m{self.number}-{self.count:05d}"

    def run(self):
        while not self.stopping.is_set():
            try:
                self.session()
            except (OSError, smtplib.SMTPException, imaplib.IMAP4.error, subprocess.TimeoutExpired):
                self.failures += 1
                self.stopping.wait(0.1)


class SmtpFeeder(Feeder):
    def session(self):
        with smtplib.SMTP("127.0.0.1", self.system.smtp, timeout=20) as smtp:
            for _ in range(random.randint(1, 8)):
                ident, to = self.next_id(), random.choice(("frank@example.test", "all@example.test"))
                if random.random() < 0.05:  # taken, since its alias is known, and sent back
                    ident, to = "b" + ident, "moved@example.test"
                smtp.sendmail("sender@example.test", [to], text(ident))
                self.kept.append(ident)
                if self.stopping.wait(0.02):
                    break


class SendmailFeeder(Feeder):
    """The exit status comes as text: the reaper of orphans may take the child from under subprocess."""

    def session(self):
        ident = self.next_id()
        words = 'if "$0" -i -f sender@example.test frank@example.test; then echo accepted; fi'
        done = subprocess.run(["sh", "-c", words, self.system.sendmail], input=text(ident).encode(), env=self.system.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        if done.stdout == b"accepted\n":
            self.kept.append(ident)
        else:
            self.failures += 1
        self.stopping.wait(0.1)


class ImapFeeder(Feeder):
    def session(self):
        imap = imaplib.IMAP4("127.0.0.1", self.system.imap, timeout=20)
        try:
            imap.login("frank@example.test", "secret")
            imap.select("INBOX")
            for _ in range(random.randint(1, 6)):
                ident = self.next_id()
                if imap.append("INBOX", None, None, text(ident).replace("\n", "\r\n").encode())[0] == "OK":
                    self.kept.append(ident)
                imap.fetch("1:*", "(UID FLAGS)")
                if self.stopping.wait(0.1):
                    break
        finally:
            imap.shutdown()


def kill_for(system, seconds):
    killed, end, next_parent = collections.Counter(), time.monotonic() + seconds, time.monotonic() + 4
    while time.monotonic() < end:
        time.sleep(random.uniform(0.3, 1.0))
        reap()
        system.ensure_parents()
        if time.monotonic() > next_parent:
            name = random.choice(PARENTS)
            victim, next_parent = system.parent(name), time.monotonic() + random.uniform(3, 7)
            os.kill(victim.pid, signal.SIGKILL)
            killed[name] += 1
            time.sleep(random.choice((0, 0.3)))
            system.start(name)
            continue
        mine = descendants()
        side = {p.pid: mine[p.parent].name if p.parent in mine else "?" for p in mine.values()}
        by_name = collections.defaultdict(list)
        for process in mine.values():
            if process.name not in PARENTS and process.state != "Z" and side[process.pid] != "?":
                by_name[f"{process.name} ({side[process.pid]})"].append(process.pid)
        if by_name:
            name = random.choice(sorted(by_name))
            try:
                os.kill(random.choice(by_name[name]), signal.SIGKILL)
                killed[name] += 1
            except ProcessLookupError:
                pass
    return killed


def settle(system, limit):
    """Flushes until the queue is empty; what is left when the time is over."""
    end = time.monotonic() + limit
    while system.waiting() and time.monotonic() < end:
        reap()
        system.ensure_parents()
        system.command(system.postqueue, "-f")
        time.sleep(1)
    return system.waiting()


def probe(system):
    """One more message each way: every daemon came back."""
    end, problem, kept = time.monotonic() + 30, None, []
    for feeder in (SmtpFeeder(system, 90), SendmailFeeder(system, 91), ImapFeeder(system, 92)):
        while not feeder.kept:
            try:
                feeder.stopping.set()  # one message per session
                feeder.session()
            except (OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
                problem = error
                time.sleep(0.5)
            if time.monotonic() > end:
                return kept, f"{type(feeder).__name__}: no message is taken any more: {problem}"
        kept += feeder.kept
    return kept, None


def stored(system):
    """id -> how often it (or its bounce) is in a Maildir; the second: files that are not what was sent; the third: other mail."""
    found, damaged, foreign = collections.Counter(), [], []
    for path in Path(f"{system.top}/mail").rglob("*"):
        if path.parent.name not in ("cur", "new") or not path.is_file():
            continue
        data = path.read_bytes().replace(b"\r\n", b"\n").decode("utf-8", "replace")
        head, _, rest = data.partition("\n\n")
        ident = re.search(r"^X-Crash-Id: (\S+)$", head, re.M)
        bounced = re.search(r"^X-Crash-Id: (b\S+)$", rest, re.M)
        if bounced and "nobody-lives-here" in rest and re.search(r"\n--\S+--\n+$", rest):
            found[bounced[1]] += 1
        elif not ident:
            foreign.append(data)
        elif rest != body(ident[1]):
            damaged.append(f"{path.name}: {len(rest)} of {len(body(ident[1]))} octets of {ident[1]}")
        else:
            found[ident[1]] += 1
    return found, damaged, foreign


def by_imap(system):
    """What a client sees is what is stored: as many messages as files, every UID once."""
    problems = []
    for user in ("frank", "sender"):
        imap = imaplib.IMAP4("127.0.0.1", system.imap, timeout=30)
        imap.login(f"{user}@example.test", "secret")
        exists = int(imap.select("INBOX")[1][0])
        uids = imap.uid("SEARCH", "ALL")[1][0].split()
        imap.shutdown()
        files = sum(p.parent.name in ("cur", "new") for p in Path(f"{system.top}/mail/{user}").rglob("*"))
        if not exists == files == len(set(uids)):
            problems.append(f"{user}: {files} files, {exists} messages by IMAP, {len(set(uids))} different UIDs")
    return problems


def log_lines(system, pattern):
    lines = []
    for name in ("mail.log", "dovecot.log"):
        path = Path(f"{system.top}/log/{name}")
        if path.exists():
            lines += [line for line in path.read_text(errors="replace").splitlines() if re.search(pattern, line)]
    return lines


def run(system, seconds):
    for name in PARENTS:
        system.start(name)
    feeders = [SmtpFeeder(system, n) for n in range(4)] + [SendmailFeeder(system, 4), ImapFeeder(system, 5)]
    for feeder in feeders:
        feeder.start()
    killed = kill_for(system, seconds)
    for feeder in feeders:
        feeder.stopping.set()
    for feeder in feeders:
        feeder.join(40)
    system.ensure_parents()
    extra, problem = probe(system)
    left = settle(system, 90)
    kept = [ident for feeder in feeders for ident in feeder.kept] + extra
    found, damaged, foreign = stored(system)
    lost = [ident for ident in kept if not found[ident]]
    crashes = log_lines(system, r"signal (4|6|7|8|11)\b|[Pp]anic|AddressSanitizer|runtime error")
    print("killed: " + ", ".join(f"{count} {name}" for name, count in sorted(killed.items())))
    print(f"begun {sum(f.begun for f in feeders)}, acknowledged {len(kept)}, stored {sum(found.values())}, "
          f"duplicates {sum(n - 1 for n in found.values())}, unacknowledged but stored {len(set(found) - set(kept))}, "
          f"sessions that broke {sum(f.failures for f in feeders)}, slowest restart {system.slowest_start:.1f} s")
    failures = [f"lost: {ident}" for ident in lost] + [f"damaged: {line}" for line in damaged]
    failures += [f"bounce or other mail:\n{mail[:1500]}" for mail in foreign]
    failures += [f"ended without being killed: {name}" for name in system.died_alone] + [f"crash: {line}" for line in crashes]
    failures += [f"{left} messages are still in the queue"] if left else []
    failures += [problem] if problem else []
    failures += by_imap(system)
    failures += [] if any(ident.startswith("b") for ident in kept) else ["nothing was taken that had to be sent back"]
    failures += ["nothing was acknowledged"] if not kept else []
    for line in failures[:40]:
        print(line)
    print(f"{len(lost)} lost, {len(damaged)} damaged, {left} left in the queue, {len(failures)} failures")
    return not failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--destdir", required=True)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    destdir, seed = os.path.realpath(options.destdir), options.seed or random.randrange(1 << 30)
    random.seed(seed)
    "a".encode("idna")  # loads what is loaded late, while Python's library is readable for sure
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        os.chdir("/")
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) != 0:  # PR_SET_CHILD_SUBREAPER
        print("this system has no subreaper")
        sys.exit(77)
    top = tempfile.mkdtemp(prefix="crash-")
    print(f"seed {seed}" + (f", everything stays in {top}" if options.keep else ""))
    system, good = System(destdir, top), False
    try:
        good = run(system, options.seconds)
    finally:
        if not good:
            for name in ("commands", "mail.log", "dovecot.log"):
                path = Path(f"{top}/log/{name}")
                if path.exists():
                    print(f"--- end of {name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-25:]))
        system.stop()
        if not options.keep:
            shutil.rmtree(top, ignore_errors=True)
    sys.exit(0 if good else 1)


main()
