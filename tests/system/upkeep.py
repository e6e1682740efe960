#!/usr/bin/env python3
# What looks after an installation: `postfix check`, `set-permissions`, `upgrade-configuration`, `status` and the stop of what does
# not run, on damaged queues beside the incumbent: exit status, words, and owner and mode of everything afterwards. Needs root.
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position
from support.stack import check, on_terminal  # noqa: E402  pylint: disable=wrong-import-position

CASES = stack.Cases()


class Installation:
    def __init__(self, programs, top):
        self.programs, self.top = programs, Path(top)
        stack.make_queue(top)
        (self.top / "log").chmod(0o777)  # the incumbent's postsuper opens the log as mail_owner
        (self.top / "etc/main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {top}/spool
data_directory = {top}/data
command_directory = {programs.commands}
daemon_directory = {programs.daemons}
maillog_file = {top}/log/mail.log
maillog_file_prefixes = {top}
myhostname = mx.example.org
inet_protocols = ipv4
""")
        (self.top / "etc/master.cf").write_text(stack.SERVICES + "postlog unix-dgram n - n - 1 postlogd\n")

    def postfix(self, *words):
        status, text = on_terminal([self.programs.commands / "postfix", "-c", self.top / "etc", *words], 30)
        text = text.replace(str(self.programs.commands), "SBIN").replace(str(self.programs.daemons), "DAEMONS").replace(str(self.top), "TOP")
        return status, sorted(line for line in text.splitlines() if "prefixes" not in line)

    def tree(self):
        """Owner, group, mode and kind of everything below the queue and the data directory."""
        found = {}
        for name in ("spool", "data"):
            for path in [self.top / name, *(self.top / name).rglob("*")]:
                status = path.lstat()
                found[str(path.relative_to(self.top))] = (status.st_uid, status.st_gid, oct(status.st_mode))
        return found


class Both:
    def __init__(self, options, directory):
        self.ours = Installation(stack.Programs.ours(options.destdir, directory / "programs"), directory / "ours")
        self.real = Installation(stack.Programs.real(), directory / "real")

    def each(self, function):
        return [function(self.ours), function(self.real)]

    def end(self):
        pass


DAMAGE = [
    ("nothing", lambda top: None),
    ("folders are gone", lambda top: [shutil.rmtree(top / "spool" / name) for name in ("hold", "maildrop", "public", "pid", "trace")]),
    ("the data folder is gone", lambda top: shutil.rmtree(top / "data")),
    ("a folder is somebody's", lambda top: os.chown(top / "spool/active", 1, 1)),
    ("the drop is open to all", lambda top: (top / "spool/maildrop").chmod(0o777)),
    ("the drop's group is wrong", lambda top: os.chown(top / "spool/maildrop", -1, 0)),
    ("the queue is open to all", lambda top: (top / "spool").chmod(0o777)),
    ("the data folder is open to all", lambda top: (top / "data").chmod(0o777)),
    ("the data folder is root's", lambda top: os.chown(top / "data", 0, 0)),
    ("the configuration is open to all", lambda top: (top / "etc/main.cf").chmod(0o666)),
    ("the configuration is somebody's", lambda top: os.chown(top / "etc/master.cf", 1, 1)),
    ("a strange file in the queue", lambda top: (top / "spool/deferred/two words").write_text("x")),
    ("the folder of the PID file is open to all", lambda top: (top / "spool/pid").chmod(0o777)),
]


@CASES
def check_makes_what_is_missing_and_warns(s):
    problems = []
    for name, damage in DAMAGE:
        for one in (s.ours, s.real):
            shutil.rmtree(one.top / "spool")
            shutil.rmtree(one.top / "data")
            one.__init__(one.programs, one.top)
            (one.top / "etc/main.cf").chmod(0o644)
            os.chown(one.top / "etc/master.cf", 0, 0)
            damage(one.top)
        (ours, our_tree), (real, real_tree) = s.each(lambda one: (one.postfix("check"), one.tree()))
        if ours != real:
            problems.append(f"{name}:\n  ours {ours}\n  real {real}")
        different = {path: (our_tree.get(path), real_tree.get(path)) for path in our_tree | real_tree
                     if our_tree.get(path) != real_tree.get(path)}
        if different:
            problems.append(f"{name}: (ours, real) {different}")
    check(not problems, "\n".join(problems))


@CASES
def commands_for_what_does_not_run(s):
    problems = []
    for words in (["status"], ["stop"], ["abort"], ["reload"], ["nonsense"], [], ["logrotate", "x"]):
        ours, real = s.each(lambda one: one.postfix(*words))
        if ours != real:
            problems.append(f"postfix {words}:\n  ours {ours}\n  real {real}")
    check(not problems, "\n".join(problems))


if __name__ == "__main__":
    if os.geteuid() != 0:
        stack.missing("needs root")
    stack.need_users("postfix")
    CASES.run(Both, "upkeep.py --destdir DIR [--keep] [CASE...]", "upkeep-")
