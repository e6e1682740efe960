#!/usr/bin/env python3
"""Starts our dovecot with a private configuration on high ports and logs in as a mail client does.

access.py --destdir DIR [CASE...] [--keep]   DIR: an installation or a build folder. exit 0: all cases passed; 77: a program
is missing. Works as root (chroot, dovenull, a uid of its own for mail)
and as an ordinary user. SPDX-License-Identifier: Apache-2.0
"""
import imaplib
import os
import poplib
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position
from support.stack import check, match  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = ["imap-login", "pop3-login", "imap", "pop3", "mail-worker", "lmtp", "auth", "doveadm", "doveadm-auth", "dovecot"]
MAIL_UID = 5999  # as root: the uid of all mail; needs no passwd entry


class Server(stack.PrivateDovecot):
    def __init__(self, destdir):
        super().__init__(destdir, "access-", PROGRAMS, MAIL_UID)
        self.ports = {name: stack.free_port() for name in ("imap", "imaps", "pop3", "pop3s")}
        subprocess.run(["openssl", "req", "-new", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out",
                        self.dir / "cert.pem", "-keyout", self.dir / "key.pem"], check=True, capture_output=True)
        where = f"{self.uid}:{self.gid}::{self.mail}"
        users = self.dir / "users"
        users.write_text(
            f"frank@example.org:{{PLAIN}}secret:{where}/frank::\nanna@example.org:{{PLAIN}}secret:{where}/anna::\n"
            f"low@example.org:{{PLAIN}}secret:12:12::{self.mail}/low::\n"
            f"closed@example.org:{{PLAIN}}secret:{where}/closed::nologin\n")
        users.chmod(0o644)
        self.lmtp = self.dir / "lmtp"
        self.config.write_text(self.config_text())

    def config_text(self):
        return f"""
protocols = imap pop3 lmtp
{self.common_settings()}
ssl = yes
ssl_cert = <{self.dir}/cert.pem
ssl_key = <{self.dir}/key.pem
disable_plaintext_auth = yes
login_greeting = Test ready.
first_valid_uid = 500
mail_location = maildir:~/Maildir
mail_max_userip_connections = 4
auth_failure_delay = 0
namespace inbox {{
  inbox = yes
  separator = .
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
}}
passdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
userdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
service imap-login {{
  inet_listener imap {{
    port = {self.ports['imap']}
  }}
  inet_listener imaps {{
    port = {self.ports['imaps']}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.ports['pop3']}
  }}
  inet_listener pop3s {{
    port = {self.ports['pop3s']}
    ssl = yes
  }}
}}
service auth {{
  user = {self.me}
}}
service imap {{
  idle_kill = 2s
}}
service lmtp {{
  unix_listener {self.lmtp} {{
    mode = 0600
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

    def start(self):
        self.start_on(self.ports["imap"])

    def put_message(self, user, subject):
        box = self.mail / user / "Maildir"
        made = []
        for path in (self.mail / user, box, box / "cur", box / "new", box / "tmp"):
            if not path.exists():
                path.mkdir()
                made.append(path)
        name = f"{time.time_ns()}.M1P1.test"
        (box / "tmp" / name).write_text(f"From: a@example.org\nSubject: {subject}\n\nbody\n")
        for path in made + [box / "tmp" / name]:
            os.chown(path, self.uid, self.gid)
        (box / "tmp" / name).rename(box / "new" / name)


def tls():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Raw:
    """A client of single lines."""

    def __init__(self, server, port="imap", use_tls=False, source=None):
        self.sock = socket.create_connection(("127.0.0.1", server.ports[port]), 20,
                                             source_address=(source, 0) if source else None)
        if use_tls:
            self.sock = tls().wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")

    def line(self):
        return self.file.readline().decode().rstrip("\r\n")

    def send(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def ask(self, text):
        self.send(text)
        tag = text.split()[0]
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1].startswith(tag + " ") or not lines[-1]:
                return lines

    def close(self):
        self.file.close()
        self.sock.close()


CASES = stack.Cases()


@CASES
def greeting_and_refusal_without_tls(s):
    c = Raw(s, source="127.0.0.9")
    match(c.line(), r"^\* OK \[CAPABILITY IMAP4rev1 SASL-IR .*STARTTLS LOGINDISABLED\] Test ready\.$")
    match(c.ask("a LOGIN frank@example.org secret")[-1], r"^a NO \[PRIVACYREQUIRED\] Plaintext authentication disallowed on ")
    match(c.ask("b LOGOUT")[-1], r"^b OK Logout completed\.$")
    s.wait_log(r"imap-login: Info: Login failed: Plaintext authentication disabled: user=<>, rip=127\.0\.0\.9, lip=127\.0\.0\.1, "
               r"session=<\S+>$")
    s.wait_log(r"imap-login: Info: Disconnected: Aborted login by logging out \(tried to use disallowed plaintext auth\): "
               r"user=<frank@example.org>, rip=127\.0\.0\.9, ")


@CASES
def login_on_the_same_host_reads_a_maildir(s):
    s.put_message("frank", "hello one")
    c = imaplib.IMAP4("127.0.0.1", s.ports["imap"])
    c.login("frank@example.org", "secret")
    check(c.select("INBOX")[1] == [b"1"], "one message in INBOX")
    data = c.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    check(b"Subject: hello one" in data[0][1], f"{data}")
    check(b'"."' in c.list()[1][0], "the separator is .")
    c.logout()
    s.wait_log(r"imap-login: Info: Login: user=<frank@example\.org>, method=PLAIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1, mpid=\d+, "
               r"secured, session=<\S+>$")
    s.wait_log(r"imap\(frank@example\.org\)<\d+><\S+>: Info: Disconnected: Logged out in=\d+ out=\d+ deleted=0 ")


@CASES
def starttls_and_authenticate(s):
    c = imaplib.IMAP4("127.0.0.1", s.ports["imap"])
    c.starttls(tls())
    check("STARTTLS" not in c.capabilities and "AUTH=PLAIN" in c.capabilities, f"{c.capabilities}")
    c.authenticate("PLAIN", lambda _: b"\0frank@example.org\0secret")
    check(c.select("INBOX")[0] == "OK", "SELECT")
    c.logout()
    s.wait_log(r"imap-login: Info: Login: user=<frank@example\.org>, method=PLAIN, .* mpid=\d+, TLS, session=<\S+>$")


@CASES
def no_tls_on_the_tls_port(s):
    with socket.create_connection(("127.0.0.1", s.ports["imaps"]), 10) as c:
        c.sendall(b"a LOGIN x y\r\n")
        while c.recv(4096):
            pass
    s.wait_log(r"Disconnected: Connection closed: SSL_accept\(\) failed: error:\S+:SSL routines:\S*:.* "
               r"\(no auth attempts in 0 secs\): user=<>, rip=127\.0\.0\.1, lip=127\.0\.0\.1, TLS handshaking: SSL_accept\(\) failed: error:.*, session=<\S+>$")


@CASES
def imaps_with_much_data(s):
    c = imaplib.IMAP4_SSL("127.0.0.1", s.ports["imaps"], ssl_context=tls())
    c.login("anna@example.org", "secret")
    body = (b"From: x@example.org\r\nSubject: big\r\n\r\n" + b"0123456789abcdef" * 4 + b"\r\n") * 20000
    check(c.append("INBOX", None, None, body)[0] == "OK", "APPEND")
    c.select("INBOX")
    data = c.fetch("1", "(RFC822)")[1]
    check(data[0][1] == body, "the same bytes come back")
    c.logout()


@CASES
def pipelined_behind_login(s):
    c = Raw(s)
    c.line()
    c.send("a LOGIN frank@example.org secret\r\nb SELECT INBOX\r\nc LOGOUT")
    lines = []
    while line := c.line():
        lines.append(line)
    check(any(l.startswith("a OK [CAPABILITY ") and l.endswith("] Logged in") for l in lines), f"{lines}")
    check(any(l.startswith("b OK [READ-WRITE]") for l in lines) and lines[-1].startswith("c OK Logout"), f"{lines}")


@CASES
def wrong_password_then_right(s):
    c = Raw(s)
    c.line()
    match(c.ask("a LOGIN frank@example.org wrong")[-1], r"^a NO \[AUTHENTICATIONFAILED\] Authentication failed\.$")
    match(c.ask("a AUTHENTICATE FOO")[-1], r"^a NO \[ALERT\] Unsupported authentication mechanism\.$")
    c.close()
    s.wait_log(r"imap-login: Info: Disconnected: Connection closed \(tried to use unsupported auth mechanism\): "
               r"user=<frank@example\.org>, method=FOO, ")
    c = Raw(s)
    c.line()
    c.ask("a LOGIN frank@example.org wrong")
    c.ask("a LOGOUT")
    s.wait_log(r"Disconnected: Aborted login by logging out \(auth failed, 1 attempts in \d+ secs\): user=<frank@example\.org>, "
               r"method=PLAIN, rip=127")


@CASES
def three_wrong_commands(s):
    c = Raw(s)
    c.line()
    for i in range(2):
        match(c.ask("a FOO")[-1], r"^a BAD Error in IMAP command received by server\.$")
    c.send("a FOO")
    match(c.line(), r"^\* BYE Too many invalid IMAP commands\.$")
    check(c.line() == "", "closed")
    s.wait_log(r"Disconnected: Too many invalid commands \(no auth attempts in \d+ secs\): user=<>, rip=")


@CASES
def uid_below_first_valid_uid(s):
    if not s.root:
        return
    c = Raw(s)
    c.line()
    c.send("a LOGIN low@example.org secret")
    check(c.line() == "a OK Logged in, but initialization failed.", "OK line")
    check(c.line() == "* BYE Internal error occurred. Refer to server log for more information.", "BYE")
    check(c.line() == "", "closed")
    s.wait_log(r"imap\(low@example\.org\): Error: Mail access for users with UID 12 not permitted \(see first_valid_uid in config "
               r"file, uid from userdb lookup\)\.$")


@CASES
def connection_limit(s):
    open_ones = []
    for i in range(4):
        c = Raw(s, "imaps", True, "127.0.0.77")
        c.line()
        match(c.ask("a LOGIN anna@example.org secret")[-1], "^a OK ")
        open_ones.append(c)
    c = Raw(s, "imaps", True, "127.0.0.77")
    c.line()
    match(c.ask("a LOGIN anna@example.org secret")[-1],
          r"^a NO \[LIMIT\] Maximum number of connections from user\+IP exceeded \(mail_max_userip_connections=4\)$")
    s.wait_log(r"Info: Disconnected: Maximum number of connections from user\+IP exceeded \(mail_max_userip_connections=4\): "
               r"user=<anna@example\.org>, method=PLAIN, rip=127\.0\.0\.77, lip=127\.0\.0\.1, TLS, session=<\S+>$")
    for c in open_ones:
        c.ask("z LOGOUT")


@CASES
def idle_hears_of_new_mail(s):
    c = Raw(s)
    c.line()
    c.ask("a LOGIN frank@example.org secret")
    c.ask("b SELECT INBOX")
    c.send("c IDLE")
    match(c.line(), r"^\+ ")
    s.put_message("frank", "while idle")
    while not re.match(r"\* \d+ EXISTS", line := c.line()):
        check(line != "", "closed while idle")
    c.send("DONE")
    c.close()


@CASES
def worker_runs_as_the_mail_user_and_ends_when_idle(s):
    c = Raw(s)
    c.line()
    c.ask("a LOGIN frank@example.org secret")
    pid = re.findall(r"Login: user=<frank@example\.org>.* mpid=(\d+)", s.lines())[-1]
    status = Path(f"/proc/{pid}/status").read_text()
    match(status, rf"Uid:\s+{s.uid}\s+{s.uid}\s+{s.uid}\s+{s.uid}\n")
    c.ask("b LOGOUT")
    deadline = time.time() + 10
    while Path(f"/proc/{pid}").exists() and time.time() < deadline:
        time.sleep(0.1)
    check(not Path(f"/proc/{pid}").exists(), "the worker ends after idle_kill")
    c = Raw(s)
    c.line()
    match(c.ask("a LOGIN frank@example.org secret")[-1], "^a OK ")


@CASES
def killed_worker_takes_only_its_sessions(s):
    logins = re.compile(r"Login: user=<frank@example\.org>.* mpid=(\d+)")
    before = len(logins.findall(s.lines()))
    c = Raw(s)
    c.line()
    c.ask("a LOGIN frank@example.org secret")
    deadline = time.time() + 10
    while len(logins.findall(s.lines())) == before and time.time() < deadline:
        time.sleep(0.01)  # the worker may answer before login has written its line
    pid = int(logins.findall(s.lines())[-1])
    os.kill(pid, signal.SIGKILL)
    check(c.line() == "", "the session is gone")
    c = Raw(s)
    c.line()
    match(c.ask("a LOGIN frank@example.org secret")[-1], "^a OK ")
    s.wait_log(rf"imap\(frank@example\.org\)<{pid}><\S+>: Fatal: master: service\(imap\): child {pid} killed with signal 9$")


@CASES
def pop3_dialogue_before_login(s):
    c = Raw(s, "pop3")
    match(c.line(), r"^\+OK Test ready\.$")
    c.send("CAPA")
    lines = []
    while (line := c.line()) != ".":
        lines.append(line)
    check("STLS" in lines and "USER" in lines and lines[-1].startswith("SASL PLAIN"), f"{lines}")
    c.send("PASS x")
    check(c.line() == "-ERR No username given.", "PASS first")
    c.send("USER frank@example.org")
    check(c.line() == "+OK", "USER")
    c.send("PASS wrong")
    check(c.line() == "-ERR [AUTH] Authentication failed.", "wrong password")
    c.send("QUIT")
    check(c.line() == "+OK Logging out", "QUIT")
    s.wait_log(r"pop3-login: Info: Disconnected: Aborted login by logging out \(auth failed, 1 attempts in ")


@CASES
def pop3_reads_mail(s):
    s.put_message("anna", "for pop3")
    p = poplib.POP3_SSL("127.0.0.1", s.ports["pop3s"], context=tls())
    p.user("anna@example.org")
    match(p.pass_("secret").decode(), r"^\+OK Logged in\.")
    count = p.stat()[0]
    check(count > 0, "messages")
    check(any(b"for pop3" in l for l in p.retr(count)[1]), "RETR")
    p.quit()
    s.wait_log(r"pop3-login: Info: Login: user=<anna@example\.org>, method=PLAIN, .* TLS, session=<\S+>$")


@CASES
def lmtp_delivers_to_several_users(s):
    client = smtplib.LMTP(str(s.lmtp))
    token = f"token{time.time_ns()}"
    refused = client.sendmail("sender@example.org", ["frank@example.org", "anna@example.org", "nobody@example.org"],
                              f"From: sender@example.org\r\nSubject: {token}\r\nMessage-ID: <{token}@x>\r\n\r\nhello\r\n")
    check(list(refused) == ["nobody@example.org"], f"{refused}")
    client.quit()
    for user in ("frank", "anna"):
        s.wait_log(rf"lmtp\({user}@example\.org\)<\d+><\S+>: Info: msgid=<{token}@x>: saved mail to INBOX$")
        c = imaplib.IMAP4("127.0.0.1", s.ports["imap"])
        c.login(f"{user}@example.org", "secret")
        c.select("INBOX")
        uids = c.uid("SEARCH", "SUBJECT", token)[1][0].split()
        check(len(uids) == 1, f"{user}: {uids}")
        header = c.uid("FETCH", uids[0], "(BODY.PEEK[HEADER])")[1][0][1].decode()
        match(header, r"^Return-Path: <sender@example\.org>\r\nReceived: from ")
        c.logout()


def doveadm(s, *words, status=0):
    """Output of one doveadm command. As root it runs from a place the mail user may read."""
    done = subprocess.run([s.dir / "libexec/doveadm", "-c", s.config, *words], capture_output=True, text=True, timeout=30)
    check(done.returncode == status, f"doveadm {words}: exit {done.returncode}, {done.stdout!r} {done.stderr!r}")
    return done.stdout if status == 0 else done.stdout + done.stderr


@CASES
def doveadm_looks_at_mail(s):
    s.put_message("frank", "needle in it")
    listed = doveadm(s, "mailbox", "list", "-u", "frank@example.org").split("\n")
    check("INBOX" in listed and "Drafts" in listed, f"{listed}")
    found = doveadm(s, "search", "-u", "frank@example.org", "mailbox", "INBOX", "subject", "needle")
    match(found, r"^[0-9a-f]{32} \d+\n$")
    uid = found.split()[1]
    shown = doveadm(s, "fetch", "-u", "frank@example.org", "uid hdr.subject body", "mailbox", "INBOX", "uid", uid)
    check(shown == f"uid: {uid}\nhdr.subject: needle in it\nbody:\nbody\n", f"{shown!r}")
    match(doveadm(s, "mailbox", "list", "-u", "nobody@example.org", status=67),
          r"^doveadm\(nobody@example\.org\): Error: User doesn't exist\n$")
    match(doveadm(s, "pw", "-s", "PLAIN", "-p", "x"), r"^\{PLAIN\}x\n$")


@CASES
def doveadm_who_and_kick(s):
    c = Raw(s)
    c.line()
    c.ask("a LOGIN anna@example.org secret")
    match(doveadm(s, "who", "-1", "anna*"), r"(?m)^anna@example\.org +imap +\d+ +127\.0\.0\.1 *$")
    match(doveadm(s, "kick", "anna@example.org"), r"^kicked connections from the following users:\nanna@example\.org\n$")
    check(c.line() == "", "kicked")
    match(doveadm(s, "kick", "nobody@example.org", status=68), r"^no users kicked\n")


@CASES
def reload_keeps_sessions(s):
    c = Raw(s, "imaps", True)
    c.line()
    c.ask("a LOGIN frank@example.org secret")
    s.process.send_signal(signal.SIGHUP)
    s.wait_log(r"master: Warning: SIGHUP received - reloading configuration$")
    time.sleep(0.5)
    match(c.ask("b NOOP")[-1], "^b OK ")
    d = Raw(s)
    match(d.line(), r"^\* OK ")
    match(d.ask("a LOGIN frank@example.org secret")[-1], "^a OK ")
    match(c.ask("c LOGOUT")[-1], "^c OK ")
    d.close()


@CASES
def stop_says_goodbye(s):
    c = Raw(s)
    c.line()
    c.ask("a LOGIN frank@example.org secret")
    s.stop()
    check(s.process.returncode == 0, f"exit {s.process.returncode}")
    s.wait_log(r"imap\(frank@example\.org\)<\d+><\S+>: Info: Disconnected: Server shutting down\. in=")
    s.wait_log(r"master: Warning: Killed with signal 15 \(by pid=\d+ uid=\d+ code=kill\)$")


def main():
    words = sys.argv[1:]
    if words[:1] == ["--destdir"]:
        words = words[1:]
    if not words:
        raise SystemExit(__doc__)
    stack.run_cases(Server(words[0]), CASES.functions, [word for word in words[1:] if not word.startswith("-")], "--keep" in words)


if __name__ == "__main__":
    main()
