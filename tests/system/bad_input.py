#!/usr/bin/env python3
# What mail gets while something below it is broken: a database that goes away and comes back, no private/auth, a full disk
# under the queue and under the mailboxes. Real MariaDB, real full file systems; needs root. Nothing acknowledged may be lost,
# bounced or half written, and everything recovers by itself.
# SPDX-License-Identifier: Apache-2.0
import imaplib
import os
import re
import smtplib
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position
from support.stack import check, match, wait_until  # noqa: E402  pylint: disable=wrong-import-position

CASES = stack.Cases()
MAIL_UID = 5996
SCHEMA = """
create database mail; use mail;
create table domains(name varchar(50) primary key);
create table users(email varchar(100) primary key, password varchar(100));
create table aliases(source varchar(100), destination varchar(100));
insert into domains values('example.org');
insert into users values('frank@example.org','{PLAIN}secret'),('anna@example.org','{PLAIN}secret');
insert into aliases values('all@example.org','frank@example.org, anna@example.org');
create user mailuser@'127.0.0.1' identified by 'secret'; grant select on mail.* to mailuser@'127.0.0.1';
"""
QUERIES = {"domains": "select 1 from domains where name='%s'", "users": "select 1 from users where email='%s'",
           "aliases": "select destination from aliases where source='%s'"}


class System:
    """Our MTA and our dovecot on one database, each started when a case asks for it."""

    def __init__(self, options, top):
        self.top, self.spool, self.mail = top, top / "spool", top / "mail"
        self.programs = stack.Programs.ours(options.destdir, top / "programs")
        self.smtp, self.imap = stack.free_port(), stack.free_port()
        self.running, self.mounts = [], []
        self.database = None
        stack.make_queue(top)
        self.mail.mkdir()
        os.chown(self.mail, MAIL_UID, MAIL_UID)

    def start_database(self):
        self.database = stack.MariaDb(self.top / "db")
        self.database.start()
        self.database.load(SCHEMA)

    def mount(self, path, size):
        """A small file system of its own; its content is what was there before."""
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "small", path], capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"no small file system: {done.stderr}")
        self.mounts.append(path)

    def end(self):
        for daemon in reversed(self.running):
            daemon.stop()
        if self.database:
            self.database.stop()
        for path in self.mounts:
            subprocess.run(["umount", "-l", path], check=False)

    def tables(self, port):
        """virtual_* of main.cf: three files as the documents write them."""
        for name, query in QUERIES.items():
            (self.top / "etc" / f"{name}.cf").write_text(
                f"user = mailuser\npassword = secret\nhosts = 127.0.0.1:{port}\ndbname = mail\nquery = {query}\n")
        etc = f"{self.top}/etc"
        return f"""virtual_mailbox_domains = mysql:{etc}/domains.cf
virtual_mailbox_maps = mysql:{etc}/users.cf
virtual_alias_maps = mysql:{etc}/aliases.cf
"""

    FILES = """virtual_mailbox_domains = inline:{example.org=1}
virtual_mailbox_maps = inline:{frank@example.org=1, anna@example.org=1}
virtual_alias_maps =
"""

    def postfix(self, tables=FILES, more=""):
        etc = self.top / "etc"
        (etc / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {self.spool}
data_directory = {self.top}/data
command_directory = {self.programs.commands}
daemon_directory = {self.programs.daemons}
maillog_file = {self.top}/log/mail.log
maillog_file_prefixes = {self.top}
myhostname = mx.example.org
mydestination =
mynetworks =
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
virtual_transport = lmtp:unix:private/dovecot-lmtp
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
transport_retry_time = 1s
{tables}{more}""")
        services = stack.SERVICES.replace("pickup unix n - n 60 1", "pickup unix n - n 1 1")
        (etc / "master.cf").write_text(f"127.0.0.1:{self.smtp} inet n - n - - smtpd\n{services}")
        environment = dict(os.environ, MAIL_CONFIG=str(etc))
        daemon = stack.Daemon([self.programs.daemons / "master", "-c", etc, "-d"], self.top / "log/mail.log", environment)
        self.running.append(daemon)
        return daemon.wait_for(self.smtp, "220 ")

    def dovecot(self, database_port=None, programs=None, name="ours"):
        """On users in the database, or (without one) in a file."""
        programs = programs or self.programs
        config, log = self.top / f"etc/{name}.conf", self.top / f"{name}-dovecot.log"
        (self.top / "etc/users").write_text("".join(
            f"{user}@example.org:{{PLAIN}}secret:{MAIL_UID}:{MAIL_UID}::{self.mail}/{user}::\n" for user in ("frank", "anna")))
        (self.top / "etc/sql.conf").write_text(f"""driver = mysql
connect = host=127.0.0.1 port={database_port} dbname=mail user=mailuser password=secret
password_query = SELECT email AS user, password FROM users WHERE email = '%u'
user_query = SELECT {MAIL_UID} AS uid, {MAIL_UID} AS gid, '{self.mail}/%n' AS home FROM users WHERE email = '%u'
""")
        source = f"driver = sql\n  args = {self.top}/etc/sql.conf" if database_port else f"driver = passwd-file\n  args = {self.top}/etc/users"
        config.write_text(stack.dovecot_conf(programs, self.top, name, self.imap, self.spool, source))
        daemon = stack.Daemon([programs.dovecot, "-F", "-c", config], log)
        self.running.append(daemon)
        return daemon.wait_for(self.imap, "* OK")

    def tool(self, name, *words, text=""):
        return subprocess.run([self.programs.commands / name, *words], env=dict(os.environ, MAIL_CONFIG=f"{self.top}/etc"), input=text,
                              capture_output=True, text=True, timeout=30, check=False)

    def client(self):
        client = smtplib.SMTP("127.0.0.1", self.smtp, timeout=20)
        client.ehlo("client.example.org")
        return client

    def rcpt(self, address="frank@example.org"):
        """The answer to RCPT in a session of its own."""
        with self.client() as client:
            client.mail("sender@example.net")
            code, text = client.rcpt(address)
            return f"{code} {text.decode()}"

    def auth(self):
        with self.client() as client:
            code, text = client.docmd("AUTH", "PLAIN AGZyYW5rQGV4YW1wbGUub3JnAHNlY3JldA==")
            return f"{code} {text.decode()}"

    def login(self):
        client = imaplib.IMAP4("127.0.0.1", self.imap, timeout=20)
        try:
            client.login("frank@example.org", "secret")
            client.logout()
            return "OK"
        except imaplib.IMAP4.error as error:
            return str(error)

    def send(self, subject, size=10):
        """One message to frank: the answer to its end, or to what was refused before."""
        with self.client() as client:
            for step in (lambda: client.mail("sender@example.net", [f"SIZE={size}"]), lambda: client.rcpt("frank@example.org")):
                code, text = step()
                if code != 250:
                    return f"{code} {text.decode()}"
            code, text = client.data(message(subject, size))
            return f"{code} {text.decode()}"

    def stored(self, user="frank"):
        """Subjects and texts of what was delivered, sorted."""
        texts = [path.read_text() for path in (self.mail / user).rglob("*") if path.is_file() and path.parent.name in ("new", "cur")]
        return sorted((re.search(r"^Subject: (.*)$", text, re.M)[1], text.split("\n\n", 1)[1]) for text in texts)

    def waiting(self):
        return sum(path.is_file() for queue in ("incoming", "active", "deferred", "maildrop", "hold", "defer", "bounce", "corrupt")
                   for path in (self.spool / queue).rglob("*"))

    def nothing_sent_back(self, mta):
        check("status=bounced" not in mta.lines() and "status=expired" not in mta.lines(), "something was bounced")


def message(subject, size):
    line = "x" * 63 + "\r\n"
    return f"From: sender@example.net\r\nTo: frank@example.org\r\nSubject: {subject}\r\n\r\n{line * max(1, size // 65)}end\r\n"


def within(seconds, what, test):
    """How long it took; the promise is for an idle machine, a busy one gets the time it takes to notice."""
    begin = time.monotonic()
    wait_until(f"{what} within {seconds} s", test, seconds)
    return time.monotonic() - begin


@CASES
def the_database_goes_away_and_comes_back(s):
    s.start_database()
    mta = s.postfix(s.tables(s.database.port), "smtpd_data_restrictions = check_sender_access inline:{held@example.net=HOLD}\n")
    s.dovecot(s.database.port)
    check(s.rcpt() == "250 2.1.5 Ok" and s.auth().startswith("235 ") and s.login() == "OK", f"before: {s.rcpt()} {s.auth()} {s.login()}")
    match(s.rcpt("nobody@example.org"), r"^550 5\.1\.1 ")
    check(s.send("before").startswith("250 "), "a message")
    wait_until("its delivery", lambda: [row[0] for row in s.stored()] == ["before"])
    with s.client() as client:
        client.sendmail("held@example.net", ["all@example.org"], message("held", 10))
    with s.client() as open_one:  # a session, and a transaction, from before
        open_one.mail("sender@example.net")
        open_one.rcpt("anna@example.org")
        s.database.stop()

        check(s.rcpt() == "451 4.3.0 <frank@example.org>: Temporary lookup failure", f"RCPT: {s.rcpt()}")
        check(s.rcpt("nobody@example.org") == "451 4.3.0 <nobody@example.org>: Temporary lookup failure", "RCPT of an unknown user")
        code, text = open_one.rcpt("frank@example.org")
        check((code, text) == (451, b"4.3.0 <frank@example.org>: Temporary lookup failure"), f"RCPT in the open session: {code} {text}")
        match(s.auth(), r"^454 4\.7\.0 Temporary authentication failure: ")
        match(s.login(), r"^b'\[UNAVAILABLE\] Temporary authentication failure\. \[\S+:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]'$")
        # What is in the queue already is tried, and waits; what comes by sendmail waits where it is.
        check(s.tool("postsuper", "-r", "ALL").returncode == 0, "postsuper")
        done = s.tool("sendmail", "-f", "sender@example.net", "all@example.org", text="Subject: by sendmail\n\nhello\n")
        check(done.returncode == 0, f"sendmail: {done}")
        mta.wait_log(r"warning: mysql:\S+: .*|warning: .*mysql.*")
        mta.wait_log(r"warning: .*(lookup problem|lookup error)", 10)
        time.sleep(2)  # two runs of the queue
        code, text = open_one.data(message("accepted meanwhile?", 10))
        check(code in (250, 451), f"the end of DATA: {code} {text}")
        accepted = ["accepted meanwhile?"] if code == 250 else []
    check(s.waiting() >= 2, "held and sendmail's message are kept")
    s.nothing_sent_back(mta)
    check([row[0] for row in s.stored()] == ["before"], "nothing is delivered by guess")

    s.database.start()
    took = [within(1, "RCPT is taken again", lambda: s.rcpt() == "250 2.1.5 Ok"), within(1, "AUTH works again", lambda: s.auth()[:3] == "235"),
            within(1, "IMAP works again", lambda: s.login() == "OK")]
    print("back after " + ", ".join(f"{seconds:.2f} s" for seconds in took))
    wait_until(lambda: f"the rest: {s.stored()} {mta.lines()[-2000:]}",
               lambda: [row[0] for row in s.stored()] == ["before", "by sendmail", "held"], 20)
    wait_until(lambda: f"for anna: {s.stored('anna')}",
               lambda: [row[0] for row in s.stored("anna")] == sorted(accepted + ["by sendmail", "held"]), 20)
    wait_until("an empty queue", lambda: s.waiting() == 0, 10)
    s.nothing_sent_back(mta)
    match(s.rcpt("nobody@example.org"), r"^550 5\.1\.1 ")


@CASES
def without_private_auth(s):
    """Port 25 keeps taking mail, AUTH is not offered, one warning; it is offered again when the socket is there."""
    mta = s.postfix()
    for number in range(5):
        with s.client() as client:
            check("auth" not in client.esmtp_features, f"session {number}: {client.esmtp_features}")
            check(client.sendmail("sender@example.net", ["frank@example.org"], message(f"number {number}", 10)) == {}, "mail is taken")
    warned = re.findall(r"smtpd\[(\d+)\]: warning: .*(?:SASL|private/auth).*", mta.lines())
    check(warned and len(warned) == len(set(warned)), f"one warning of each process, not {warned}")
    match(s.auth(), r"^454 4\.7\.0 Temporary authentication failure: ")  # of a client that remembers it from before
    dovecot = s.dovecot()
    within(5, "AUTH is offered", lambda: s.auth().startswith("235 "))
    wait_until("the deliveries", lambda: len(s.stored()) == 5)
    dovecot.stop()
    (s.spool / "private/auth").unlink(missing_ok=True)
    check(s.send("after").startswith("250 "), "mail is taken again")
    within(5, "AUTH is withdrawn", lambda: not s.auth().startswith("235 "))


def fill(path, leave):
    """Fills the file system but for so many bytes; the file to remove."""
    filler = path / "filler"
    with open(filler, "ab") as file:
        os.chmod(filler, 0o600)
        while True:
            space = os.statvfs(path)
            free = space.f_bavail * space.f_frsize - leave
            if free <= 0:
                return filler
            try:
                file.write(b"x" * min(free, 65536))
                file.flush()
            except OSError:
                return filler


@CASES
def a_full_disk_under_the_queue(s):
    s.mount(s.spool, "16m")
    stack.own_queue(str(s.spool))
    mta = s.postfix(more="message_size_limit = 2000000\n")
    s.dovecot()
    check(s.send("before", 1000).startswith("250 "), "a message")
    wait_until("its delivery", lambda: [row[0] for row in s.stored()] == ["before"])

    filler = fill(s.spool, 2900000)  # less than 1.5 * message_size_limit
    check(s.send("refused at MAIL") == "452 4.3.1 Insufficient system storage", f"MAIL: {s.send('refused')}")
    mta.wait_log(r"warning: not enough free space in mail queue: \d+ bytes < 1\.5\*message size limit$")
    filler.unlink()

    # Space enough at MAIL, none when the body comes.
    for size in (500, 100000, 1900000):
        with s.client() as client:
            check(client.mail("sender@example.net")[0] == 250 and client.rcpt("frank@example.org")[0] == 250, "MAIL and RCPT")
            filler = fill(s.spool, 0)
            code, text = client.data(message(f"written later {size}", size))
            check((code, text) == (451, b"4.3.0 Error: queue file write error"), f"the end of DATA of {size}: {code} {text}")
            check(client.mail("sender@example.net")[0] == 452, "the session goes on: MAIL says so first")
        check(s.waiting() == 0, f"something half written stays: {list(s.spool.rglob('*'))}")
        done = s.tool("sendmail", "-f", "sender@example.net", "frank@example.org", text="Subject: by sendmail\n\n" + "hello\n" * 20000)
        check(done.returncode == 75 and s.waiting() == 0, f"sendmail ends with {done.returncode}, {done.stderr}")
        filler.unlink()
    check(s.send("after", 100000).startswith("250 "), "a message afterwards")
    wait_until("its delivery", lambda: [row[0] for row in s.stored()] == ["after", "before"])
    check(s.stored()[0][1] == message("", 100000).replace("\r\n", "\n").split("\n\n", 1)[1], "the whole text")
    wait_until("an empty queue", lambda: s.waiting() == 0)
    s.nothing_sent_back(mta)


@CASES
def a_full_disk_under_the_mailboxes(s):
    s.mount(s.mail, "2m")
    os.chown(s.mail, MAIL_UID, MAIL_UID)
    mta, dovecot = s.postfix(), s.dovecot()
    check(s.send("before").startswith("250 "), "a message")
    wait_until("its delivery", lambda: [row[0] for row in s.stored()] == ["before"])
    filler = fill(s.mail, 0)
    check(s.send("large", 300000).startswith("250 "), "the queue has room")
    mta.wait_log(r"to=<frank@example\.org>, .*relay=\S+, .*dsn=4\.2\.0, status=deferred "
                 r"\(host \S+ said: 451 4\.2\.0 <frank@example\.org> Internal error occurred\. Refer to server log for more information\. "
                 r"\[[-\d]{10} [:\d]{8}\] \(in reply to end of DATA command\)\)$", count=2)
    dovecot.wait_log(r"msgid=\S+: save failed to INBOX: .*No space left on device$")
    check([row[0] for row in s.stored()] == ["before"], "no part of it is seen")
    check(not list((s.mail / "frank/Maildir/tmp").iterdir()), "nothing half written stays in tmp")
    filler.unlink()
    wait_until(lambda: f"its delivery: {s.stored()} {mta.lines()[-1500:]}", lambda: [row[0] for row in s.stored()] == ["before", "large"])
    check(s.stored()[1][1] == message("", 300000).replace("\r\n", "\n").split("\n\n", 1)[1], "the whole text")
    s.nothing_sent_back(mta)


if __name__ == "__main__":
    if os.geteuid() != 0:
        stack.missing("needs root")
    stack.need_users("postfix", "dovecot", "dovenull")
    CASES.run(System, "bad_input.py --destdir DIR [--keep] [CASE...]", "bad-input-")
