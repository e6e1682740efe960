#!/usr/bin/env python3
# Half of each: our MTA with the real Dovecot (auth socket, LMTP), the real Postfix with our auth and LMTP, and one Maildir
# that is filled by one side and read by the other with the same UIDs and flags. As root, in a directory of its own, on
# high ports; the real packages keep their own configuration and need not run.
# SPDX-License-Identifier: Apache-2.0
"""usage: pairings.py --destdir DIR [CASE...]   exit 0: all good; 1: a check failed; 77: not root, or something is missing"""
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
from support.stack import check, wait_until  # noqa: E402  pylint: disable=wrong-import-position

MAIL_UID = 5997  # the uid of all mail; needs no passwd entry
DOVEADM = "/usr/bin/doveadm"
CASES = stack.Cases()


class Systems:
    """Both sides of both, with one spool and one store."""

    def __init__(self, options, directory):
        self.dir = directory
        self.programs = {"ours": stack.Programs.ours(options.destdir, directory / "programs"), "real": stack.Programs.real()}
        self.smtp, self.imap = stack.free_port(), stack.free_port()
        self.mail = self.dir / "mail"
        self.mail.mkdir()
        os.chown(self.mail, MAIL_UID, MAIL_UID)
        (self.dir / "users").write_text("".join(
            f"{user}@example.org:{{PLAIN}}secret:{MAIL_UID}:{MAIL_UID}::{self.mail}/{user}::\n" for user in ("frank", "anna")))
        stack.make_queue(self.dir)
        self.spool, self.data = self.dir / "spool", self.dir / "data"
        self.running = []

    def end(self):
        for daemon in reversed(self.running):
            daemon.stop()
        self.running = []

    def dovecot(self, whose):
        config, programs = self.dir / f"{whose}-dovecot.conf", self.programs[whose]
        source = f"driver = passwd-file\n  args = {self.dir}/users"
        config.write_text(stack.dovecot_conf(programs, self.dir, whose, self.imap, self.spool, source))
        daemon = stack.Daemon([programs.dovecot, "-F", "-c", config], self.dir / f"{whose}-dovecot.log")
        self.running.append(daemon)
        return daemon.wait_for(self.imap, "* OK")

    def postfix(self, whose):
        etc, log, programs = self.dir / f"{whose}-etc", self.dir / f"{whose}-postfix.log", self.programs[whose]
        etc.mkdir()
        (etc / "mailboxes").write_text("frank@example.org x\nanna@example.org x\n")
        (etc / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {self.spool}
data_directory = {self.data}
command_directory = {programs.commands}
daemon_directory = {programs.daemons}
maillog_file = {log}
maillog_file_prefixes = {self.dir}
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
smtpd_relay_restrictions = permit_sasl_authenticated, reject
virtual_transport = lmtp:unix:private/dovecot-lmtp
virtual_mailbox_domains = example.org
virtual_mailbox_maps = texthash:{etc}/mailboxes
""")
        (etc / "master.cf").write_text(f"127.0.0.1:{self.smtp} inet n - n - - smtpd\n{stack.SERVICES}"
                                       + ("postlog unix-dgram n - n - 1 postlogd\n" if whose == "real" else ""))
        daemon = stack.Daemon([programs.daemons / "master", "-c", etc, "-d"], log, dict(os.environ, MAIL_CONFIG=str(etc)))
        self.running.append(daemon)
        return daemon.wait_for(self.smtp, "220 ")

    def login(self, user):
        client = imaplib.IMAP4("127.0.0.1", self.imap)
        client.login(f"{user}@example.org", "secret")
        return client

    def state(self, user, mailbox="INBOX"):
        """What a client sees: uidvalidity, and the subject and flags of each UID."""
        client = self.login(user)
        check(client.select(mailbox, readonly=True)[0] == "OK", f"cannot select {mailbox}")
        validity = int(client.response("UIDVALIDITY")[1][0])
        messages = {}
        for row in client.uid("fetch", "1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
            if isinstance(row, tuple):
                uid = int(re.search(rb"UID (\d+)", row[0]).group(1))
                flags = re.search(rb"FLAGS \(([^)]*)\)", row[0]).group(1).decode().split()
                messages[uid] = (row[1].decode().split(":", 1)[1].strip(), sorted(set(flags) - {"\\Recent"}))
        client.logout()
        return validity, messages


def through_both(s, mta):
    """Auth over the socket, delivery over LMTP, and what the MTA says of them."""
    with smtplib.SMTP("127.0.0.1", s.smtp, timeout=20) as client:
        client.ehlo("client.example.org")
        check("PLAIN" in client.esmtp_features.get("auth", ""), f"AUTH is offered: {client.esmtp_features}")
        client.mail("frank@example.org")
        check(client.rcpt("anna@example.org")[0] == 554, "no login, no relay")
        client.rset()
        try:
            client.login("frank@example.org", "wrong")
            check(False, "a wrong password is taken")
        except smtplib.SMTPAuthenticationError as error:
            check(error.smtp_code == 535, f"the answer to a wrong password is {error}")
        for mechanism in ("auth_login", "auth_plain"):
            client.user, client.password = "frank@example.org", "secret"
            code, text = client.auth(mechanism[5:].upper(), getattr(client, mechanism))
            check(code == 235, f"{mechanism}: {text}")
            body = f"From: frank@example.org\r\nSubject: by {mechanism}\r\n\r\n.dot\r\nF\xfcr Anna\r\n".encode("latin-1")
            refused = client.sendmail("frank@example.org", ["anna@example.org", "nobody@example.org"], body)
            check(list(refused) == ["nobody@example.org"] and refused["nobody@example.org"][0] == 550, f"refused: {refused}")
            client.quit()
            if mechanism == "auth_login":
                client.connect("127.0.0.1", s.smtp)
                client.ehlo("client.example.org")
    sent = r"to=<anna@example\.org>, .*relay=\S*private/dovecot-lmtp\S*, .*status=sent \(250 2\.0\.0 <anna@example\.org> \S+ Saved\)"
    wait_until("two deliveries by LMTP in the log", lambda: len(re.findall(sent, mta.lines())) == 2)
    client = s.login("anna")
    client.select("INBOX")
    got = [client.fetch(str(number), "(RFC822)")[1][0][1] for number in (1, 2)]
    client.logout()
    for text in got:
        check(text.startswith(b"Return-Path: <frank@example.org>\r\nDelivered-To: anna@example.org\r\n"), f"head: {text!r}")
        check(text.endswith(b"\r\n\r\n.dot\r\nF\xfcr Anna\r\n"), f"body: {text!r}")
    check(sorted(re.search(rb"Subject: by (\w+)", text).group(1) for text in got) == [b"auth_login", b"auth_plain"], "both came")
    check(not list((s.spool / "active").iterdir()) and not list((s.spool / "incoming").iterdir()), "the queue is empty")


@CASES
def our_postfix_with_real_dovecot(s):
    s.dovecot("real")
    through_both(s, s.postfix("ours"))


@CASES
def real_postfix_with_our_dovecot(s):
    s.dovecot("ours")
    through_both(s, s.postfix("real"))


def fill(s, user):
    """Flags, keywords, a gap in the UIDs, a folder, a copy."""
    client = s.login(user)
    for number, flags in enumerate(["", r"(\Seen)", r"(\Flagged \Answered)", r"(\Draft $Forwarded)", r"(\Deleted)"], 1):
        check(client.append("INBOX", flags, None, f"Subject: message {number}\r\n\r\nbody\r\n".encode())[0] == "OK", "APPEND")
    client.create("Archive")
    client.subscribe("Archive")
    client.select("INBOX")
    client.expunge()
    client.append("INBOX", "(Work $Forwarded)", None, b"Subject: message 6\r\n\r\nbody\r\n")
    client.noop()
    check(client.uid("copy", "2,6", "Archive")[0] == "OK", "COPY")
    client.uid("store", "1", "+FLAGS", r"(Later \Flagged)")
    client.uid("store", "2", "-FLAGS", r"(\Seen)")
    client.logout()


def states(s, user):
    inbox, archive = s.state(user), s.state(user, "Archive")
    check(sorted(inbox[1]) == [1, 2, 3, 4, 6] and sorted(archive[1]) == [1, 2], f"UIDs: {inbox} {archive}")
    check(inbox[1][1][1] == ["Later", "\\Flagged"] and inbox[1][2][1] == [], f"flags: {inbox}")
    check(inbox[1][6][1] == archive[1][2][1] == ["$Forwarded", "Work"], f"keywords: {inbox} {archive}")
    return inbox, archive


def go_on(s, user):
    """The other side adds: the next UID, no reuse, and its flags."""
    client = s.login(user)
    client.select("INBOX")
    client.append("INBOX", r"(\Seen Newest)", None, b"Subject: message 7\r\n\r\nbody\r\n")
    client.uid("store", "3", "FLAGS", r"(\Seen Work)")
    check(b"Archive" in client.lsub()[1][-1], "the subscription is there")
    client.logout()
    validity, messages = s.state(user)
    check(messages[7] == ("message 7", ["Newest", "\\Seen"]) and messages[3][1] == ["Work", "\\Seen"], f"gone on: {messages}")
    return validity, messages


def doveadm_state(s, user, mailbox):
    def run(*words):
        return subprocess.run([DOVEADM, "-c", s.dir / "real-dovecot.conf", *words], check=True, capture_output=True, text=True,
                              timeout=30).stdout
    validity = int(re.search(r"uidvalidity=(\d+)", run("mailbox", "status", "-u", f"{user}@example.org", "uidvalidity", mailbox))[1])
    messages = {}
    for row in run("-f", "tab", "fetch", "-u", f"{user}@example.org", "uid flags hdr.subject", "mailbox", mailbox).splitlines()[1:]:
        uid, flags, subject = row.split("\t")
        messages[int(uid)] = (subject, sorted(set(flags.split()) - {"\\Recent"}))
    return validity, messages


def swap(s, first, second, user):
    s.dovecot(first)
    fill(s, user)
    before = states(s, user)
    s.end()
    s.dovecot(second)
    check(states(s, user) == before, f"{second} reads {states(s, user)}, {first} had {before}")
    if second == "real":
        seen = doveadm_state(s, user, "INBOX"), doveadm_state(s, user, "Archive")
        check(seen == before, f"doveadm reads {seen}, {first} had {before}")
    after = go_on(s, user)
    check(after[0] == before[0][0], "UIDVALIDITY stays")
    s.end()
    s.dovecot(first)
    check(s.state(user) == after, f"{first} again reads {s.state(user)}, {second} had {after}")


@CASES
def maildir_of_ours_read_by_real_dovecot(s):
    swap(s, "ours", "real", "frank")


@CASES
def maildir_of_real_dovecot_read_by_ours(s):
    swap(s, "real", "ours", "frank")


def detail(s, user):
    """What only an index knows: modseqs, save dates, and keywords beyond the 26 letters; and HIGHESTMODSEQ."""
    client = s.login(user)
    client.is_readonly = True
    check(client._simple_command("EXAMINE", "INBOX", "(CONDSTORE)")[0] == "OK", "EXAMINE (CONDSTORE)")
    highest = int(client.response("HIGHESTMODSEQ")[1][0])
    validity = int(client.response("UIDVALIDITY")[1][0])
    client.state = "SELECTED"
    messages = {}
    for row in client.uid("fetch", "1:*", "(UID FLAGS MODSEQ SAVEDATE)")[1]:
        text = row.decode()
        uid, modseq = int(re.search(r"UID (\d+)", text)[1]), int(re.search(r"MODSEQ \((\d+)\)", text)[1])
        flags = sorted(set(re.search(r"FLAGS \(([^)]*)\)", text)[1].split()) - {"\\Recent"})
        messages[uid] = (flags, modseq, time.strptime(re.search(r'SAVEDATE "([^"]*)"', text)[1][:20], "%d-%b-%Y %H:%M:%S"))
    client.logout()
    return validity, highest, messages


def change_much(s, user, turn):
    """34 keywords over five messages at first, then some off and on; a message more and one less each turn."""
    client = s.login(user)
    client.select("INBOX")
    if turn == 0:
        for number in range(5):
            check(client.append("INBOX", "", None, f"Subject: message {number}\r\n\r\nbody\r\n".encode())[0] == "OK", "APPEND")
        client.noop()
        for number in range(34):
            check(client.uid("store", str(1 + number % 5), "+FLAGS", f"(Key{number:02})")[0] == "OK", "STORE")
    else:
        client.append("INBOX", r"(\Seen)", None, f"Subject: turn {turn}\r\n\r\nbody\r\n".encode())
        client.noop()
        client.uid("store", "2", "-FLAGS", "(Key31)")
        client.uid("store", "1,4", "+FLAGS", f"(Key3{turn % 4} Turn{turn})")
        client.uid("store", "5", "FLAGS", rf"(\Flagged Key29 Turn{turn})")
        if turn == 2:
            client.uid("store", "3", "+FLAGS", r"(\Deleted)")
            client.expunge()
    client.logout()


def swap_index(s, sides):
    """In turns, twice each: nothing is lost, modseqs grow, and what did not change is not told as changed by us."""
    before = None
    for turn, side in enumerate(sides):
        s.dovecot(side)
        if before:
            now = detail(s, "frank")
            flags = [{uid: message[0] for uid, message in state[2].items()} for state in (before, now)]
            check(now[0] == before[0] and flags[0] == flags[1], f"turn {turn}, {side}: {flags[1]}, before {flags[0]}")
            check(now[1] > before[1], f"turn {turn}, {side}: HIGHESTMODSEQ {now[1]}, before {before[1]}")
            if side == "ours":
                for uid, (_, modseq, saved) in before[2].items():
                    # Not above what was said before: a client that has seen that need not ask for it again.
                    check(now[2][uid][1] <= modseq, f"turn {turn}: modseq of {uid} is {now[2][uid][1]}, before {modseq}")
                    # The real one takes the time of the last rename where we had the mailbox before it.
                    good = now[2][uid][2] == saved if turn == 1 else now[2][uid][2] <= saved
                    check(good, f"turn {turn}: {uid} was saved {now[2][uid][2]}, before {saved}")
        change_much(s, "frank", turn)
        after = detail(s, "frank")
        changed = [uid for uid in after[2] if before and uid in before[2] and after[2][uid][0] != before[2][uid][0]]
        check(all(after[2][uid][1] > before[1] for uid in changed), f"turn {turn}: changes have modseqs above {before}")
        check(turn == 0 or len(changed) >= 3, f"turn {turn}: changed {changed}")
        before = after
        s.end()
    log = (s.dir / "real-dovecot.log").read_text()
    wrong = [line for line in log.splitlines() if re.search("Error|Warning|orrupt|Panic|Fatal", line)
             and "Killed with signal 15" not in line]
    check(not wrong, f"the real one complains: {wrong}")


@CASES
def index_given_and_taken_beginning_with_ours(s):
    swap_index(s, ["ours", "real", "ours", "real", "ours"])


@CASES
def index_given_and_taken_beginning_with_real(s):
    swap_index(s, ["real", "ours", "real", "ours", "real"])


if __name__ == "__main__":
    if os.geteuid() != 0:
        stack.missing("needs root")
    stack.need_users("postfix", "dovecot", "dovenull")
    CASES.run(Systems, "pairings.py --destdir DIR [--keep] [CASE...]", "pairings-")
