"""One large Maildir, opened cold (no index of any kind) and warm (the server started anew, the index of the first run there):
seconds for SELECT, FETCH of flags and envelopes, SORT, SEARCH, THREAD and STATUS. Leaves stacks and ratios to run.
SPDX-License-Identifier: Apache-2.0
"""
import os
import time

from client import connect
from stack import MAIL_UID, PASSWORD

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()
STEPS = (
    ("SELECT", b"SELECT Big"),
    ("FETCH FLAGS", b"FETCH 1:* (FLAGS)"),
    ("SORT SUBJECT", b"SORT (SUBJECT) UTF-8 ALL"),
    ("SORT REVERSE DATE", b"SORT (REVERSE DATE) UTF-8 ALL"),
    ("SEARCH SUBJECT", b"SEARCH SUBJECT kappa"),
    ("THREAD REFERENCES", b"THREAD REFERENCES UTF-8 ALL"),
    ("FETCH ENVELOPE, BODYSTRUCTURE", b"FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE)"),
    ("STORE one flag", b"STORE 77 +FLAGS (\\Flagged)"),
    ("SELECT again", b"SELECT Big"),
)


def message(number):
    """A reply now and then, a subject that sorts, two parts."""
    reply = number > 10 and number % 3 == 0
    subject = f"{WORDS[number * 7 % 10]} {WORDS[number * 3 % 7]} {number * 7919 % 20011}"
    head = [f"From: \"Sender {number % 97}\" <sender{number % 97}@bench.test>", "To: <u0@bench.test>",
            f"Subject: {'Re: ' if reply else ''}{subject}", f"Message-ID: <{number}@bench.test>",
            time.strftime("Date: %a, %d %b %Y %H:%M:%S +0000", time.gmtime(1700000000 + number * 7919 % 9999991))]
    if reply:
        head.append(f"References: <{number - 9}@bench.test> <{number - 3}@bench.test>")
    head += ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"cut\""]
    body = ["--cut", "Content-Type: text/plain; charset=utf-8", "", "word " * 14, "--cut",
            "Content-Type: application/octet-stream; name=\"a.bin\"", "Content-Transfer-Encoding: base64", ""]
    body += ["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w"] * 40 + ["--cut--"]
    return ("\n".join(head) + "\n\n" + "\n".join(body) + "\n").encode()


def fill(stack, count):
    """u0's folder Big with messages as a delivery leaves them after a first visit."""
    home = f"{stack.base}/mail/u0/Maildir"
    for part in ("cur", "new", "tmp", ".Big", ".Big/cur", ".Big/new", ".Big/tmp"):
        os.makedirs(f"{home}/{part}", exist_ok=True)
    for number in range(count):
        name = f"{1700000000 + number}.M{number % 1000000}P1.bench.test:2,{'S' if number % 5 else ''}"
        with open(f"{home}/.Big/cur/{name}", "wb") as out:
            out.write(message(number))
        os.utime(f"{home}/.Big/cur/{name}", (1700000000 + number,) * 2)
    open(f"{home}/.Big/maildirfolder", "wb").close()
    for root, dirs, files in os.walk(f"{stack.base}/mail/u0"):
        for one in [root] + [f"{root}/{name}" for name in dirs + files]:
            os.chown(one, MAIL_UID, MAIL_UID)


def visit(stack, kind):
    """All steps in one session, each with its seconds."""
    client = connect(stack.imap)
    client.imap(b"", b"* OK")
    client.imap(b"a LOGIN u0 %s\r\n" % PASSWORD.encode(), b"a OK")
    times = {}
    for number, (name, command) in enumerate(STEPS):
        begin = time.monotonic()
        client.imap(b"s%d %s\r\n" % (number, command), b"s%d OK" % number)
        times[f"{kind}, {name}, ms"] = 1000 * (time.monotonic() - begin)
    client.imap(b"z LOGOUT\r\n", b"z OK")
    client.sock.close()
    return times


def measure_mailbox(stack, options):
    """Cold, then warm twice: the second time after a change by the first."""
    fill(stack, 500 if options.quick else 20000)
    times = {}
    for kind in ("cold", "warm", "warm after a flag"):
        stack.start(with_postfix=False)
        begin = stack.cpu()
        times.update(visit(stack, kind))
        time.sleep(0.5)
        times[f"{kind}, CPU ms of all"] = 1000 * (stack.cpu() - begin)
        stack.stop()
    return times
