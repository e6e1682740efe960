#!/usr/bin/env python3
# Configuration that cannot be read or is wrong: what each command and both parents say, that nothing is started half, and the
# same said by the incumbents on this machine; second parents on one queue or base_dir. Needs root and the real servers.
# SPDX-License-Identifier: Apache-2.0
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position
from support.stack import check, match, on_terminal, wait_until  # noqa: E402  pylint: disable=wrong-import-position

CASES = stack.Cases()


class Mail:
    """One MTA and one dovecot configuration in a directory; nothing runs until it is started."""

    def __init__(self, programs, top):
        self.programs, self.top = programs, Path(top)
        stack.make_queue(top)
        self.etc, self.smtp, self.imap = self.top / "etc", stack.free_port(), stack.free_port()
        self.write()

    def write(self):
        for name in ("main.cf", "master.cf", "dovecot.conf"):
            path = self.etc / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        p = self.programs
        (self.etc / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {self.top}/spool
data_directory = {self.top}/data
command_directory = {p.commands}
daemon_directory = {p.daemons}
maillog_file = {self.top}/log/mail.log
maillog_file_prefixes = {self.top}
myhostname = mx.example.org
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
""")
        (self.etc / "master.cf").write_text(f"127.0.0.1:{self.smtp} inet n - n - - smtpd\n{stack.SERVICES}"
                                            "postlog unix-dgram n - n - 1 postlogd\n")
        (self.etc / "dovecot.conf").write_text(f"""protocols = imap
listen = 127.0.0.1
base_dir = {self.top}/run
state_dir = {self.top}/run
libexec_dir = {p.dovecot_libexec}
log_path = {self.top}/log/dovecot.log
ssl = no
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = {self.etc}/users
}}
userdb {{
  driver = passwd-file
  args = {self.etc}/users
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
""")

    def plain(self, text):
        """A text without what must differ: folders and process numbers."""
        for path, name in ((self.programs.daemons, "DAEMONS"), (self.programs.commands, "SBIN"), (self.top, "TOP")):
            text = text.replace(str(path), name)
        return re.sub(r"\[\d+\]", "[PID]", text).replace(str(self.smtp), "PORT").replace("SBIN/", "")

    def unplain(self, text):
        return text.replace("TOP", str(self.top))

    def postfix(self, *words):
        return on_terminal([self.programs.commands / "postfix", "-c", self.etc, *words])

    def master(self, seconds=3):
        return on_terminal([self.programs.daemons / "master", "-c", self.etc, "-d"], seconds)

    def postconf(self, *words):
        return on_terminal([self.programs.commands / "postconf", "-c", self.etc, *words])

    def dovecot(self, seconds=3):
        return on_terminal([self.programs.dovecot, "-F", "-c", self.etc / "dovecot.conf"], seconds)

    def doveconf(self, *words):
        program = "/usr/bin/doveconf" if self.programs.name == "real" else self.programs.commands / "doveconf"
        return on_terminal([program, "-c", self.etc / "dovecot.conf", *words])

    def nothing_runs(self, what):
        left = wait_until(lambda: f"{what}: still there: {stack.processes_naming(self.top)}",
                          lambda: not stack.processes_naming(self.top), 5)
        check(left and not stack.greets(self.smtp) and not stack.greets(self.imap), f"{what}: a port is open")

    def end(self):
        """Whatever a case left: the parents by their files, then what names our directory."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in stack.processes_naming(self.top):
                try:
                    os.kill(pid, sign)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 8
            while stack.processes_naming(self.top) and time.monotonic() < end:
                time.sleep(0.05)


class Both:
    def __init__(self, options, directory):
        self.ours = Mail(stack.Programs.ours(options.destdir, directory / "programs"), directory / "ours")
        self.real = Mail(stack.Programs.real(), directory / "real")

    def spoil(self, function):
        for mail in (self.ours, self.real):
            mail.write()
            function(mail)

    def end(self):
        self.ours.end()
        self.real.end()


def add(name, text):
    def spoil(mail):
        with open(mail.etc / name, "a", encoding="utf-8") as file:
            file.write(text.format(top=mail.top, etc=mail.etc) + "\n")
    return spoil


def remove(name):
    return lambda mail: (mail.etc / name).unlink()


def folder(name):
    def spoil(mail):
        (mail.etc / name).unlink()
        (mail.etc / name).mkdir()
    return spoil


def fatal_lines(text):
    return [line for line in text.splitlines() if "fatal: " in line]


# What is wrong with main.cf, and what `postfix start` says of it.
MAIN_CF = [
    ("no main.cf", remove("main.cf"), "open TOP/etc/main.cf: No such file or directory"),
    ("main.cf is a folder", folder("main.cf"), "read TOP/etc/main.cf: Is a directory"),
    ("a line without =", add("main.cf", "justaword"), "TOP/etc/main.cf, line 12: missing '=' after attribute name: \"justaword\""),
    ("a number", add("main.cf", "default_process_limit = abc"), "bad numerical configuration: default_process_limit = abc"),
    ("a range", add("main.cf", "hash_queue_depth = 0"), "invalid hash_queue_depth parameter value 0 < 1"),
    ("a time", add("main.cf", "ipc_timeout = 5x"), "parameter ipc_timeout: bad time value or unit: 5x"),
    ("an interface", add("main.cf", "inet_interfaces = 192.0.2.77"),
     "parameter inet_interfaces: no local interface found for 192.0.2.77"),
    ("a protocol", add("main.cf", "inet_protocols = ipv7"), 'unknown inet_protocols value "ipv7" in "ipv7"'),
    ("an owner", add("main.cf", "mail_owner = nosuch"), "file TOP/etc/main.cf: parameter mail_owner: unknown user name value: nosuch"),
    ("root as owner", add("main.cf", "mail_owner = root"), "file TOP/etc/main.cf: parameter mail_owner: user root has privileged user ID"),
    ("a group", add("main.cf", "setgid_group = nosuch"), "file TOP/etc/main.cf: parameter setgid_group: unknown group name: nosuch"),
    ("a host name", add("main.cf", "myhostname = a..b"), "file TOP/etc/main.cf: parameter myhostname: bad parameter value: a..b"),
    ("an open brace", add("main.cf", "mydomain = ${{x"), "dictionary mail_dict: macro processing error"),
    ("a level", add("main.cf", "compatibility_level = x"), 'malformed compatibility level syntax: "x"'),
    ("a queue", add("main.cf", "queue_directory = {top}/nosuch"), "chdir(TOP/nosuch): No such file or directory"),
]
# What is wrong with master.cf; what `postfix start` says of it first; what the parent says.
MASTER_CF = [
    ("no master.cf", remove("master.cf"), "no TOP/etc/master.cf file found", "open TOP/etc/master.cf: No such file or directory"),
    ("master.cf is a folder", folder("master.cf"), "no TOP/etc/master.cf file found", "TOP/etc/master.cf: read: Is a directory"),
    ("few fields", add("master.cf", "foo unix n"), "file TOP/etc/master.cf: line 21: bad field count",
     "file TOP/etc/master.cf: line 21: bad field count"),
    ("a type", add("master.cf", "foo bar n - n - - smtpd"), 'invalid type field "bar" in "foo bar n - n - - smtpd"',
     'TOP/etc/master.cf: line 21: field "type": bad value: "bar"'),
    ("a flag", add("master.cf", "foo unix q - n - - smtpd"), 'invalid private field "q" in "foo unix q - n - - smtpd"',
     'TOP/etc/master.cf: line 21: field "private": bad value: "q"'),
    ("a limit", add("master.cf", "foo unix n - n - abc smtpd"), 'invalid process_limit field "abc" in "foo unix n - n - abc smtpd"',
     'TOP/etc/master.cf: line 21: field "process_limit": bad value: "abc"'),
    ("a wakeup", add("master.cf", "foo unix n - n abc - smtpd"), 'invalid wakeup field "abc" in "foo unix n - n abc - smtpd"',
     'TOP/etc/master.cf: line 21: field "wakeup": bad value: "abc"'),
    ("a port", add("master.cf", "nosuchport inet n - n - - smtpd"), None, "TOP/etc/master.cf: line 21: bad service name: nosuchport"),
    ("a host", add("master.cf", "nosuch.invalid:25 inet n - n - - smtpd"), None,
     "TOP/etc/master.cf: line 21: host not found: nosuch.invalid"),
    ("inet as private", add("master.cf", "127.0.0.1:1 inet y - n - - smtpd"), None,
     "TOP/etc/master.cf: line 21: an inet service cannot be private"),
]


def start_both(s, name, spoil):
    """`postfix start` of both after the same damage: the same exit status, the fatal lines of both; nothing runs afterwards."""
    s.spoil(spoil)
    answers = []
    for mail in (s.ours, s.real):
        status, text = mail.postfix("start")
        answers.append((status, [line.split("fatal: ")[1] for line in mail.plain(text).splitlines() if "fatal: " in line]))
        mail.nothing_runs(f"{name}, {mail.programs.name}: {text}")
    check(answers[0][0] == answers[1][0] == 1, f"{name}: exit status and words {answers}")
    return answers[0][1], answers[1][1]


@CASES
def main_cf_stops_the_start(s):
    for name, spoil, wanted in MAIN_CF:
        ours, real = start_both(s, name, spoil)
        check(ours == real == [wanted], f"{name}: ours says {ours}, the real one {real}")
        status, text = s.ours.master()
        check(status == 1 and fatal_lines(text) == [line for line in text.splitlines() if "warning: " not in line] != [],
              f"{name}: master ends with {status} and {text!r}")
    s.spoil(add("main.cf", f"daemon_directory = {s.ours.top}/nosuch"))
    status, text = s.ours.postfix("start")
    check((status, fatal_lines(s.ours.plain(text))) == (1, ["postfix: fatal: TOP/nosuch/postfix-script: No such file or directory"]), text)


@CASES
def master_cf_stops_the_start(s):
    for name, spoil, wanted, parents in MASTER_CF:
        ours, real = start_both(s, name, spoil)
        check(wanted is None or ours[0] == real[0] == wanted, f"{name}: ours says {ours}, the real one {real}")
        check(ours[-1] == real[-1], f"{name}: ours ends with {ours}, the real one with {real}")
        check((s.real.master()[0], s.ours.master()) == (1, (1, s.ours.unplain(f"postfix/master: fatal: {parents}\n"))),
              f"{name}: master says {s.ours.master()}")
        s.ours.nothing_runs(name)


@CASES
def postconf_reads_what_it_can(s):
    """postconf names what nobody uses, and fails only when the file cannot be read."""
    damage = [row[:2] for row in MAIN_CF + MASTER_CF] + [
        ("an unknown parameter", add("main.cf", "no_such_thing = 1")),
        ("set twice", add("main.cf", "myhostname = other.example.org")),
        ("white space first", lambda mail: (mail.etc / "main.cf").write_text(" x = y\n" + (mail.etc / "main.cf").read_text())),
        ("an open brace behind -o", add("master.cf", "foo unix n - n - - smtpd\n  -o {{ abc = 1")),
    ]
    for name, spoil in damage:
        s.spoil(spoil)
        for words in (["-n", "myhostname"], ["-h", "inet_interfaces"], ["-d", "smtpd_banner"]):
            ours, real = s.ours.postconf(*words), s.real.postconf(*words)
            ours, real = (ours[0], s.ours.plain(ours[1])), (real[0], s.real.plain(real[1]))
            # The incumbent reads the file again for its host name and for each address family.
            ours, real = [(status, text.split("\n")[0], {line.replace("dictionary mail_dict: ", "") for line in text.splitlines() if "overriding earlier entry" not in line})
                          for status, text in (ours, real)]
            check(ours == real, f"{name}, postconf {words}: ours {ours}, the real one {real}")


@CASES
def a_wrong_value_of_one_daemon_leaves_the_others(s):
    """The incumbent starts, and the daemon concerned ends with one line each time it is asked for; so do we."""
    for name, spoil, program, words in [
            ("a time", add("main.cf", "queue_run_delay = 5x"), "qmgr", "parameter queue_run_delay: bad time value or unit: 5x"),
            ("a number", add("main.cf", "smtpd_recipient_limit = abc"), "smtpd", "bad numerical configuration: smtpd_recipient_limit = abc"),
            ("a word", add("main.cf", "smtpd_delay_reject = maybe"), "smtpd", "bad boolean configuration: smtpd_delay_reject = maybe")]:
        for mail in (s.ours, s.real):
            mail.write()
            spoil(mail)
            log = mail.top / "log/mail.log"
            log.unlink(missing_ok=True)
            check(mail.postfix("start")[0] == 0, f"{name}: {mail.programs.name} does not start")
            stack.greets(mail.smtp)
            line = rf"postfix/{program}\[\d+\]: fatal: {re.escape(words)}$"
            wait_until(lambda: f"{name}, {mail.programs.name}: {log.read_text()}",
                       lambda: re.search(line, log.read_text() if log.exists() else "", re.M), 8)
            check(mail.postfix("stop")[0] == 0, f"{name}: {mail.programs.name} does not stop")
            mail.nothing_runs(name)


# What is wrong with dovecot.conf, and whether doveconf says so too.
DOVECOT_CONF = [
    ("no file", remove("dovecot.conf")),
    ("no include", add("dovecot.conf", "!include {etc}/missing.conf")),
    ("an unknown setting", add("dovecot.conf", "no_such_setting = 1")),
    ("an unknown setting in a block", add("dovecot.conf", "service imap {{\n  foo = 1\n}}")),
    ("an unknown section", add("dovecot.conf", "nosuch foo {{\n}}")),
    ("a missing =", add("dovecot.conf", "justaword")),
    ("an open block", add("dovecot.conf", "service imap {{")),
    ("a block too many closed", add("dovecot.conf", "}}")),
    ("a yes or no", add("dovecot.conf", "disable_plaintext_auth = maybe")),
    ("a number", add("dovecot.conf", "mail_max_userip_connections = many")),
    ("a time", add("dovecot.conf", "auth_failure_delay = 5 lightyears")),
    ("a size", add("dovecot.conf", "default_vsz_limit = 5X")),
    ("a choice", add("dovecot.conf", "ssl = perhaps")),
    ("a protocol", add("dovecot.conf", "protocols = imap nosuch")),
    ("a user", add("dovecot.conf", "default_internal_user = nosuch")),
    ("a missing key file", add("dovecot.conf", "ssl = yes\nssl_cert = <{etc}/no.pem\nssl_key = <{etc}/no.key")),
    ("no certificate", add("dovecot.conf", "ssl = yes")),
    ("a passdb without driver", add("dovecot.conf", "passdb {{\n}}")),
    ("a passdb with an unknown driver", add("dovecot.conf", "passdb {{\n  driver = nosuch\n}}")),
]


def starts(answer):
    return answer[0] is None


@CASES
def dovecot_conf_stops_the_start(s):
    """The same words and exit status from both, of the parent and of doveconf; no process stays, no port opens."""
    for name, spoil in DOVECOT_CONF:
        s.spoil(spoil)
        ours, real = s.ours.dovecot(), s.real.dovecot()
        check((ours[0], s.ours.plain(ours[1])) == (real[0], s.real.plain(real[1])), f"{name}: ours {ours}, the real one {real}")
        check(starts(ours) or ours[0] == 89 and ours[1].count("\n") == 1, f"{name}: {ours}")
        s.ours.nothing_runs(name)
        s.real.end()
        ours, real = [(status, [line for line in text.splitlines() if "doveconf: " in line])
                      for status, text in ((mail.doveconf("-n")[0], mail.plain(mail.doveconf("-n")[1])) for mail in (s.ours, s.real))]
        check(ours == real, f"{name}: doveconf: ours {ours}, the real one {real}")


@CASES
def a_reload_with_a_wrong_file_changes_nothing(s):
    """Both parents go on with what they had, and say one line of what is wrong."""
    mail = s.ours
    parents = [stack.Daemon([mail.programs.daemons / "master", "-c", mail.etc, "-d"], mail.top / "log/mail.log"),
               stack.Daemon([mail.programs.dovecot, "-F", "-c", mail.etc / "dovecot.conf"], mail.top / "log/dovecot.log")]
    try:
        for parent, port, words in zip(parents, (mail.smtp, mail.imap), ("220 ", "* OK ")):
            parent.wait_for(port, words)
        add("main.cf", "justaword")(mail)
        add("dovecot.conf", "no_such_setting = 1")(mail)
        for parent, port, words, line in [
                (parents[0], mail.smtp, "220 ", r"main\.cf, line 12: missing '=' after attribute name: \"justaword\""),
                (parents[1], mail.imap, "* OK ", r"dovecot\.conf line 25: Unknown setting: no_such_setting")]:
            parent.process.send_signal(signal.SIGHUP)
            parent.wait_log(line)
            check(parent.running() and stack.greets(port, words), f"{line}: the port is closed")
    finally:
        for parent in parents:
            parent.stop()


def second(first, arguments):
    """What a second parent says, with the first one alive before and after."""
    check(first.running(), "the first one ended")
    answer = on_terminal(arguments, 10)
    check(first.running(), "the first one ended because of the second")
    return answer


@CASES
def a_second_postfix(s):
    """The incumbent's words to the byte; ours says on a line of its own who holds the queue. Also when the files are gone."""
    answers = []
    for mail in (s.real, s.ours):
        stop = mail.postfix("start")
        check(stop[0] == 0, f"{mail.programs.name} does not start: {stop}")
        pid = int((mail.top / "spool/pid/master.pid").read_text())
        answer = mail.postfix("start")
        answers.append((answer[0], [line for line in mail.plain(answer[1]).splitlines() if "fatal: " in line]))
        if mail is s.ours:
            match(answer[1], rf"^postfix/postfix-script: the lock is held by process {pid}$")
            held = f"postfix/master: the lock is held by process {pid}\n"
            wanted = "postfix/master: fatal: open lock file {}: unable to set exclusive lock: Resource temporarily unavailable\n"
            for gone, name in [(None, "pid/master.pid"), ("spool/pid/master.pid", f"{mail.top}/data/master.lock"),
                               ("data/master.lock", f"{mail.top}/spool")]:
                if gone:
                    (mail.top / gone).unlink()
                    held = "postfix/master: the lock's holder left no process ID\n" if "pid" in gone else held
                status, text = mail.master()
                check((status, text) == (1, held + wanted.format(name)), f"after the loss of {gone}: {status} {text!r}")
                held = "postfix/master: the lock's holder left no process ID\n"
            check(mail.postfix("start")[0] == 1, "postfix start admits a second master when both files are gone")
            check(stack.greets(mail.smtp, "220 "), "the first one serves")
            os.kill(pid, signal.SIGTERM)
        else:
            mail.postfix("stop")
        mail.nothing_runs("stopped")
    check(answers[0] == answers[1] == (1, ["postfix/postfix-script: fatal: the Postfix mail system is already running"]), f"{answers}")


@CASES
def a_second_dovecot(s):
    answers = []
    for mail in (s.real, s.ours):
        first = stack.Daemon([mail.programs.dovecot, "-F", "-c", mail.etc / "dovecot.conf"], mail.top / "log/dovecot.log")
        try:
            first.wait_for(mail.imap, "* OK ")
            status, text = second(first, [mail.programs.dovecot, "-F", "-c", mail.etc / "dovecot.conf"])
            answers.append((status, mail.plain(text).replace(str(first.process.pid), "PID")))
            if mail is s.ours:
                (mail.top / "run/master.pid").unlink()
                status, text = second(first, [mail.programs.dovecot, "-F", "-c", mail.etc / "dovecot.conf"])
                check(status == 89 and len(text.splitlines()) >= 1, f"without its PID file: {status} {text!r}")
                check(stack.greets(mail.imap, "* OK "), "the first one serves")
        finally:
            first.stop()
        mail.nothing_runs("dovecot stopped")
    check(answers[0] == answers[1] and answers[0][0] == 89, f"{answers}")


if __name__ == "__main__":
    if os.geteuid() != 0:
        stack.missing("needs root")
    stack.need_users("postfix", "dovecot", "dovenull")
    CASES.run(Both, "bad_config.py --destdir DIR [--keep] [CASE...]", "bad-config-")
