"""Mail that comes in: by SMTP through the queue into a Maildir, and by LMTP straight into Dovecot's socket.
SPDX-License-Identifier: Apache-2.0
"""
import time

from client import MESSAGE, connect, connect_unix, in_threads
from stack import DOMAIN

SESSIONS = 20
RECIPIENTS = 4  # of each LMTP message


def wait_for(stack, expected, timeout):
    """Returns when so many messages lie in the Maildirs."""
    deadline = time.monotonic() + timeout
    while stack.delivered() < expected:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{stack.name}: {stack.delivered()} of {expected} messages arrived")
        time.sleep(0.02)


def measure_smtp(stack, options):
    """Messages per second from the first SMTP connection to the last file in a Maildir, and CPU per message: 20 sessions, long
    enough that the start of processes counts as it does in a day's work (the incumbent's end after max_use clients)."""
    each = 5 if options.quick else 250

    def session(number):
        client = connect(stack.smtp)
        client.smtp(b"", b"220")
        client.smtp(b"EHLO client.bench.test\r\n", b"250")
        for _ in range(each):
            client.smtp(b"MAIL FROM:<sender@bench.test>\r\n", b"250")
            client.smtp(b"RCPT TO:<u%d@%s>\r\n" % (number, DOMAIN.encode()), b"250")
            client.smtp(b"DATA\r\n", b"354")
            client.smtp(MESSAGE + b".\r\n", b"250")
        client.smtp(b"QUIT\r\n", b"221")

    stack.start(with_postfix=True)
    if len(stack.roots) != 2:
        raise RuntimeError(f"{stack.name}: two parents expected, found {stack.roots}")
    expected, cpu, begin = SESSIONS * each, stack.cpu(), time.monotonic()
    in_threads(SESSIONS, session)
    wait_for(stack, expected, options.timeout)
    seconds = time.monotonic() - begin
    time.sleep(0.5)  # the queue files of the last messages
    return {"SMTP to Maildir, messages/s": expected / seconds,
            "SMTP to Maildir, CPU ms per message": 1000 * (stack.cpu() - cpu) / expected}


def measure_lmtp(stack, options):
    """Deliveries per second over Dovecot's LMTP socket and CPU for each: 10 sessions, four recipients a message. A reply per
    recipient says that his copy is on disk, so the last reply is the end."""
    sessions, each = 10, 5 if options.quick else 50

    def session(number):
        client = connect_unix(f"{stack.base}/spool/private/dovecot-lmtp")
        client.smtp(b"", b"220")
        client.smtp(b"LHLO client.bench.test\r\n", b"250")
        for turn in range(each):
            client.smtp(b"MAIL FROM:<sender@bench.test>\r\n", b"250")
            for rcpt in range(RECIPIENTS):
                user = (number * RECIPIENTS + turn + rcpt) % (sessions * RECIPIENTS)
                client.smtp(b"RCPT TO:<u%d@%s>\r\n" % (user, DOMAIN.encode()), b"250")
            client.smtp(b"DATA\r\n", b"354")
            client.sock.sendall(MESSAGE + b".\r\n")
            for _ in range(RECIPIENTS):
                client.smtp(b"", b"250")
        client.smtp(b"QUIT\r\n", b"221")

    stack.start(with_postfix=False)
    expected, cpu, begin = sessions * each * RECIPIENTS, stack.cpu(), time.monotonic()
    in_threads(sessions, session)
    seconds = time.monotonic() - begin
    wait_for(stack, expected, 5)
    return {"LMTP deliveries/s": expected / seconds,
            "LMTP, CPU ms per delivery": 1000 * (stack.cpu() - cpu) / expected}
