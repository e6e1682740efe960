#!/usr/bin/env python3
# Starts our dovecot with a private configuration and delivers through its lmtp socket: what is stored, what is answered, what
# is logged; and that nothing is acknowledged when the worker cannot store. Works as root and as an ordinary user.
# SPDX-License-Identifier: Apache-2.0
"""usage: lmtp.py --destdir DIR     DIR: an installation or a build folder. exit 0: all cases passed; 77: something is missing"""
import argparse
import os
import poplib
import pwd
import re
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position
from support.stack import check, match  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = ["dovecot", "auth", "lmtp", "imap", "mail-worker", "pop3", "pop3-login", "dovecot-lda"]
MAIL_UID = 5998  # as root: the uid of all mail; needs no passwd entry


class Server(stack.PrivateDovecot):
    def __init__(self, destdir):
        super().__init__(destdir, "lmtp-", PROGRAMS, MAIL_UID)
        self.port, self.pop3 = stack.free_port(), stack.free_port()
        self.socket = str(self.dir / "run" / "lmtp")
        where = f"{self.uid}:{self.gid}::{self.mail}"
        (self.dir / "users").write_text(
            f"frank@example.org:{{PLAIN}}secret:{where}/frank::\nanna@example.org:{{PLAIN}}secret:{where}/anna::\n"
            f"low@example.org:{{PLAIN}}secret:12:12::{self.mail}/low::\n"
            f"full@example.org:{{PLAIN}}secret:{self.uid}:{self.gid}::/proc/full::\n")
        self.config.write_text(self.config_text())

    def brokers(self):
        """Process ids of the parent's children named imap."""
        found = []
        for name in os.listdir("/proc"):
            try:
                stat = Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            if "(imap) " in stat and int(stat.rpartition(")")[2].split()[1]) == self.process.pid:
                found.append(int(name))
        return found

    def config_text(self):
        return f"""
protocols = imap pop3 lmtp
{self.common_settings()}
ssl = no
disable_plaintext_auth = no
login_greeting = Test ready.
hostname = mail.example.org
first_valid_uid = 500
mail_location = maildir:~/Maildir
recipient_delimiter = +
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
userdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
protocol lmtp {{
  lmtp_save_to_detail_mailbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = 0
  }}
  executable = pop3-login
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service auth {{
  user = {self.me}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {self.port}
  }}
  unix_listener lmtp {{
    mode = 0600
    user = {self.me}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

    def start(self):
        self.start_on(self.port)

    def lmtp(self, unix=False):
        client = smtplib.LMTP(self.socket, 0, "client.example") if unix else smtplib.LMTP("127.0.0.1", self.port, "client.example")
        client.ehlo()
        return client

    # Texts of the messages in a mailbox of a user, oldest first.
    def messages(self, user, box=""):
        maildir = self.mail / user / "Maildir" / box
        files = [p for sub in ("new", "cur") for p in (maildir / sub).glob("*")]
        return [p.read_bytes().decode() for p in sorted(files, key=lambda p: [int(n) for n in re.findall(r"\d+", p.name)[:2]])]


def reply(answer):
    return f"{answer[0]} {answer[1].decode()}"


CASES = stack.Cases()


# One transaction: replies at RCPT, and after the message.
def send(client, rcpts, text, sender="sender@example.net"):
    check(client.mail(sender)[0] == 250, "MAIL")
    at_rcpt = [reply(client.rcpt(rcpt)) for rcpt in rcpts]
    code, _ = client.docmd("DATA")
    check(code == 354, f"DATA: {code}")
    client.send(text.replace("\n", "\r\n") + ".\r\n")
    return at_rcpt, [reply(client.getreply()) for answer in at_rcpt if answer.startswith("250")]


@CASES
def one_message_over_the_unix_socket(s):
    c = s.lmtp(unix=True)
    match(repr(c.ehlo_resp), r"mail\.example\.org\\n8BITMIME\\nCHUNKING\\nENHANCEDSTATUSCODES\\nPIPELINING")
    at_rcpt, saved = send(c, ["frank@example.org"], "Subject: one\nMessage-ID: <one@test>\n\nhello\n..dot\n")
    check(at_rcpt == ["250 2.1.5 OK"], f"{at_rcpt}")
    match(saved[0], r"^250 2\.0\.0 <frank@example\.org> \S{22} Saved$")
    c.quit()
    stored = s.messages("frank")
    check(len(stored) == 1, f"{len(stored)} messages")
    match(stored[0], r"^Return-Path: <sender@example\.net>\nDelivered-To: frank@example\.org\nReceived: from client\.example\n"
                     r"\tby mail\.example\.org with LMTP\n\tid \S{22}\n\t\(envelope-from <sender@example\.net>\)\n"
                     r"\tfor <frank@example\.org>; [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} [+-]\d{4}\n"
                     r"Subject: one\nMessage-ID: <one@test>\n\nhello\n\.dot\n$")
    s.wait_log(r"lmtp\(\d+\): Info: Connect from local$")
    s.wait_log(r"lmtp\(frank@example\.org\)<\d+><\S+>: Info: msgid=<one@test>: saved mail to INBOX$")
    s.wait_log(r"lmtp\(\d+\): Info: Disconnect from local: Logged out \(state=READY\)$")
    if s.root:
        owner = next((s.mail / "frank" / "Maildir" / "new").glob("*")).stat().st_uid
        check(owner == s.uid, f"owner {owner}")
        pid = re.search(r"lmtp\((\d+)\): Info: Connect from local", s.lines()).group(1)
        status = Path(f"/proc/{pid}/status").read_text()
        check(re.search(r"^Uid:\s+" + str(pwd.getpwnam("dovecot").pw_uid), status, re.M), "lmtp is not root")


@CASES
def several_recipients_over_tcp(s):
    c = s.lmtp()
    at_rcpt, saved = send(c, ["frank@example.org", "nobody@example.org", "ANNA@example.org", "low@example.org", "full@example.org"],
                          "Subject: two\n\nbody\n")
    check(at_rcpt == ["250 2.1.5 OK", "550 5.1.1 <nobody@example.org> User doesn't exist: nobody@example.org"] +
          ["250 2.1.5 OK"] * 3, f"{at_rcpt}")
    check(len(saved) == 4, f"{saved}")
    match(saved[0], r"^250 2\.0\.0 <frank@example\.org> \S{22} Saved$")
    match(saved[1], r"^250 2\.0\.0 <ANNA@example\.org> \S{22}:R2 Saved$")
    check(saved[2] == "451 4.3.0 <low@example.org> Temporary internal error" or not s.root, f"{saved[2]}")
    check(saved[3] == "451 4.3.0 <full@example.org> Temporary internal error", f"{saved[3]}")
    # The next transaction of the same connection.
    saved = send(c, ["anna@example.org"], "Subject: three\n\nbody\n", "")[1]
    match(saved[0], r"^250 2\.0\.0 <anna@example\.org> \S{22}:T2 Saved$")
    c.quit()
    stored = s.messages("anna")
    check(len(stored) == 2, f"{len(stored)} messages")
    match(stored[0], r"^Return-Path: <sender@example\.net>\nReceived: from client\.example \(\[127\.0\.0\.1\]\)\n[^;]*"
                     r"\(envelope-from <sender@example\.net>\); [^\n]*\nSubject: two\n")
    match(stored[1], r"^Return-Path: <>\nDelivered-To: anna@example\.org\n")
    s.wait_log(r"lmtp\(anna@example\.org\)<\d+><\S+>: Info: msgid=unspecified: saved mail to INBOX$")
    s.wait_log(r"lmtp\(\d+\): Info: Disconnect from 127\.0\.0\.1: Logged out \(state=READY\)$")


@CASES
def a_large_message(s):
    c = s.lmtp()
    body = "".join(f"{n:070d}\n" for n in range(40000))
    saved = send(c, ["anna@example.org", "frank@example.org"], "Subject: large\n\n" + body)[1]
    check(all(answer.endswith("Saved") for answer in saved), f"{saved}")
    c.quit()
    for user in ("anna", "frank"):
        check(s.messages(user)[-1].endswith("Subject: large\n\n" + body), "all of it is there")


@CASES
def detail_addresses(s):
    c = s.lmtp()
    before = len(s.messages("frank"))
    saved = send(c, ["frank+missing@example.org"], "Subject: detail\n\nbody\n")[1]
    match(saved[0], r"^250 2\.0\.0 <frank\+missing@example\.org> \S+ Saved$")
    check(len(s.messages("frank")) == before + 1, "without the mailbox it goes to INBOX")
    box = s.mail / "frank" / "Maildir" / ".lists"
    for path in (box, box / "cur", box / "new", box / "tmp"):
        path.mkdir()
        os.chown(path, s.uid, s.gid)
    saved = send(c, ["frank+lists@example.org"], "Subject: detail\nMessage-ID: <d@test>\n\nbody\n")[1]
    match(saved[0], r"^250 ")
    check(len(s.messages("frank", ".lists")) == 1, "saved to the detail's mailbox")
    s.wait_log(r"msgid=<d@test>: saved mail to lists$")
    c.quit()


@CASES
def many_at_once(s):
    clients = [s.lmtp(unix=n % 2 == 0) for n in range(20)]
    before = len(s.messages("anna"))
    for c in clients:
        c.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n")
    for c in clients:
        for wanted in (250, 250, 354):
            check(c.getreply()[0] == wanted, "pipelined")
        c.send("Subject: many\r\n\r\nbody\r\n.\r\n")
    for c in clients:
        check(c.getreply()[0] == 250, "saved")
        c.quit()
    check(len(s.messages("anna")) == before + len(clients), "each is there once")


@CASES
def pop3_reads_what_lmtp_stored(s):
    c = poplib.POP3("127.0.0.1", s.pop3)
    check(c.user("frank@example.org") == b"+OK", "USER")
    check(c.pass_("secret") == b"+OK Logged in.", "PASS")
    count = c.stat()[0]
    check(count == len(s.messages("frank")), f"{count} messages")
    uidl = c.uidl()[1]
    check(len(uidl) == count and re.match(rb"1 [0-9a-f]{16}$", uidl[0]), f"{uidl}")
    lines = c.retr(1)[1]
    check(b"Subject: one" in lines and lines[-1] == b".dot", f"{lines}")
    check(c.top(1, 0)[1][-1] == b"", "the header")
    check(c.dele(1) == b"+OK Marked to be deleted.", "DELE")
    check(c.quit() == b"+OK Logging out, messages deleted.", "QUIT")
    check(len(s.messages("frank")) == count - 1, "one less")
    s.wait_log(r"pop3\(frank@example\.org\)<\d+><\S+>: Info: Disconnected: Logged out top=1/\d+, retr=1/\d+, del=1/\d+, size=\d+$")


# Exit status and what came on both outputs.
def lda(s, words, text="Subject: lda\nMessage-ID: <l@test>\n\nbody\n", config=True):
    done = subprocess.run([s.dir / "libexec" / "dovecot-lda", *(["-c", s.config] if config else []), *words], input=text.encode(),
                          capture_output=True, timeout=30)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


@CASES
def dovecot_lda(s):
    before = len(s.messages("anna"))
    check(lda(s, ["-d", "anna@example.org", "-f", "a@b.example"]) == (0, ""), "stored")
    match(s.messages("anna")[-1], r"^Return-Path: <a@b\.example>\nSubject: lda\nMessage-ID: <l@test>\n\nbody\n$")
    s.wait_log(r"lda\(anna@example\.org\)<\d+><\S+>: Info: msgid=<l@test>: saved mail to INBOX$")
    check(lda(s, ["-d", "anna@example.org", "-m", "Nope"], "From x@y.example Mon\nSubject: mbox\n\nbody\n")[0] == 0, "INBOX instead")
    match(s.messages("anna")[-1], r"^Return-Path: <x@y\.example>\nSubject: mbox\n\nbody\n$")
    check(len(s.messages("anna")) == before + 2, "two more")
    check(lda(s, ["-d", "nobody@example.org"]) == (67, ""), "unknown user")
    check(lda(s, ["-d", "anna@example.org", "-p", "/nonexistent"])[0] == 75, "no such file")
    check(lda(s, ["-d", "anna@example.org"], "")[0] == 75, "an empty message")
    check(lda(s, ["-d", "full@example.org"])[0] == 75, "no room")
    check(lda(s, ["-c", "/nonexistent", "-d", "anna@example.org"], config=False)[0] == 75, "no configuration")
    status, text = lda(s, ["-Z"])
    check(status == 64 and "Usage: dovecot-lda [-c <config file>]" in text, f"{status} {text}")
    if s.root:
        check(lda(s, [])[0] == 64, "root needs -d")
        check(lda(s, ["-d", "low@example.org"])[0] == 75, "a uid below first_valid_uid")
        newest = max((s.mail / "anna" / "Maildir" / "new").glob("*"), key=lambda p: p.stat().st_mtime)
        check(newest.stat().st_uid == s.uid, "stored as the user")


@CASES
def nothing_is_lost_when_the_broker_dies(s):
    c = s.lmtp()
    check(c.mail("a@b.example")[0] == 250 and c.rcpt("anna@example.org")[0] == 250, "before")
    os.rename(s.dir / "run" / "delivery", s.dir / "run" / "away")
    try:
        for pid in s.brokers():
            os.kill(pid, signal.SIGKILL)
        check(c.docmd("DATA")[0] == 354, "DATA")
        c.send("Subject: lost\r\n\r\nbody\r\n.\r\n")
        answer = reply(c.getreply())
    finally:
        os.rename(s.dir / "run" / "away", s.dir / "run" / "delivery")
    check(answer == "451 4.3.0 <anna@example.org> Temporary internal error", answer)
    check(not any("Subject: lost" in text for text in s.messages("anna")), "not stored")
    c.quit()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--destdir", required=True)
    arguments.add_argument("--keep", action="store_true")
    arguments.add_argument("cases", nargs="*")
    options = arguments.parse_args()
    stack.run_cases(Server(options.destdir), CASES.functions, options.cases, options.keep)


if __name__ == "__main__":
    main()
