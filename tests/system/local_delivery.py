#!/usr/bin/env python3
# local behind master, pickup, cleanup, trivial-rewrite and qmgr: mailbox, alias, command, file, unknown user,
# loops. Runs as an ordinary user (as nobody when started by root), in a directory of its own, without a port.
# SPDX-License-Identifier: Apache-2.0
"""usage: local_delivery.py --destdir DIR     exit 0: all good; 1: a check failed; 77: not installed there"""
import argparse
import grp
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import QUEUES, appears, find, read_text  # noqa: E402  pylint: disable=wrong-import-position

MASTER = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
local unix - n n - - local
"""


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


class System:
    def __init__(self, destdir, top):
        self.top, self.user = top, pwd.getpwuid(os.getuid())
        self.sendmail, self.postalias = find(destdir, "sendmail", "sendmail.postfix"), find(destdir, "postalias")
        self.master = find(destdir, "master")
        for name in [f"spool/{q}" for q in QUEUES] + ["etc", "data", "mail", "out"]:
            os.makedirs(f"{top}/{name}")
        write(f"{top}/etc/main.cf", f"""compatibility_level = 3.6
queue_directory = {top}/spool
data_directory = {top}/data
command_directory = {os.path.dirname(find(destdir, "postdrop"))}
daemon_directory = {os.path.dirname(self.master)}
maillog_file = {top}/log
maillog_file_prefixes = {top}
mail_owner = {self.user.pw_name}
setgid_group = {grp.getgrgid(self.user.pw_gid).gr_name}
myhostname = mx.local.test
myorigin = local.test
mydestination = local.test
inet_interfaces = loopback-only
mail_spool_directory = {top}/mail
alias_maps = texthash:{top}/etc/table
recipient_delimiter = +
""")
        write(f"{top}/etc/master.cf", MASTER)
        write(f"{top}/etc/table", f"""command "|cat >{top}/out/command"
file {top}/out/file
team {self.user.pw_name}, "|cat >{top}/out/team"
busy "|exit 75"
loop pool
pool loop
""")
        self.env = dict(os.environ, MAIL_CONFIG=f"{top}/etc")
        self.process = subprocess.Popen([self.master, "-c", f"{top}/etc", "-d"], env=self.env, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)

    def send(self, to, body="From here\nhello\n"):
        subprocess.run([self.sendmail, "-i", "-f", f"{self.user.pw_name}@local.test", f"{to}@local.test"], env=self.env,
                       input=f"Subject: to {to}\n\n{body}".encode(), check=True, timeout=30)

    def read(self, name):
        return read_text(f"{self.top}/{name}")

    def wait(self, words, name="log", seconds=30):
        if not appears(words, f"{self.top}/{name}", seconds):
            print(f"no {words!r} in {name}:\n{self.read('log')[-4000:]}\n{self.read(name)[-2000:]}")
            sys.exit(1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def check(system):
    me, top = system.user.pw_name, system.top
    box = f"mail/{me}"
    for to in (me, f"{me}+ext", "command", "file", "team", "busy", "loop", "nosuch"):
        system.send(to)
    system.wait(f"to=<{me}@local.test>, relay=local,")
    system.wait("status=sent (delivered to mailbox)")
    system.wait(f"X-Original-To: {me}+ext@local.test\n", box)
    system.wait(f"X-Original-To: team@local.test\nDelivered-To: {me}@local.test\n", box)
    system.wait("\n>From here\nhello\n\n", box)
    system.wait(f"status=sent (delivered to command: cat >{top}/out/command)")
    system.wait("Delivered-To: command@local.test\n", "out/command")
    system.wait(f"status=sent (delivered to file: {top}/out/file)")
    system.wait("\n>From here\n", "out/file")
    system.wait("dsn=4.3.0, status=deferred (temporary failure)")
    system.wait("status=bounced (possible alias database loop for loop@local.test)")
    system.wait('dsn=5.1.1, status=bounced (unknown user: "nosuch")')
    system.wait('<nosuch@local.test>: unknown user: "nosuch"', box)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--destdir", required=True)
    destdir = os.path.realpath(parser.parse_args().destdir)
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        os.chdir("/")
    with tempfile.TemporaryDirectory() as top:
        system = System(destdir, top)
        try:
            check(system)
        finally:
            system.stop()
    print("local delivery works")


main()
